import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ListImagesCommand } from '@aws-sdk/client-ecr';
import { describe, expect, test } from '@jest/globals';
import type { FaultRule, Sandbox } from '../../../sandbox/index.ts';
import { useSandboxes, leftIn, useWorkspaces } from '../../support/action.ts';
import { buildPushImage, ecrOf, REPOSITORY, SHA } from '../../support/image.ts';
import { useLayouts } from '../../support/layouts.ts';
import { expectExample } from '../../support/error-example.ts';

/**
 * With any fault at any call, the verdict is correct, a tag refers only to a complete image, and nothing is left on the
 * runner.
 */
const sandboxOf = useSandboxes();
const layoutOf = useLayouts();
const workspaceOf = useWorkspaces();
const inputs = { 'oci-layout': 'image' };

const operations = [
  'DescribeRepositories',
  'CreateRepository',
  'PutLifecyclePolicy',
  'GetAuthorizationToken',
  'DescribeImages',
  'GetManifest',
  'HeadBlob',
  'StartUpload',
  'PutUpload',
  'PutManifest',
  'GetBlob',
  'DownloadLayer',
];
const faults: FaultRule[] = [
  { kind: 'throttle' },
  { kind: 'error' },
  { kind: 'reset' },
  { kind: 'reset', after: true },
  { kind: 'status', status: 503 },
  { kind: 'malformed' },
  { kind: 'delay', delayMs: 300 },
];

async function tags(sandbox: Sandbox): Promise<Record<string, string>> {
  const { imageIds = [] } = await ecrOf(sandbox).send(new ListImagesCommand({ repositoryName: REPOSITORY }));
  const tagged = imageIds.filter(({ imageTag }) => imageTag !== undefined);
  return Object.fromEntries(tagged.map(({ imageTag = '', imageDigest = '' }) => [imageTag, imageDigest]));
}

/** The tags of a repository, which may not exist. */
async function tagsOrNone(sandbox: Sandbox): Promise<Record<string, string>> {
  try {
    return await tags(sandbox);
  } catch (error) {
    if ((error as Error).name === 'RepositoryNotFoundException') return {};
    throw error;
  }
}

test.each(faults)('recovers from %j at the first call of every operation', async (fault) => {
  const sandbox = await sandboxOf();
  for (const operation of operations) sandbox.addFault({ ...fault, operation });
  const image = layoutOf([randomBytes(2000)]);
  const run = await buildPushImage(sandbox, inputs, image);
  for (const operation of operations) {
    expect([operation, sandbox.calls.where({ operation })[0]?.fault]).toEqual([operation, fault.kind]);
  }
  expect(run.outputs).toMatchObject({ verdict: 'pushed', digest: image.digest });
  expect(await tags(sandbox)).toEqual({ [SHA]: image.digest });
});

describe.each(operations)('%s', (operation) => {
  test('that is cancelled leaves nothing behind', async () => {
    const sandbox = await sandboxOf();
    sandbox.addFault({ operation, kind: 'delay', delayMs: 3000 });
    const temporary = workspaceOf({});
    const run = await buildPushImage(sandbox, inputs, {
      ...layoutOf([randomBytes(2000)]),
      env: { RUNNER_TEMP: temporary },
      onStart: (child) => {
        void sandbox.calls.arrival({ operation }).then(() => child.kill('SIGINT'));
      },
    });
    expect(run.exitCode).toBe(1);
    expect(run.outputs['verdict']).toBe('cancelled');
    expect(run.outputs['reason']).toMatch(
      /^Cancelled by SIGINT\. (Nothing was|No tag was|Layers may have been|The image is)/,
    );
    expect(leftIn(temporary)).toEqual([]);
    expect(await tagsOrNone(sandbox)).toEqual({});
  });
});

test('a push with 30% faults is complete', async () => {
  const sandbox = await sandboxOf();
  const kinds = ['throttle', 'error', 'reset'] as const;
  for (const kind of kinds) sandbox.addFault({ service: 'registry', kind, probability: 0.1 });
  const image = layoutOf(Array.from({ length: 12 }, () => randomBytes(200_000)));
  const run = await buildPushImage(sandbox, { ...inputs, tags: 'v1, v2' }, image);
  const faulty = sandbox.calls.all.filter(({ fault }) => fault !== undefined);
  expect(faulty.length).toBeGreaterThan(5);
  expect(run.outputs).toMatchObject({ verdict: 'pushed', digest: image.digest });
  expect(await tags(sandbox)).toEqual({ v1: image.digest, v2: image.digest });
});

test("a registry that never recovers fails with the registry's message", async () => {
  const sandbox = await sandboxOf();
  sandbox.addFault({ operation: 'PutUpload', kind: 'throttle', times: 1000 });
  const run = await buildPushImage(sandbox, inputs, layoutOf(['one']));
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toMatch(
    /refused to accept the blob sha256:\w+: TOOMANYREQUESTS: Rate exceeded\. Layers may have been pushed, but no tag was set/,
  );
  expectExample('throttled', run);
  expect(await tags(sandbox)).toEqual({});
});

test('a timeout is a separate verdict', async () => {
  const sandbox = await sandboxOf();
  sandbox.addFault({ operation: 'StartUpload', kind: 'delay', delayMs: 120_000 });
  const run = await buildPushImage(sandbox, { ...inputs, timeout: '8s' }, layoutOf(['one']));
  expect(run.outputs).toMatchObject({
    verdict: 'timed-out',
    reason: `Building and pushing ${REPOSITORY} did not finish within 8 s. Layers may have been pushed, but no tag was set.`,
  });
  expect(await tags(sandbox)).toEqual({});
});

describe('a damaged layout', () => {
  test('with a corrupt layer fails before the registry stores it', async () => {
    const sandbox = await sandboxOf();
    const image = layoutOf(['good layer', 'bad layer']);
    const bad = image.layout.blob('x', 'bad layer');
    writeFileSync(image.layout.path(bad.digest), 'BAD LAYER');
    const run = await buildPushImage(sandbox, inputs, image);
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toContain(`the blob ${bad.digest} of 9 bytes is damaged`);
    expectExample('digest-mismatch', run);
    expect(await tags(sandbox)).toEqual({});
  });

  test('with a missing layer fails', async () => {
    const sandbox = await sandboxOf();
    const image = layoutOf(['one']);
    rmSync(image.layout.path(image.layout.blob('x', 'one').digest));
    const run = await buildPushImage(sandbox, inputs, image);
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toMatch(/the layout does not contain the blob sha256:/);
    expectExample('image-invalid', run);
    expect(await tags(sandbox)).toEqual({});
  });
});

test('a folder for temporary files that is missing is a failure with its path', async () => {
  const sandbox = await sandboxOf();
  const env = { RUNNER_TEMP: join(workspaceOf({}), 'gone') };
  const run = await buildPushImage(sandbox, inputs, { ...layoutOf(['one']), env });
  expect(run.outputs['verdict']).toBe('failed');
  expectExample('file-system', run);
});

test('uses the folder for temporary files and leaves it empty', async () => {
  const sandbox = await sandboxOf();
  const temporary = workspaceOf({});
  const run = await buildPushImage(sandbox, inputs, {
    ...layoutOf(['one']),
    env: { RUNNER_TEMP: temporary },
  });
  expect(run.outputs['verdict']).toBe('pushed');
  expect(leftIn(temporary)).toEqual([]);
});
