import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DescribeTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { EcsWorld } from '../unit/sandbox/ecs/ecs-world.ts';
import { DockerRegistry, REGISTRY_LOGIN } from '../support/docker-registry.ts';
import { useSandboxes } from '../support/action.ts';
import { pushMultiPlatform } from '../support/multi-platform.ts';
import { IMAGE_TYPE, openTokenRepository, RepositorySession } from '../support/registry.ts';
import { buildPushImage } from '../support/image.ts';
import { updateService } from '../support/service.ts';
import { runsWith, testWith } from '../support/software.ts';

/** Two real registries, one of them with a login: what the bundles read and write there, read by skopeo. */
const software = ['docker-registry', 'skopeo'];
const test = testWith(...software);
const execute = promisify(execFile);
const sandboxOf = useSandboxes();
const AUTH = Buffer.from(`${REGISTRY_LOGIN.username}:${REGISTRY_LOGIN.password}`).toString('base64');

let open: DockerRegistry;
let closed: DockerRegistry;
let folder: string;

beforeAll(async () => {
  if (!runsWith(...software)) return;
  [open, closed] = await Promise.all([DockerRegistry.start(), DockerRegistry.start({ withLogin: true })]);
  folder = mkdtempSync(join(tmpdir(), 'docker-login-'));
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { [closed.host]: { auth: AUTH } } }));
});

afterAll(async () => {
  if (!runsWith(...software)) return;
  await Promise.all([open.stop(), closed.stop()]);
  rmSync(folder, { recursive: true });
});

/** The digest of a tag according to skopeo. */
async function digestBySkopeo(image: string, logins = join(folder, 'config.json')): Promise<string> {
  const args = ['inspect', '--tls-verify=false', '--authfile', logins];
  const { stdout } = await execute('skopeo', [...args, '--format', '{{.Digest}}', `docker://${image}`]);
  return stdout.trim();
}

/** skopeo is third-party software: it shows that the sandbox's token server works with other clients. */
test('a registry of the sandbox issues tokens to skopeo, with and without a login', async () => {
  const sandbox = await sandboxOf();
  const registry = await sandbox.openRegistry({ login: REGISTRY_LOGIN });
  const open = openTokenRepository(registry, 'org/open');
  const closed = openTokenRepository(registry, 'org/closed', 'private');
  const config = join(folder, 'token-login.json');
  writeFileSync(config, JSON.stringify({ auths: { [registry.host]: { auth: AUTH } } }));
  const digests = [await open.image('v1'), await closed.image('v1')];
  expect(await digestBySkopeo(`${open.uri}:v1`, '/nowhere')).toBe(digests[0]);
  await expect(digestBySkopeo(`${closed.uri}:v1`, '/nowhere')).rejects.toThrow('403 (Forbidden)');
  expect(await digestBySkopeo(`${closed.uri}:v1`, config)).toBe(digests[1]);
});

async function serviceOf(image: string): Promise<EcsWorld> {
  const world = await EcsWorld.start();
  await world.create({ taskDefinition: await world.registerWith({ image }) });
  await world.settled();
  return world;
}

async function imageOf(world: EcsWorld): Promise<string | undefined> {
  const { taskDefinition } = await world.service();
  const found = await world.client.send(new DescribeTaskDefinitionCommand({ taskDefinition }));
  return found.taskDefinition?.containerDefinitions?.[0]?.image;
}

test.each([
  ['an open registry', () => open, () => ({})],
  ['a registry with a login', () => closed, () => ({ DOCKER_CONFIG: folder })],
] as const)('a moved tag of %s is deployed by its current digest', async (_, registry, env) => {
  const uri = `${registry().host}/org/app`;
  const session = new RepositorySession(uri, `Basic ${AUTH}`);
  const { digest: first } = await pushMultiPlatform(session, 'v1');
  const world = await serviceOf(`${uri}:v1`);
  const run = () => updateService(world, { image: `${uri}:v1` }, { env: env() });
  expect((await run()).outputs['verdict']).toBe('deployed');
  expect(await imageOf(world)).toBe(`${uri}@${first}`);
  expect((await run()).outputs['verdict']).toBe('unchanged');
  const second = await session.image('v1', 'second');
  expect(await digestBySkopeo(`${uri}:v1`)).toBe(second);
  expect((await run()).outputs['verdict']).toBe('deployed');
  expect(await imageOf(world)).toBe(`${uri}@${second}`);
});

