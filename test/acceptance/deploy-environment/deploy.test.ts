import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { describe, expect, test } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';
import { LayoutWriter } from '../../support/oci.ts';
import { ssmOf } from '../../unit/sandbox/clients.ts';
import { expectExample } from '../../support/error-example.ts';
import { expectResultExample } from '../../support/result-example.ts';

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();

function smallPlatform(change: Record<string, string> = {}): string {
  const workspace = newWorkspace({ ...SMALL_PLATFORM, ...change });
  const layout = new LayoutWriter(join(workspace, 'image'));
  writeFileSync(
    join(workspace, 'image', 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [layout.image(['one'])] }),
  );
  return workspace;
}

interface Part {
  name: string;
  verdict: string;
  startedAt?: string;
  milliseconds?: number;
}

const partsOf = ({ result }: Run): Record<string, Part> =>
  Object.fromEntries((result['parts'] as Part[]).map((part) => [part.name, part]));
const verdictsOf = (run: Run): Record<string, string> =>
  Object.fromEntries(Object.values(partsOf(run)).map(({ name, verdict }) => [name, verdict]));

/** The operations that change something in CloudFormation. */
const changes = (sandbox: Sandbox): string[] =>
  sandbox.calls.all
    .map(({ operation }) => operation)
    .filter((name) => /^(?:Execute|Delete)(?:ChangeSet|Stack)$/.test(name));

test('deploys stacks in order, builds images in parallel, writes the ledger before the first service; then nothing changes', async () => {
  const sandbox = await newSandbox();
  const workspace = smallPlatform();
  const first = await deployEnvironment(sandbox, {}, { workspace });
  expect(first.outputs['reason']).toBe('Deployed dev: 2 stacks, 1 image and 1 service changed.');
  await expectResultExample(first);
  expect(verdictsOf(first)).toEqual({
    network: 'created',
    queue: 'created',
    'image of api': 'pushed',
    api: 'created',
  });
  const { network, queue, api, 'image of api': image } = partsOf(first);
  const end = ({ startedAt = '', milliseconds = 0 }: Part) => Date.parse(startedAt) + milliseconds;
  expect(Date.parse(queue!.startedAt!)).toBeGreaterThanOrEqual(end(network!));
  expect(Date.parse(image!.startedAt!)).toBeGreaterThanOrEqual(end(network!));
  expect(Date.parse(api!.startedAt!)).toBeGreaterThanOrEqual(end(image!));
  const { api: digest } = JSON.parse(first.outputs['images'] ?? '') as { api: string };
  const { Parameter } = await ssmOf(sandbox).send(new GetParameterCommand({ Name: '/shop/dev/api/image' }));
  expect(Parameter?.Value).toMatch(new RegExp(`/shop/api@${digest}$`));
  expect(JSON.stringify(first.outputs)).not.toContain('111111111111');

  const again = await deployEnvironment(sandbox, {}, { workspace });
  expect(again.outputs['verdict']).toBe('unchanged');
});

test('a stack that depends on a failed one is not started and names it', async () => {
  const sandbox = await newSandbox();
  const network = SMALL_PLATFORM['network.yml']!.replace('TopicName:', 'TopicNam:');
  const run = await deployEnvironment(sandbox, {}, { workspace: smallPlatform({ 'network.yml': network }) });
  expect(run.exitCode).toBe(1);
  expect(run.outputs['verdict']).toBe('failed');
  expect(verdictsOf(run)).toEqual({
    network: 'failed',
    queue: 'not begun',
    'image of api': 'not begun',
    api: 'not begun',
  });
  expect(run.outputs['reason']).toMatch(
    /^dev: network failed\. .*0 of 4 completed; not started: queue, image of api, api\.$/,
  );
});

describe('a plan', () => {
  test('is one document; apply executes exactly it; then there is nothing to plan', async () => {
    const sandbox = await newSandbox();
    const workspace = smallPlatform();
    const plan = await deployEnvironment(sandbox, { command: 'plan' }, { workspace });
    expect(plan.outputs).toMatchObject({ verdict: 'planned', 'has-changes': 'true' });
    expect(verdictsOf(plan)).toEqual({ network: 'planned', queue: 'to create', api: 'to create' });
    expect(changes(sandbox)).toEqual([]);
    const approved = { plan: plan.outputs['plan']!, fingerprint: plan.outputs['fingerprint']! };
    const applied = await deployEnvironment(sandbox, { command: 'apply', ...approved }, { workspace });
    expect(applied.outputs['verdict']).toBe('deployed');
    const after = await deployEnvironment(sandbox, { command: 'plan' }, { workspace });
    expect(after.outputs).toMatchObject({ verdict: 'unchanged', 'has-changes': 'false' });
  });

  test.each([
    [
      'queue.yml',
      'QueueName: jobs',
      'QueueName: work',
      'queue: its template, parameters or tags differ from the plan.',
    ],
    [
      'platform.yml',
      '  queue: { template: queue.yml }\n',
      '',
      'queue: it is in the plan but no longer one of the stacks.',
    ],
  ])('of another %s is not applied', async (file, from, to, difference) => {
    const sandbox = await newSandbox();
    const workspace = smallPlatform();
    const plan = await deployEnvironment(sandbox, { command: 'plan' }, { workspace });
    writeFileSync(join(workspace, file), SMALL_PLATFORM[file]!.replace(from, to));
    const approved = { plan: plan.outputs['plan']!, fingerprint: plan.outputs['fingerprint']! };
    const applied = await deployEnvironment(sandbox, { command: 'apply', ...approved }, { workspace });
    expect(applied.outputs['verdict']).toBe('plan-changed');
    expect(applied.result['difference']).toEqual([difference]);
    expect(changes(sandbox)).toEqual([]);
  });

  test.each([
    [{ plan: '', fingerprint: 'v1:x' }, 'plan: expected the `plan` output of the plan step'],
    [
      { plan: '{}', fingerprint: 'v1:x' },
      'plan: expected the unmodified `plan` output of the plan step, got "{}"',
    ],
    [
      { plan: '{"environment":"dev","stacks":{}}', fingerprint: 'v1:x' },
      /^fingerprint: expected v1:[0-9a-f]{32}, the fingerprint of the given plan, got "v1:x"\. Pass both outputs of the same plan step$/,
    ],
  ])('%j is refused before any call', async (inputs, reason) => {
    const sandbox = await newSandbox();
    const run = await deployEnvironment(
      sandbox,
      { command: 'apply', ...inputs },
      { workspace: smallPlatform() },
    );
    expect(run.outputs['reason']).toMatch(reason);
    expect(sandbox.calls.all).toEqual([]);
  });
});

