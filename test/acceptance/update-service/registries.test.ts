import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SetRepositoryPolicyCommand } from '@aws-sdk/client-ecr';
import { DescribeTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { SandboxOptions } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { ssmOf } from '../../unit/sandbox/clients.ts';
import { EcsWorld } from '../../unit/sandbox/ecs/ecs-world.ts';
import { DEV } from '../../support/action.ts';
import { REPOSITORY } from '../../support/image.ts';
import { expectExample } from '../../support/error-example.ts';
import { pushMultiPlatform } from '../../support/multi-platform.ts';
import { openTokenRepository, RegistrySession, type RepositorySession } from '../../support/registry.ts';
import { updateService } from '../../support/service.ts';

const LOGIN = { username: 'octocat', password: 'correct horse battery staple' };
const PARAMETER = '/shop/dev/user-service/image';
const OTHER_ACCOUNT = '222222222222';
/** The task's login to a private registry, which the job does not have. */
const OWN_LOGIN = {
  repositoryCredentials: { credentialsParameter: `arn:aws:secretsmanager:eu-west-1:${DEV}:secret:registry` },
};

const folder = mkdtempSync(join(tmpdir(), 'docker-login-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The configuration that `docker login` writes. */
function loginTo(host: string): Record<string, string> {
  const auth = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
  return { DOCKER_CONFIG: folder };
}

/** A steady service whose container uses this image. */
async function runService(world: EcsWorld, image: string, container: object = {}): Promise<void> {
  await world.create({ taskDefinition: await world.registerWith({ image, ...container }) });
  await world.settled();
}

async function startWithRegistry(visibility: 'public' | 'private', options: SandboxOptions = {}) {
  const world = await EcsWorld.start(options);
  const registry = await world.sandbox.openRegistry({ login: LOGIN });
  const session = openTokenRepository(registry, 'org/app', visibility);
  return { world, session, host: registry.host, image: `${session.uri}:v1` };
}

function deploy(world: EcsWorld, image: string, env: Record<string, string> = {}): Promise<Run> {
  return updateService(world, { image, parameter: PARAMETER }, { env });
}

async function recorded({ sandbox }: EcsWorld): Promise<string | undefined> {
  const { Parameter } = await ssmOf(sandbox).send(new GetParameterCommand({ Name: PARAMETER }));
  return Parameter?.Value;
}

async function imageOfService(world: EcsWorld): Promise<string | undefined> {
  const { taskDefinition } = await world.service();
  const command = new DescribeTaskDefinitionCommand({ taskDefinition });
  return (await world.client.send(command)).taskDefinition?.containerDefinitions?.[0]?.image;
}

/** Checks that the service's tasks run a digest, and that the ledger contains it. */
async function expectRunning(world: EcsWorld, run: Run, session: RepositorySession, digest: string) {
  expect(run.outputs).toMatchObject({ verdict: 'deployed', digests: JSON.stringify({ app: digest }) });
  const running = (await world.tasks()).flatMap(({ containers = [] }) => containers);
  expect(new Set(running.map(({ imageDigest }) => imageDigest))).toEqual(new Set([digest]));
  expect(await recorded(world)).toBe(`${session.uri}@${digest}`);
}

describe('a tag of another registry', () => {
  test('is deployed by digest, unchanged while it does not move, and deployed again after it has moved', async () => {
    const { world, session, image } = await startWithRegistry('public');
    const first = await session.image('v1', 'first');
    await runService(world, image);
    await expectRunning(world, await deploy(world, image), session, first);
    expect(await imageOfService(world)).toBe(`${session.uri}@${first}`);
    expect((await deploy(world, image)).outputs['verdict']).toBe('unchanged');
    const second = await session.image('v1', 'second');
    await expectRunning(world, await deploy(world, image), session, second);
    expect(await imageOfService(world)).toBe(`${session.uri}@${second}`);
  });

  test('that is private is resolved with the docker login, which is never shown', async () => {
    const { world, session, host, image } = await startWithRegistry('private');
    const first = await session.image('v1', 'first');
    await runService(world, image, OWN_LOGIN);
    const run = await deploy(world, image, loginTo(host));
    await expectRunning(world, run, session, first);
    expect(await imageOfService(world)).toBe(`${session.uri}@${first}`);
    expect(run.log.replace(/::add-mask::.*/g, '')).not.toContain(LOGIN.password);
  });

  test('that does not exist fails before anything is changed', async () => {
    const { world, session, image } = await startWithRegistry('public');
    await session.image('v0');
    await runService(world, `${session.uri}:v0`);
    const run = await deploy(world, image);
    expect(run.exitCode).toBe(1);
    expect(run.outputs).toMatchObject({ verdict: 'failed' });
    expect(run.outputs['reason']).toMatch(
      /^The image 127\S+\/org\/app:v1 is not in 127\S+\. Nothing was changed\. Fix: /,
    );
    expect(world.sandbox.calls.of('UpdateService')).toEqual([]);
  });

  test('for another CPU only fails before anything is changed', async () => {
    const { world, session } = await startWithRegistry('public');
    const [, arm64 = ''] = (await pushMultiPlatform(session, 'v1')).children;
    await runService(world, `${session.uri}:v1`);
    const run = await deploy(world, `${session.uri}@${arm64}`);
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toContain('is built for arm64, but the tasks run on amd64');
  });

  test("whose tasks report their platform's digest is verified with the index", async () => {
    const { world, session, image } = await startWithRegistry('public');
    const { digest, children } = await pushMultiPlatform(session, 'v1');
    await runService(world, image);
    const rules = [{ does: 'run' as const, digest: children[0]! }];
    world.sandbox.world.scenario.ecs = { rules };
    const run = await deploy(world, image);
    expect(run.outputs).toMatchObject({ verdict: 'deployed', digests: JSON.stringify({ app: digest }) });
    expect(run.summary).not.toContain('Cannot check');
  });

  test('whose tasks report the digest of another image is not proven', async () => {
    const { world, session, image } = await startWithRegistry('public');
    const first = await session.image('v1', 'first');
    await runService(world, image);
    await session.image('v1', 'second');
    world.sandbox.world.scenario.ecs = { rules: [{ does: 'run', digest: first }] };
    const run = await deploy(world, image);
    expect(run.outputs['verdict']).toBe('failed');
    expectExample('rollout-unproven', run);
  });
});

describe('a tag with an unknown digest', () => {
  test('is deployed again, and the digest reported by its tasks is recorded', async () => {
    const { world, session, host, image } = await startWithRegistry('private');
    await session.image('v1', 'first');
    await runService(world, image, OWN_LOGIN);
    const second = await session.image('v1', 'second');
    const run = await deploy(world, image);
    await expectRunning(world, run, session, second);
    expect(run.outputs['reason']).toBe('user-service:1 was restarted and serves with 2 tasks.');
    expect(run.log).toContain(`${image} may have been moved since user-service:1 was deployed`);
    expect(run.log).toContain(
      `Cannot determine the digest of ${image}: the registry refused to issue a token`,
    );
    expect(run.log).toContain(`Fix: Log in to ${host} before this step`);
  });

  test.each([
    ['throttling', { operation: 'HeadManifest', kind: 'throttle' }],
    ['errors of the registry', { operation: 'HeadManifest', kind: 'status', status: 502 }],
    ['errors of the token server', { operation: 'GetToken', kind: 'error' }],
  ] as const)('after persistent %s is deployed again', async (_, fault) => {
    const { world, session, image } = await startWithRegistry('public');
    await session.image('v1', 'first');
    await runService(world, image);
    const second = await session.image('v1', 'second');
    world.sandbox.addFault({ service: 'token-registry', times: 999, ...fault });
    await expectRunning(world, await deploy(world, image), session, second);
    expect(world.sandbox.calls.of('HeadManifest').length).toBeLessThan(12);
  });

  test('fails if the new tasks cannot pull it', async () => {
    const { world, session, image } = await startWithRegistry('private');
    const first = await session.image('v1');
    await runService(world, image, OWN_LOGIN);
    world.sandbox.world.scenario.ecs = { rules: [{ does: 'cannot-pull' }] };
    const run = await deploy(world, image);
    expect(run.exitCode).toBe(1);
    expect(run.outputs['reason']).toContain('cannot be pulled');
    const running = (await world.tasks()).flatMap(({ containers = [] }) => containers);
    expect(running.map(({ imageDigest }) => imageDigest)).toContain(first);
  });

  test('without ecr:BatchGetImage is deployed again, with the missing permission in a note', async () => {
    const world = await EcsWorld.start();
    const session = await RegistrySession.open(world.sandbox, {}, DEV);
    const uri = `${DEV}.dkr.ecr.eu-west-1.amazonaws.com/${REPOSITORY}`;
    await session.image('v1', 'first');
    await runService(world, `${uri}:v1`);
    const second = await session.image('v1', 'second');
    const denied = { kind: 'error', code: 'AccessDeniedException', status: 400, times: 99 } as const;
    world.sandbox.addFault({ ...denied, service: 'ecr', operation: 'BatchGetImage' });
    const run = await deploy(world, `${uri}:v1`);
    expect(run.outputs).toMatchObject({ verdict: 'deployed', digests: JSON.stringify({ app: second }) });
    expect(await recorded(world)).toBe(`${uri}@${second}`);
    expect(run.log).toContain("Fix: Allow ecr:BatchGetImage for the job's role.");
  });

  test('of a registry that cannot be reached is deployed again', async () => {
    const world = await EcsWorld.start();
    await runService(world, 'registry.invalid/app:v1');
    const run = await updateService(world, { image: 'registry.invalid/app:v1' });
    expect(run.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:1' });
    expect(run.log).toContain('Cannot determine the digest of registry.invalid/app:v1: ');
    expect(run.log).not.toContain('Fix: Log in');
  });

  test('of an existing revision that is already deployed is deployed again', async () => {
    const { world, session, image } = await startWithRegistry('public');
    await session.image('v1', 'first');
    await runService(world, image);
    const second = await session.image('v1', 'second');
    const run = await updateService(world, { 'task-definition-arn': 'user-service:1', parameter: PARAMETER });
    await expectRunning(world, run, session, second);
  });
});

test.each([
  ['another region', DEV, 'us-east-1'],
  ['another account', OTHER_ACCOUNT, 'eu-west-1'],
])('a tag in ECR of %s is resolved there', async (_, account, region) => {
  const world = await EcsWorld.start();
  const session = await RegistrySession.open(world.sandbox, {}, account, region);
  const statement = { Effect: 'Allow', Principal: { AWS: DEV }, Action: 'ecr:*' };
  const policyText = JSON.stringify({ Statement: [statement] });
  await session.client.send(new SetRepositoryPolicyCommand({ repositoryName: REPOSITORY, policyText }));
  const uri = `${account}.dkr.ecr.${region}.amazonaws.com/${REPOSITORY}`;
  await session.image('v1', 'first');
  await runService(world, `${uri}:v1`);
  const second = await session.image('v1', 'second');
  // The bootstrap's roles have access only to the repositories of their own account and region.
  const run = await deploy(world, `${uri}:v1`, world.sandbox.env(DEV));
  expect(run.outputs).toMatchObject({ verdict: 'deployed', digests: JSON.stringify({ app: second }) });
  expect(await imageOfService(world)).toBe(`${uri}@${second}`);
});