test('without a login, or with a wrong one, the same revision is deployed again', async () => {
  const uri = `${closed.host}/org/app`;
  const session = new RepositorySession(uri, `Basic ${AUTH}`);
  await session.image('v1');
  const world = await serviceOf(`${uri}:v1`);
  const wrong = Buffer.from('octocat:wrong').toString('base64');
  const config = JSON.stringify({ auths: { [closed.host]: { auth: wrong } } });
  for (const env of [{}, { DOCKER_AUTH_CONFIG: config }]) {
    const run = await updateService(world, { image: `${uri}:v1` }, { env });
    expect(run.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:1' });
    expect(run.log).toContain(`Fix: Log in to ${closed.host} before this step`);
  }
});

test.each(['org/app:none', 'org/none:v1'])('%s does not exist, and nothing is changed', async (image) => {
  await new RepositorySession(`${open.host}/org/app`, '').image('v1');
  const world = await serviceOf(`${open.host}/org/app:v1`);
  const run = await updateService(world, { image: `${open.host}/${image}` });
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toContain(`The image ${open.host}/${image} is not in ${open.host}.`);
  expect(world.sandbox.calls.of('UpdateService')).toEqual([]);
});

test.each([
  ['the sandbox', 9, () => ({})],
  [
    'a real registry that also contains the source, whose layers are mounted',
    0,
    () => ({ ecr: { registry: open.url } }),
  ],
])(
  'an image is mirrored to the ECR of %s, and copied to other registries',
  async (_, pushedBlobs, scenario) => {
    const sandbox = await sandboxOf({ scenario: scenario() });
    const from = `${open.host}/upstream/app`;
    const { digest, children } = await pushMultiPlatform(new RepositorySession(from, ''), 'v1');
    const copies = [`${closed.host}/org/copy`, `${open.host}/org/copy:latest`];
    const run = (tags: string) =>
      buildPushImage(
        sandbox,
        { from: `${from}:v1`, also: copies.join(','), tags },
        { env: { DOCKER_CONFIG: folder } },
      );
    const first = await run('v1');
    expect(first.outputs).toMatchObject({ verdict: 'pushed', digest });
    expect(first.result['push']).toMatchObject({ pushedBlobs });
    expect(await digestBySkopeo(`${closed.host}/org/copy:v1`)).toBe(digest);
    expect(await digestBySkopeo(`${open.host}/org/copy:latest`)).toBe(digest);
    const copied = new RepositorySession(`${closed.host}/org/copy`, `Basic ${AUTH}`);
    for (const part of children) {
      const headers = { accept: IMAGE_TYPE };
      expect((await copied.fetch('HEAD', `manifests/${part}`, { headers })).status).toBe(200);
    }
    expect((await run('v2')).outputs).toMatchObject({ verdict: 'reused', digest });
    expect(await digestBySkopeo(`${closed.host}/org/copy:v2`)).toBe(digest);
  },
);

test('a copy to a registry that rejects the login fails before the push', async () => {
  const sandbox = await sandboxOf();
  const { digest } = await pushMultiPlatform(new RepositorySession(`${open.host}/upstream/app`, ''), 'v1');
  const inputs = { from: `${open.host}/upstream/app@${digest}`, also: `${closed.host}/org/app` };
  const run = await buildPushImage(sandbox, inputs);
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toContain(`Log in to ${closed.host} before this step`);
  expect(sandbox.calls.of('StartUpload')).toEqual([]);
});
