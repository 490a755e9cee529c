import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
  waitUntilServicesStable,
} from '@aws-sdk/client-ecs';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import type { Sandbox, Scenario } from '../../../sandbox/index.ts';
import { DEV, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, ecsServiceTemplate, SMALL_PLATFORM } from '../../support/environment.ts';
import { LayoutWriter } from '../../support/oci.ts';
import { RegistrySession } from '../../support/registry.ts';
import { clientOf, ssmOf } from '../../unit/sandbox/clients.ts';

/** One release of a service is one rollout: its stack adopts the running revision without another one. */

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();

const api = (colour: string): string =>
  ecsServiceTemplate(colour, '{ DeploymentCircuitBreaker: { Enable: true, Rollback: true } }');

class Platform {
  readonly sandbox: Sandbox;
  readonly workspace: string;
  #rollouts = 0;

  constructor(sandbox: Sandbox, workspace: string) {
    this.sandbox = sandbox;
    this.workspace = workspace;
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.workspace, file), text);
  }

  /** Changes the image of the workspace. */
  commit(version: string): void {
    const image = new LayoutWriter(join(this.workspace, 'image')).image([version]);
    this.write('image/index.json', JSON.stringify({ schemaVersion: 2, manifests: [image] }));
  }

  /** Deploys the workspace. Returns the service's verdict and the measurements. */
  async deploy(inputs: Record<string, string> = {}): Promise<{
    verdict: string;
    reason: string;
    rollouts: number;
    calls: string[];
  }> {
    const calls = this.sandbox.calls.all.length;
    const run = await deployEnvironment(this.sandbox, inputs, { workspace: this.workspace });
    const parts = run.result['parts'] as { name: string; verdict: string; reason: string }[];
    const { verdict = run.log, reason = '' } = parts.find(({ name }) => name === 'api') ?? {};
    const made = this.sandbox.calls.all.slice(calls).map(({ operation }) => operation);
    const changing = made.filter((name) =>
      /^(?:ExecuteChangeSet|UpdateService|RegisterTask|RunTask)/.test(name),
    );
    return { verdict, reason, rollouts: await this.#newRollouts(), calls: changing };
  }

  /** Plans the workspace. Returns the inputs of its `apply`. */
  async plan(): Promise<Record<string, string>> {
    const { outputs } = await deployEnvironment(
      this.sandbox,
      { command: 'plan' },
      { workspace: this.workspace },
    );
    return { plan: outputs['plan'] ?? '', fingerprint: outputs['fingerprint'] ?? '' };
  }

  /** Deploys another revision with a different tool, and waits for it. */
  async updateByHand(taskDefinition: string): Promise<void> {
    const client = clientOf(this.sandbox, ECSClient, DEV);
    await client.send(new UpdateServiceCommand({ cluster: 'dev-shop', service: 'api', taskDefinition }));
    const services = { cluster: 'dev-shop', services: ['api'] };
    await waitUntilServicesStable({ client, maxWaitTime: 300, minDelay: 1, maxDelay: 1 }, services);
    await this.#newRollouts();
  }

  /** Registers a revision with another image, with a different tool. Returns its name. */
  async registerByHand(image: string): Promise<string> {
    const client = clientOf(this.sandbox, ECSClient, DEV);
    const { taskDefinition } = await client.send(
      new RegisterTaskDefinitionCommand({
        family: 'api',
        cpu: '256',
        memory: '512',
        networkMode: 'awsvpc',
        requiresCompatibilities: ['FARGATE'],
        executionRoleArn: 'arn:aws:iam::111111111111:role/execution',
        containerDefinitions: [{ name: 'api', image }],
      }),
    );
    return taskDefinition?.taskDefinitionArn ?? '';
  }

  /** The image of the service's revision. */
  async image(): Promise<string | undefined> {
    const client = clientOf(this.sandbox, ECSClient, DEV);
    const { services = [] } = await client.send(
      new DescribeServicesCommand({ cluster: 'dev-shop', services: ['api'] }),
    );
    const { taskDefinition } = services[0] ?? {};
    const described = await client.send(new DescribeTaskDefinitionCommand({ taskDefinition }));
    return described.taskDefinition?.containerDefinitions?.[0]?.image;
  }

  /** The image in the ledger. */
  async recordedImage(): Promise<string | undefined> {
    const { Parameter } = await ssmOf(this.sandbox).send(
      new GetParameterCommand({ Name: '/shop/dev/api/image' }),
    );
    return Parameter?.Value;
  }

  /** The number of rollouts of the service since the last call. */
  async #newRollouts(): Promise<number> {
    const client = clientOf(this.sandbox, ECSClient, DEV);
    const command = new ListServiceDeploymentsCommand({ cluster: 'dev-shop', service: 'api' });
    const { serviceDeployments = [] } = await client.send(command);
    const before = this.#rollouts;
    this.#rollouts = serviceDeployments.length;
    return this.#rollouts - before;
  }
}

