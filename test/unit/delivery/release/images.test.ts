import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BatchGetImageCommand, ECRClient, PutImageCommand } from '@aws-sdk/client-ecr';
import { expect, test } from '@jest/globals';
import type { Sandbox } from '../../../../sandbox/index.ts';
import { imageFindings, indexMembership, pinImages } from '../../../../src/delivery/release/images.ts';
import type { ServiceContext } from '../../../../src/delivery/release/request.ts';
import type { TaskDefinition } from '../../../../src/ecs/task-definition/task-definition.ts';
import { DEV, useSandboxes } from '../../../support/action.ts';
import { clientOf } from '../../../support/aws-clients.ts';
import { REPOSITORY } from '../../../support/image.ts';
import { pushMultiPlatform } from '../../../support/multi-platform.ts';
import { RegistrySession } from '../../../support/registry.ts';
import { contextOf } from '../../images/registry/context.ts';

const sandboxOf = useSandboxes();
const DENIED = { kind: 'error', code: 'AccessDeniedException', status: 400, times: 99 } as const;
const NAME = `${DEV}.dkr.ecr.eu-west-1.amazonaws.com/${REPOSITORY}`;

const DIGEST = `sha256:${'1'.repeat(64)}`;
/** The container of every definition in this file. */
const API = new Set(['api']);
/** No image was searched before. */
const NONE = new Map();

async function imageIn(sandbox: Sandbox) {
  const session = await RegistrySession.open(sandbox, { imageTagMutability: 'IMMUTABLE' }, DEV);
  const image = await pushMultiPlatform(session, 'v1');
  const ecr = (region = 'eu-west-1') => Promise.resolve(clientOf(sandbox, ECRClient, DEV, region));
  const context = { ...contextOf(), env: { DOCKER_CONFIG: '/nowhere' }, region: 'eu-west-1', ecr };
  return { session, image, context: context as unknown as ServiceContext };
}

function definitionOf(image: string, cpuArchitecture = 'X86_64'): TaskDefinition {
  return {
    containerDefinitions: [{ name: 'api', image }],
    runtimePlatform: { cpuArchitecture },
  } as unknown as TaskDefinition;
}

test('an image by tag is pinned to its digest; a missing one is not changed', async () => {
  const { context, image } = await imageIn(await sandboxOf());
  const pinned = await pinImages(context, definitionOf(`${NAME}:v1`), API);
  expect(pinned.definition.containerDefinitions[0]?.image).toBe(`${NAME}@${image.digest}`);
  const missing = definitionOf(`${NAME}:v2`);
  const { definition, unpinned } = await pinImages(context, missing, API);
  expect(definition).toEqual(missing);
  expect(unpinned.get(`${NAME}:v2`)).toMatchObject({ level: 'error' });
});

test('only the images of an index are part of it', async () => {
  const { context, image } = await imageIn(await sandboxOf());
  const whole = `${NAME}@${image.digest}`;
  expect(await indexMembership(context, whole, image.children[0] ?? '')).toBe('part');
  expect(await indexMembership(context, whole, image.digest)).toBe('other');
});

test.each([
  ['a missing image', `${NAME}:v2`],
  ['an image in a registry that does not exist', 'registry.invalid/api:v1'],
  ['an image in a region that does not have it', `${DEV}.dkr.ecr.us-east-1.amazonaws.com/${REPOSITORY}:v1`],
])('%s cannot be checked', async (_what, name) => {
  const { context, image } = await imageIn(await sandboxOf());
  expect(await indexMembership(context, name, image.digest)).toBe('unknown');
});

test('without permission to read the index, it cannot be checked', async () => {
  const sandbox = await sandboxOf();
  const { context, image } = await imageIn(sandbox);
  sandbox.addFault({
    operation: 'BatchGetImage',
    kind: 'status',
    status: 400,
    code: 'AccessDeniedException',
    probability: 1,
  });
  expect(await indexMembership(context, `${NAME}@${image.digest}`, image.children[0] ?? '')).toBe('unknown');
});

