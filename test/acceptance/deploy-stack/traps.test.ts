import {
  CloudFormationClient,
  CreateChangeSetCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import { node24 } from '../../runtime/node24.js';
import { deployStack, DEV, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { actingAs, EXECUTION_ROLE } from '../../support/roles.ts';
import type { Sandbox } from '../../../sandbox/index.ts';
import { clientOf } from '../../unit/sandbox/clients.ts';
import { expectExample } from '../../support/error-example.ts';

/** Known defects of other CloudFormation actions, one test each. */

const start = useSandboxes();
const workspaceOf = useWorkspaces();

const queue = (extra = ''): string => `
Parameters:
  Name: { Type: String, Default: orders }
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Ref Name
${extra}`;

const two = `
Resources:
  Slow:
    Type: AWS::SNS::Topic
  Broken:
    Type: AWS::SQS::Queue
`;

async function statusOf(sandbox: Sandbox, name = 'app'): Promise<string | undefined> {
  const found = await clientOf(sandbox, CloudFormationClient)
    .send(new DescribeStacksCommand({ StackName: name }))
    .catch(() => undefined);
  return found?.Stacks?.[0]?.StackStatus;
}

describe('inputs', () => {
  test('on-failure, termination-protection, role, topics, tags and policy reach AWS', async () => {
    const sandbox = await start();
    const workspace = workspaceOf({ 't.yml': queue() });
    const run = await deployStack(
      sandbox,
      {
        template: 't.yml',
        'on-failure': 'keep',
        'termination-protection': 'true',
        'role-arn': EXECUTION_ROLE,
        'notification-arns': `arn:aws:sns:eu-west-1:${DEV}:events`,
        tags: 'team=shop',
        'stack-policy':
          '{"Statement":[{"Effect":"Deny","Action":"Update:Delete","Principal":"*","Resource":"*"}]}',
      },
      { workspace },
    );
    expect(run.outputs['verdict']).toBe('created');
    const [created] = sandbox.calls.of('CreateChangeSet');
    expect(created?.input).toMatchObject({
      RoleARN: EXECUTION_ROLE,
      NotificationARNs: [`arn:aws:sns:eu-west-1:${DEV}:events`],
      Tags: [{ Key: 'team', Value: 'shop' }],
    });
    expect(JSON.stringify([created?.input, sandbox.calls.of('ExecuteChangeSet')[0]?.input])).toMatch(
      /"(DisableRollback":"true|OnStackFailure":"DO_NOTHING)"/,
    );
    expect(sandbox.calls.of('UpdateTerminationProtection')[0]?.input).toMatchObject({
      EnableTerminationProtection: 'true',
    });
    expect(sandbox.calls.of('SetStackPolicy')[0]?.input['StackPolicyBody']).toContain('Update:Delete');
  });

  test('mode: express reaches the change set', async () => {
    const sandbox = await start();
    const workspace = workspaceOf({ 't.yml': queue() });
    const run = await deployStack(sandbox, { template: 't.yml', mode: 'express' }, { workspace });
    expect(run.outputs['verdict']).toBe('created');
    expect(JSON.stringify(sandbox.calls.of('CreateChangeSet')[0]?.input)).toContain('"Mode":"EXPRESS"');
  });

  test('on-failure: keep leaves the failed stack as it is, and is red', async () => {
    const sandbox = await start({
      scenario: { resources: [{ match: { logicalId: 'Broken' }, on: 'create', fail: { message: 'no' } }] },
    });
    const workspace = workspaceOf({ 't.yml': two });
    const run = await deployStack(sandbox, { template: 't.yml', 'on-failure': 'keep' }, { workspace });
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.exitCode).toBe(1);
    expect(await statusOf(sandbox)).toBe('CREATE_FAILED');
  });
});

test('a timeout is red and reports what is still in progress', async () => {
  const sandbox = await start({
    scenario: { resources: [{ match: { logicalId: 'Queue' }, on: 'create', seconds: 1_000_000 }] },
  });
  const workspace = workspaceOf({ 't.yml': queue() });
  const run = await deployStack(sandbox, { template: 't.yml', timeout: '12s' }, { workspace });
  expect(run.outputs).toMatchObject({ verdict: 'timed-out' });
  expect(run.outputs['reason']).toMatch(/in progress: Queue.*continues on AWS/);
  expect(run.exitCode).toBe(1);
});

test('a change set that cannot be read is never executed, and never green', async () => {
  const sandbox = await start({
    scenario: {
      faults: [
        {
          operation: 'DescribeChangeSet',
          kind: 'error',
          status: 403,
          code: 'AccessDenied',
          message: 'User is not authorized to perform: cloudformation:DescribeChangeSet',
          times: 1000,
        },
      ],
    },
  });
  const workspace = workspaceOf({ 't.yml': queue() });
  const run = await deployStack(sandbox, { template: 't.yml' }, { workspace });
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toContain('cloudformation:DescribeChangeSet');
  expect(run.exitCode).toBe(1);
  expect(sandbox.calls.of('ExecuteChangeSet')).toHaveLength(0);
  expect(await statusOf(sandbox)).toBeUndefined();
});

describe('REVIEW_IN_PROGRESS', () => {
  test('an existing empty stack is created, not updated', async () => {
    const sandbox = await start();
    await clientOf(sandbox, CloudFormationClient).send(
      new CreateChangeSetCommand({
        StackName: 'app',
        ChangeSetName: 'left-over',
        ChangeSetType: 'CREATE',
        TemplateBody: queue(),
      }),
    );
    expect(await statusOf(sandbox)).toBe('REVIEW_IN_PROGRESS');
    const workspace = workspaceOf({ 't.yml': queue() });
    const run = await deployStack(sandbox, { template: 't.yml' }, { workspace });
    expect(run.outputs['verdict']).toBe('created');
  });

  test.each([
    ['no empty stack behind if its role may delete stacks', 'deploy', undefined],
    ['the empty stack to a deployment if its role only reads, and warns', 'plan', 'REVIEW_IN_PROGRESS'],
  ] as const)('a plan that fails leaves %s', async (_what, role, status) => {
    const sandbox = await start();
    const workspace = workspaceOf({ 't.yml': queue('      NoSuchProperty: 1\n') });
    const env = actingAs(sandbox, role);
    const run = await deployStack(sandbox, { template: 't.yml', command: 'plan' }, { workspace, env });
    expect(run.outputs['verdict']).toBe('failed');
    expect(await statusOf(sandbox)).toBe(status);
    expect(/::warning.*cloudformation:DeleteStack/.test(run.log)).toBe(status !== undefined);
  });
});

test('a plan never deletes a ROLLBACK_COMPLETE stack; a deploy replaces it', async () => {
  const sandbox = await start({
    scenario: {
      resources: [{ match: { logicalId: 'Queue' }, on: 'create', fail: { message: 'no', times: 1 } }],
    },
  });
  const workspace = workspaceOf({ 't.yml': queue() });
  const failed = await deployStack(sandbox, { template: 't.yml' }, { workspace });
  expect(failed.outputs['verdict']).toBe('rolled-back');
  expect(await statusOf(sandbox)).toBe('ROLLBACK_COMPLETE');

  await deployStack(sandbox, { template: 't.yml', command: 'plan' }, { workspace });
  expect(sandbox.calls.of('DeleteStack')).toHaveLength(0);
  expect(await statusOf(sandbox)).toBe('ROLLBACK_COMPLETE');

  const again = await deployStack(sandbox, { template: 't.yml' }, { workspace });
  expect(again.outputs['verdict']).toBe('created');
});

test('UPDATE_ROLLBACK_FAILED is explained, and continued only when asked', async () => {
  const sandbox = await start({
    scenario: {
      resources: [
        { match: { logicalId: 'Broken' }, on: 'create', fail: { message: 'quota reached', times: 1 } },
        { match: { logicalId: 'Queue' }, on: 'rollback', fail: { message: 'queue is locked', times: 1 } },
      ],
    },
  });
  const workspace = workspaceOf({
    '1.yml': queue('      DelaySeconds: 1\n'),
    '2.yml': queue('      DelaySeconds: 2\n') + '  Broken: { Type: AWS::SNS::Topic, DependsOn: Queue }\n',
  });
  await deployStack(sandbox, { template: '1.yml' }, { workspace });
  const stuck = await deployStack(sandbox, { template: '2.yml' }, { workspace });
  expect(stuck.outputs['verdict']).toBe('stuck');
  expectExample('stack-stuck', stuck);
  expect(await statusOf(sandbox)).toBe('UPDATE_ROLLBACK_FAILED');

  const explained = await deployStack(sandbox, { template: '2.yml' }, { workspace });
  expect(explained.outputs['verdict']).toBe('blocked');
  expect(explained.log).toContain('queue is locked');
  expectExample('stack-blocked', explained);
  expect(sandbox.calls.of('ContinueUpdateRollback')).toHaveLength(0);

  const continued = await deployStack(
    sandbox,
    { template: '2.yml', 'continue-rollback': 'true' },
    { workspace },
  );
  expect(continued.outputs['verdict']).toBe('updated');
  expect(sandbox.calls.of('ContinueUpdateRollback')).toHaveLength(1);
});

test('plans of two runs have different names', async () => {
  const sandbox = await start();
  const workspace = workspaceOf({ 't.yml': queue() });
  const runs = await Promise.all(
    ['1001', '1002'].map((id) =>
      deployStack(sandbox, { template: 't.yml', command: 'plan' }, { workspace, env: { GITHUB_RUN_ID: id } }),
    ),
  );
  expect(runs.map((run) => run.outputs['verdict'])).toEqual(['planned', 'planned']);
  expect(new Set(runs.map((run) => run.outputs['plan'])).size).toBe(2);
});

test('a stale status after execution is not treated as completed', async () => {
  const sandbox = await start({
    scenario: {
      features: { staleReads: 3 },
      resources: [{ match: { logicalId: 'Queue' }, on: 'update', fail: { message: 'no' } }],
    },
  });
  const workspace = workspaceOf({
    '1.yml': queue('      DelaySeconds: 1\n'),
    '2.yml': queue('      DelaySeconds: 2\n'),
  });
  expect((await deployStack(sandbox, { template: '1.yml' }, { workspace })).outputs['verdict']).toBe(
    'created',
  );
  const run = await deployStack(sandbox, { template: '2.yml' }, { workspace });
  expect(run.outputs['verdict']).toBe('rolled-back');
  expect(run.exitCode).toBe(1);
});

test('the root cause is the first real failure, not the newest "cancelled"', async () => {
  const sandbox = await start({
    timeScale: 10,
    scenario: {
      resources: [
        { match: { logicalId: 'Slow' }, on: 'create', seconds: 30 },
        {
          match: { logicalId: 'Broken' },
          on: 'create',
          seconds: 5,
          fail: { message: 'The queue quota is reached', code: 'ServiceLimitExceeded' },
        },
      ],
    },
  });
  const workspace = workspaceOf({ 't.yml': two });
  const run = await deployStack(sandbox, { template: 't.yml' }, { workspace });
  expect(run.outputs['verdict']).toBe('rolled-back');
  expect(run.outputs['reason']).toContain('The queue quota is reached');
  const annotations = run.log.split('\n').filter((line) => line.startsWith('::error'));
  const [cause, ...others] = annotations.filter((line) => line.includes('file=t.yml'));
  expect(cause).toMatch(/line=5\b.*The queue quota is reached/);
  expect([...others, cause].join()).not.toMatch(/cancelled/i);
});

test("the runner's clock does not matter", async () => {
  const sandbox = await start();
  const skew = `data:text/javascript,${encodeURIComponent(
    'const now = Date.now; Date.now = () => now() + 7_200_000;' +
      'globalThis.Date = class extends Date { constructor(...a) { a.length ? super(...a) : super(Date.now()); } };',
  )}`;
  const workspace = workspaceOf({ 't.yml': queue() });
  const run = await deployStack(
    sandbox,
    { template: 't.yml' },
    { workspace, node: [node24(), '--import', skew] },
  );
  expect(run.outputs['verdict']).toBe('created');
  expect(run.log).toMatch(/CREATE_COMPLETE .*AWS::SQS::Queue/);
});

test('waits for an operation without events', async () => {
  const sandbox = await start({
    timeScale: 1,
    scenario: { resources: [{ match: { logicalId: 'Queue' }, on: 'create', seconds: 12 }] },
  });
  const workspace = workspaceOf({ 't.yml': queue() });
  const run = await deployStack(sandbox, { template: 't.yml' }, { workspace });
  expect(run.outputs['verdict']).toBe('created');
  expect(run.durationMs).toBeGreaterThan(12_000);
});

describe('templates over 51,200 bytes', () => {
  const large = (name: string): string => `# ${'x'.repeat(60_000)}\n${queue().replace('orders', name)}`;

  test('are uploaded to the bucket with a key from their content', async () => {
    const sandbox = await start();
    sandbox.objects(DEV).createBucket('artifacts');
    const workspace = workspaceOf({ 'a/t.yml': large('a'), 'b/t.yml': large('b') });
    for (const stack of ['a', 'b']) {
      const run = await deployStack(
        sandbox,
        { 'stack-name': stack, template: `${stack}/t.yml`, 'artifact-bucket': 'artifacts' },
        { workspace },
      );
      expect(run.outputs['verdict']).toBe('created');
    }
    const urls = sandbox.calls.of('CreateChangeSet').map((call) => String(call.input['TemplateURL']));
    expect(new Set(urls).size).toBe(2);
    for (const url of urls)
      expect(url).toMatch(
        /^https:\/\/artifacts\.s3\.eu-west-1\.amazonaws\.com\/platform\/deployments\/[ab]\/[0-9a-f]{64}/,
      );
  });

  test('of plans have a separate prefix, so that a plan cannot overwrite deployed ones', async () => {
    const sandbox = await start();
    sandbox.objects(DEV).createBucket('artifacts');
    const workspace = workspaceOf({ 't.yml': large('a') });
    const inputs = { command: 'plan', template: 't.yml', 'artifact-bucket': 'artifacts' };
    const run = await deployStack(sandbox, inputs, { workspace });
    expect(run.outputs['verdict']).toBe('planned');
    const [call] = sandbox.calls.of('CreateChangeSet');
    expect(call?.input['TemplateURL']).toMatch(/amazonaws\.com\/platform\/plans\/app\/[0-9a-f]{64}/);
  });

  test('without a bucket are refused before any call', async () => {
    const sandbox = await start();
    const workspace = workspaceOf({ 't.yml': large('a') });
    const run = await deployStack(sandbox, { template: 't.yml' }, { workspace });
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toMatch(/artifact-bucket/);
    expect(sandbox.calls.all).toHaveLength(0);
  });

  test('have the URL of the partition', async () => {
    const sandbox = await start();
    sandbox.objects(DEV).createBucket('artifacts');
    const workspace = workspaceOf({ 't.yml': large('a') });
    const run = await deployStack(
      sandbox,
      { template: 't.yml', 'artifact-bucket': 'artifacts', 'aws-region': 'cn-north-1', 'role-arn': '' },
      { workspace, env: sandbox.env(DEV) },
    );
    expect(run.outputs['verdict']).toBe('created');
    expect(sandbox.calls.of('CreateChangeSet')[0]?.input['TemplateURL']).toMatch(
      /^https:\/\/artifacts\.s3\.cn-north-1\.amazonaws\.com\.cn\//,
    );
  });
});

describe('parameters and tags', () => {
  test('apostrophes, commas, quotes, newlines, = and JSON survive', async () => {
    const sandbox = await start();
    const values = {
      A: `it's, "quoted", a=b`,
      B: '{"x": [1, 2], "y": "a=b"}',
      C: 'one\ntwo\n',
      D: ' 010 ',
    };
    const workspace = workspaceOf({
      't.yml': `
Parameters: { A: { Type: String }, B: { Type: String }, C: { Type: String }, D: { Type: String } }
Resources: { Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Sub '\${A}\${B}\${C}\${D}' } } }
`,
    });
    const run = await deployStack(
      sandbox,
      { template: 't.yml', parameters: JSON.stringify(values) },
      { workspace },
    );
    expect(run.outputs['verdict']).toBe('created');
    const sent = sandbox.calls.of('CreateChangeSet')[0]?.input['Parameters'] as {
      ParameterKey: string;
      ParameterValue: string;
    }[];
    expect(Object.fromEntries(sent.map((each) => [each.ParameterKey, each.ParameterValue]))).toEqual(values);
  });

  test('invalid tags are an error before any call', async () => {
    const sandbox = await start();
    const workspace = workspaceOf({ 't.yml': queue() });
    const run = await deployStack(sandbox, { template: 't.yml', tags: 'no equals sign' }, { workspace });
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toContain('tags');
    expect(run.exitCode).toBe(1);
    expect(sandbox.calls.all).toHaveLength(0);
  });

  test('a NoEcho value is in no log, summary or output', async () => {
    const sandbox = await start();
    const secret = 'hunter2-correct-horse';
    const workspace = workspaceOf({
      't.yml': `
Parameters: { Password: { Type: String, NoEcho: true } }
Resources:
  User: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: !Sub 'pw=\${Password}' } }
Outputs: { Leak: { Value: !GetAtt User.Value } }
`,
    });
    const run = await deployStack(
      sandbox,
      { template: 't.yml', parameters: `Password=${secret}`, comment: 'false' },
      { workspace, env: { RUNNER_DEBUG: '1' } },
    );
    expect(run.outputs['verdict']).toBe('created');
    const masked = run.log.replace(`::add-mask::${secret}\n`, '');
    expect(masked + run.summary + JSON.stringify(run.outputs)).not.toContain(secret);
  });

  test('a stack output never replaces a declared output', async () => {
    const sandbox = await start();
    const workspace = workspaceOf({
      't.yml': `${queue()}
Outputs:
  verdict: { Value: unchanged }
  QueueUrl: { Value: !Ref Queue }
`,
    });
    const run = await deployStack(sandbox, { template: 't.yml' }, { workspace });
    expect(run.outputs['verdict']).toBe('created');
    expect(run.outputs['QueueUrl']).toContain('orders');
    expect(JSON.parse(run.outputs['outputs'] ?? '{}')).toMatchObject({ verdict: 'unchanged' });
    expect(run.log).toMatch(/^::notice::.*verdict/m);
  });
});

describe('"no changes"', () => {
  const parent = (child: string): string => `
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://artifacts.s3.eu-west-1.amazonaws.com/${child}
`;

  test('is distinguished from a failed nested change set', async () => {
    const sandbox = await start();
    const objects = sandbox.objects(DEV);
    objects.createBucket('artifacts');
    objects.put('artifacts', 'good.yml', Buffer.from(queue()));
    objects.put('artifacts', 'bad.yml', Buffer.from(queue('      NoSuchProperty: 1\n')));
    const workspace = workspaceOf({ 'good.yml': parent('good.yml'), 'bad.yml': parent('bad.yml') });
    expect((await deployStack(sandbox, { template: 'good.yml' }, { workspace })).outputs['verdict']).toBe(
      'created',
    );
    expect((await deployStack(sandbox, { template: 'good.yml' }, { workspace })).outputs['verdict']).toBe(
      'unchanged',
    );
    const bad = await deployStack(sandbox, { template: 'bad.yml' }, { workspace });
    expect(bad.outputs['verdict']).toBe('failed');
    expect(bad.outputs['reason']).toContain('NoSuchProperty');
    expect(bad.exitCode).toBe(1);
  });

  test('a changed output is a change', async () => {
    const sandbox = await start();
    const workspace = workspaceOf({
      '1.yml': queue(),
      '2.yml': `${queue()}\nOutputs: { Url: { Value: !Ref Queue } }\n`,
    });
    await deployStack(sandbox, { template: '1.yml' }, { workspace });
    const run = await deployStack(sandbox, { template: '2.yml' }, { workspace });
    expect(run.outputs['verdict']).toBe('updated');
    expect(run.outputs['Url']).toContain('orders');
  });
});