interface Setting {
  scenario?: Scenario;
  manifest?: string;
}

async function platformOf({ scenario, manifest }: Setting = {}): Promise<Platform> {
  const sandbox = await newSandbox({ timeScale: 200, ...(scenario && { scenario }) });
  const files = { ...SMALL_PLATFORM, ...(manifest !== undefined && { 'platform.yml': manifest }) };
  const platform = new Platform(sandbox, newWorkspace({ ...files, 'api.yml': api('blue') }));
  platform.commit('v1');
  return platform;
}

test('each new image is one rollout, the same commit is none, and a rolled-back image can be released again', async () => {
  const platform = await platformOf();
  expect(await platform.deploy()).toMatchObject({ verdict: 'created', rollouts: 1 });
  for (const version of ['v2', 'v3']) {
    platform.commit(version);
    expect(await platform.deploy()).toMatchObject({
      verdict: 'deployed',
      rollouts: 1,
      calls: ['RegisterTaskDefinition', 'UpdateService'],
    });
  }
  expect(await platform.deploy()).toMatchObject({ verdict: 'unchanged', rollouts: 0, calls: [] });

  // With its stack, which was one revision behind; then with ECS, because the stack is current.
  for (const verdict of ['updated', 'deployed']) {
    await platform.updateByHand('api:2');
    expect(await platform.deploy()).toMatchObject({ verdict, rollouts: 1 });
    expect(await platform.image()).toBe(await platform.recordedImage());
  }
});

test('a change of the stack together with a new image is one rollout', async () => {
  const manifest = SMALL_PLATFORM['platform.yml']!.replace(
    'build: {',
    "pre-deploy: 'node dist/migrate.js', build: {",
  );
  const rules = [{ match: { revision: 7 }, does: 'exit' as const }];
  const platform = await platformOf({ manifest, scenario: { ecs: { rules } } });
  expect(await platform.deploy()).toMatchObject({ verdict: 'created', rollouts: 1 });
  const released = {
    verdict: 'deployed',
    rollouts: 1,
    // The revision for the migration, then the stack's.
    calls: ['RegisterTaskDefinition', 'RunTask', 'ExecuteChangeSet'],
  };
  const first = await platform.recordedImage();
  platform.commit('v2');
  platform.write('api.yml', api('green'));
  expect(await platform.deploy()).toMatchObject(released);
  const second = await platform.recordedImage();
  expect(await platform.image()).toBe(second);
  expect(second).not.toBe(first);
  expect(await platform.deploy()).toMatchObject({ verdict: 'unchanged', rollouts: 0, calls: [] });

  // With an approved plan, in which the image is not known yet.
  platform.commit('v3');
  platform.write('api.yml', api('yellow'));
  const approved = await platform.plan();
  expect(await platform.deploy({ command: 'apply', ...approved })).toMatchObject(released);
  const third = await platform.recordedImage();
  expect(await platform.image()).toBe(third);
  expect(third).not.toBe(second);

  // A failed release: the stack is rolled back with the service, and the ledger does not contain the image.
  platform.commit('v4');
  platform.write('api.yml', api('red'));
  expect(await platform.deploy()).toMatchObject({ verdict: 'rolled-back', rollouts: 1 });
  expect(await platform.recordedImage()).toBe(third);
  expect(await platform.image()).toBe(third);
});

test('a failed first pre-deploy command is repeated by the next deployment until it succeeds', async () => {
  const manifest = SMALL_PLATFORM['platform.yml']!.replace(
    'build: {',
    "pre-deploy: 'node dist/migrate.js', build: {",
  );
  const rules = [{ match: { oneOff: true }, does: 'exit' as const, exitCode: 3, times: 2 }];
  const platform = await platformOf({ manifest, scenario: { ecs: { rules } } });
  expect(await platform.deploy()).toMatchObject({
    verdict: 'pre-deploy-failed',
    reason: expect.stringContaining('Its first node dist/migrate.js failed'),
    calls: expect.arrayContaining(['RunTask']),
  });
  expect(await platform.deploy()).toMatchObject({ verdict: 'pre-deploy-failed', calls: ['RunTask'] });
  expect(await platform.deploy()).toMatchObject({ verdict: 'unchanged', calls: ['RunTask'] });
  expect(await platform.deploy()).toMatchObject({ verdict: 'unchanged', calls: [] });
});

test('a first release with a desired count of 0 is recorded as not proven', async () => {
  const platform = await platformOf();
  platform.write('api.yml', api('blue').replace('DesiredCount: 1', 'DesiredCount: 0'));
  expect(await platform.deploy()).toMatchObject({ verdict: 'created' });
  const { Parameter } = await ssmOf(platform.sandbox).send(
    new GetParameterCommand({ Name: '/shop/dev/api/release' }),
  );
  expect(JSON.parse(Parameter?.Value ?? '')).toMatchObject({ proven: false });
});