test('a missing image, or one for another CPU only, is a finding', async () => {
  const { session, context, image } = await imageIn(await sandboxOf());
  expect(await imageFindings(context, definitionOf(`${NAME}:v1`, 'ARM64'), NONE)).toEqual([]);
  const [missing] = await imageFindings(context, definitionOf(`${NAME}:v2`), NONE);
  expect(missing).toMatchObject({ level: 'error', message: `The image ${NAME}:v2 is not in ECR.` });
  const imageIds = [{ imageDigest: image.digest }];
  const { images = [] } = await session.client.send(
    new BatchGetImageCommand({ repositoryName: REPOSITORY, imageIds }),
  );
  const index = JSON.parse(images[0]?.imageManifest ?? '{}') as { manifests: { platform: object }[] };
  const manifests = index.manifests.filter(({ platform }) => JSON.stringify(platform).includes('amd64'));
  const imageManifest = JSON.stringify({ ...index, manifests });
  await session.client.send(
    new PutImageCommand({ repositoryName: REPOSITORY, imageManifest, imageTag: 'amd64' }),
  );
  const [wrong] = await imageFindings(context, definitionOf(`${NAME}:amd64`, 'ARM64'), NONE);
  expect(wrong).toMatchObject({ level: 'error', message: expect.stringContaining('is built for amd64') });
});

test('the platform of a single image is read from its config', async () => {
  const sandbox = await sandboxOf();
  const { context, image } = await imageIn(sandbox);
  const [amd64 = '', arm64 = ''] = image.children;
  expect(await imageFindings(context, definitionOf(`${NAME}@${amd64}`), NONE)).toEqual([]);
  expect(await imageFindings(context, definitionOf(`${NAME}@${arm64}`, 'ARM64'), NONE)).toEqual([]);
  const [wrong] = await imageFindings(context, definitionOf(`${NAME}@${arm64}`), NONE);
  expect(wrong).toMatchObject({
    level: 'error',
    message: `The image ${NAME}@${arm64} is built for arm64, but the tasks run on amd64.`,
  });
  sandbox.addFault({ ...DENIED, operation: 'GetDownloadUrlForLayer' });
  expect(await imageFindings(context, definitionOf(`${NAME}@${arm64}`), NONE)).toEqual([
    {
      level: 'note',
      message: expect.stringMatching(/^Cannot check the CPU architecture of the image .*: AccessDenied/),
      fix: "Allow ecr:GetDownloadUrlForLayer for the job's role.",
    },
  ]);
});

test.each([
  ['a denial', { code: 'AccessDeniedException' }, "Allow ecr:BatchGetImage for the job's role."],
  ['anything else', { code: 'InvalidParameterException' }, undefined],
])(
  'a check that fails with %s is a warning; a permission is advised only on access denied',
  async (_, fault, fix) => {
    const sandbox = await sandboxOf();
    const { context } = await imageIn(sandbox);
    sandbox.addFault({ ...DENIED, ...fault, operation: 'BatchGetImage' });
    const [found] = await imageFindings(context, definitionOf(`${NAME}:v1`), NONE);
    expect(found).toEqual({
      level: 'warning',
      message: expect.stringMatching(/^Cannot check whether the image .*:v1 exists: /),
      ...(fix !== undefined && { fix }),
    });
  },
);

test('a private image that a job without a login cannot see does not block the deployment', async () => {
  const { context } = await imageIn(await sandboxOf());
  const body = JSON.stringify({ errors: [{ code: 'NAME_UNKNOWN', message: 'unknown' }] });
  const server = createServer((_, response) => response.writeHead(404).end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const image = `127.0.0.1:${(server.address() as AddressInfo).port}/app:v1`;
  const own = definitionOf(image);
  const repositoryCredentials = {
    credentialsParameter: 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:x',
  };
  const hidden = {
    ...own,
    containerDefinitions: own.containerDefinitions.map((one) => ({ ...one, repositoryCredentials })),
  };
  try {
    const levelOf = async (definition: TaskDefinition) =>
      (await pinImages(context, definition, API)).unpinned.get(image)?.level;
    expect(await levelOf(own)).toBe('error');
    expect(await levelOf(hidden)).toBe('warning');
    const pinned = image.replace(':v1', `@${DIGEST}`);
    const byDigest = (definition: TaskDefinition) => ({
      ...definition,
      containerDefinitions: definition.containerDefinitions.map((one) => ({ ...one, image: pinned })),
    });
    expect(await imageFindings(context, byDigest(own), NONE)).toMatchObject([{ level: 'error' }]);
    expect(await imageFindings(context, byDigest(hidden), NONE)).toEqual([]);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test('a container without a new image keeps its tag', async () => {
  const { context } = await imageIn(await sandboxOf());
  const { definition, unpinned } = await pinImages(context, definitionOf(`${NAME}:v1`), new Set(['other']));
  expect(definition.containerDefinitions[0]?.image).toBe(`${NAME}:v1`);
  expect(unpinned.size).toBe(0);
});