describe('destroy', () => {
  test('deletes data only if allowed, and deletes stacks in reverse order', async () => {
    const sandbox = await newSandbox();
    const workspace = smallPlatform();
    await deployEnvironment(sandbox, {}, { workspace });
    const asked = changes(sandbox).length;
    const refused = await deployEnvironment(sandbox, { command: 'destroy' }, { workspace });
    expect(refused.outputs['verdict']).toBe('blocked');
    expect(refused.outputs['reason']).toMatch(/^Nothing was deleted\. Data would be lost: /);
    expect(changes(sandbox)).toHaveLength(asked);
    const run = await deployEnvironment(
      sandbox,
      { command: 'destroy', 'allow-delete': 'all' },
      { workspace },
    );
    const { network, queue } = partsOf(run);
    expect(queue!.verdict).toBe('deleted');
    expect(Date.parse(network!.startedAt!)).toBeGreaterThanOrEqual(
      Date.parse(queue!.startedAt!) + queue!.milliseconds!,
    );
  });

  test('uses the deletion policies of the deployed templates, not of the workspace', async () => {
    const sandbox = await newSandbox();
    await deployEnvironment(sandbox, {}, { workspace: smallPlatform() });
    const asked = changes(sandbox).length;
    const retained = SMALL_PLATFORM['network.yml']!.replace(
      'Type: AWS::ECR::Repository,',
      'Type: AWS::ECR::Repository, DeletionPolicy: Retain,',
    );
    const workspace = smallPlatform({ 'network.yml': retained });
    const allowed = 'AWS::Logs::LogGroup, AWS::SQS::Queue';
    const run = await deployEnvironment(
      sandbox,
      { command: 'destroy', 'allow-delete': allowed },
      { workspace },
    );
    expect(run.outputs['verdict']).toBe('blocked');
    expect(run.outputs['reason']).toContain('network/Images (AWS::ECR::Repository)');
    expect(changes(sandbox)).toHaveLength(asked);
  });

  test.each([
    [{}, 'Nothing was deleted. dev was not destroyed: it is protected. Fix: Set confirm: dev.'],
    [
      { confirm: 'prod' },
      'Nothing was deleted. dev was not destroyed: confirm is "prod". Fix: Set confirm: dev.',
    ],
  ])('of a protected environment with %j is blocked', async (inputs, reason) => {
    const sandbox = await newSandbox();
    const manifest = SMALL_PLATFORM['platform.yml']!.replace(
      'parameters: dev.json',
      'parameters: dev.json, protected: true',
    );
    const workspace = smallPlatform({ 'platform.yml': manifest });
    const run = await deployEnvironment(sandbox, { command: 'destroy', ...inputs }, { workspace });
    expect(run.outputs).toMatchObject({ verdict: 'blocked', reason });
  });
});

test('names the run that holds the lock, and changes nothing', async () => {
  const sandbox = await newSandbox();
  const now = Date.now();
  const holder = {
    who: 'mona',
    run: 'https://github.example/runs/7',
    since: now,
    expires: now + 600_000,
    token: 'x',
  };
  await ssmOf(sandbox).send(
    new PutParameterCommand({ Name: '/shop/dev/lock', Type: 'String', Value: JSON.stringify(holder) }),
  );
  const run = await deployEnvironment(sandbox, { 'lock-timeout': '1s' }, { workspace: smallPlatform() });
  expect(run.outputs['verdict']).toBe('blocked');
  expect(run.outputs['reason']).toMatch(/^Nothing was changed: .*mona/);
  expect(changes(sandbox)).toEqual([]);
});

test('credentials of another account are refused', async () => {
  const sandbox = await newSandbox();
  const manifest = SMALL_PLATFORM['platform.yml']!.replaceAll('111111111111', '222222222222');
  const run = await deployEnvironment(
    sandbox,
    {},
    { workspace: smallPlatform({ 'platform.yml': manifest }) },
  );
  expect(run.outputs['reason']).toMatch(/belong to account .*Nothing was changed\./);
  expectExample('account-mismatch', run);
  expect(changes(sandbox)).toEqual([]);
});