test('a first release is not proven until its smoke test has passed', async () => {
  const platform = await platformOf();
  const withTest = (exitCode: number): string =>
    SMALL_PLATFORM['platform.yml']!.replace(
      'build: {',
      `smoke-test: { command: [node, -e, process.exit(${exitCode})], timeout: 1s }, build: {`,
    );
  const proven = async (): Promise<unknown> => {
    const command = new GetParameterCommand({ Name: '/shop/dev/api/release' });
    const { Parameter } = await ssmOf(platform.sandbox).send(command);
    return (JSON.parse(Parameter?.Value ?? '{}') as { proven?: boolean }).proven;
  };
  platform.write('platform.yml', withTest(1));
  for (const attempt of [1, 2]) {
    const end = await platform.deploy();
    expect([attempt, end.verdict, await proven()]).toEqual([attempt, 'smoke-test-failed', false]);
    expect(end.reason).toMatch(
      /The smoke test failed: .*exit code 1.*There is no (?:earlier )?revision before/,
    );
  }
  platform.write('platform.yml', withTest(0));
  expect(await platform.deploy()).toMatchObject({ verdict: 'deployed' });
  expect(await proven()).toBe(true);
  expect(await platform.deploy()).toMatchObject({ verdict: 'unchanged', calls: [] });
});

test('if images are promoted, a manually changed service is reported and not changed', async () => {
  const manifest = SMALL_PLATFORM['platform.yml']!.replace(
    'parameters: dev.json }',
    "parameters: dev.json, promote-from: test }\n  test: { account: '222222222222', parameters: test.json }",
  );
  const platform = await platformOf();
  expect(await platform.deploy()).toMatchObject({ verdict: 'created', rollouts: 1 });
  platform.write('platform.yml', manifest);
  platform.write('test.json', JSON.stringify({ Parameters: { Project: 'shop', Environment: 'test' } }));
  expect(await platform.deploy()).toMatchObject({ verdict: 'unchanged', rollouts: 0 });
  await platform.updateByHand(await platform.registerByHand('registry.example.com/hotfix:1'));
  expect(await platform.deploy()).toMatchObject({
    verdict: 'drifted',
    reason: expect.stringContaining('api runs registry.example.com/hotfix:1 (api:2), but the ledger has'),
    rollouts: 0,
    calls: [],
  });
});

test('a first deployment without a release upstream is refused before any stack is created', async () => {
  const platform = await platformOf();
  const manifest = SMALL_PLATFORM['platform.yml']!.replace(
    'parameters: dev.json }',
    `parameters: dev.json, promote-from: test }\n  test: { account: '222222222222', role: 'arn:aws:iam::222222222222:role/shop-test-plan', parameters: test.json }`,
  );
  platform.write('platform.yml', manifest);
  platform.write('test.json', JSON.stringify({ Parameters: { Project: 'shop', Environment: 'test' } }));
  const run = await deployEnvironment(platform.sandbox, {}, { workspace: platform.workspace });
  expect([run.exitCode, run.result['error']]).toMatchObject([1, { code: 'not-found' }]);
  expect(run.outputs['reason']).toContain('dev takes its images from test, which has no release of api.');
  expect(platform.sandbox.calls.where({ operation: 'CreateChangeSet' })).toEqual([]);
});

test('a given image that does not exist is refused before any stack is created', async () => {
  const platform = await platformOf();
  const digest = `sha256:${'0'.repeat(64)}`;
  const images = JSON.stringify({ api: digest });
  const run = await deployEnvironment(platform.sandbox, { images }, { workspace: platform.workspace });
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toContain(
    `images: expected the digest of an image in the repository shop/api, got "api: ${digest}"`,
  );
  expect(platform.sandbox.calls.where({ operation: 'ExecuteChangeSet' })).toEqual([]);
});

test('a given image for another architecture is refused before any stack is created', async () => {
  const platform = await platformOf();
  const onArm = api('blue').replace('Cpu:', 'RuntimePlatform: { CpuArchitecture: ARM64 }\n      Cpu:');
  platform.write('api.yml', onArm);
  const registry = await RegistrySession.open(platform.sandbox, { repositoryName: 'shop/api' });
  const images = JSON.stringify({ api: await registry.image('v1') });
  const run = await deployEnvironment(platform.sandbox, { images }, { workspace: platform.workspace });
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toMatch(
    /expected an image for arm64, as the stack's task definition declares, got ".*"\. It is built for amd64/,
  );
  expect(platform.sandbox.calls.where({ operation: 'ExecuteChangeSet' })).toEqual([]);
});
