import {
  DescribeStacksCommand,
  ListChangeSetsCommand,
  GetStackPolicyCommand,
} from '@aws-sdk/client-cloudformation';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Scenario } from '../../sandbox/index.ts';
import { CancelledError } from '../../src/core/errors.ts';
import { type Stand, stand } from './stand.ts';

const template = (tag: string, more = ''): string => `
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties: { CidrBlock: 10.0.0.0/16, Tags: [{ Key: Name, Value: ${tag} }] }
  Subnet:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24 }
${more}
Outputs:
  VpcId: { Value: !Ref Vpc }
`;
const BAD = `
  Bad:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.9.0/24 }
`;
const FAILING: Scenario = {
  resources: [
    {
      match: { logicalId: 'Bad' },
      on: 'create',
      fail: { message: 'The CIDR conflicts with another subnet' },
    },
  ],
};

let open: Stand | undefined;
async function start(scenario?: Scenario): Promise<Stand> {
  open = await stand(scenario);
  return open;
}
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function status({ client }: Stand): Promise<string> {
  const { Stacks = [] } = await client
    .send(new DescribeStacksCommand({ StackName: 'app' }))
    .catch(() => ({ Stacks: [] }));
  return Stacks[0]?.StackStatus ?? 'none';
}

async function changeSets({ client }: Stand): Promise<number> {
  const answer = await client
    .send(new ListChangeSetsCommand({ StackName: 'app' }))
    .catch(() => ({ Summaries: [] }));
  return (answer.Summaries ?? []).filter((summary) => summary.ExecutionStatus === 'AVAILABLE').length;
}

const LESS: [string, NonNullable<Scenario['features']>][] = [
  ['everything', {}],
  ['no tokens', { eventTokens: false }],
  [
    'no DescribeEvents, LastOperations, property values',
    { describeEvents: false, lastOperations: false, propertyValues: false },
  ],
  [
    'no recent features',
    {
      describeEvents: false,
      lastOperations: false,
      eventTokens: false,
      propertyValues: false,
      revertDrift: false,
    },
  ],
  ['stale reads', { staleReads: 6 }],
];

describe.each(LESS)('an endpoint with %s', (_name, features) => {
  test('creates, reports unchanged, plans, applies, deletes', async () => {
    const at = await start({ features });
    const created = await at.run(template('a'));
    expect(created).toMatchObject({ verdict: 'created', ok: true });
    expect(created.outputs['VpcId']).toMatch(/^vpc-/);
    expect((await at.run(template('a'))).verdict).toBe('unchanged');
    const { outputs, verdict } = await at.run(template('b'), { command: 'plan' });
    expect(verdict).toBe('planned');
    const approved = { plan: outputs['plan'] ?? '', fingerprint: outputs['fingerprint'] ?? '' };
    expect((await at.run('', { command: 'apply', ...approved })).verdict).toBe('updated');
    expect(await at.run('', { command: 'apply', ...approved })).toMatchObject({
      verdict: 'updated',
      ok: true,
    });
    expect((await at.run('', { command: 'delete', allowDelete: ['all'] })).verdict).toBe('deleted');
    expect((await at.run('', { command: 'delete', allowDelete: ['all'] })).verdict).toBe('unchanged');
  });

  test('rolls back with the root cause, then can be deployed again', async () => {
    const at = await start({ ...FAILING, features });
    const failed = await at.run(template('a', BAD));
    expect(failed).toMatchObject({ verdict: 'rolled-back', ok: false });
    expect(failed.reason).toContain('at Bad (AWS::EC2::Subnet): The CIDR conflicts with another subnet');
    expect(at.lines.join('\n')).toMatch(/::error title=Root cause%3A Bad,file=app\.yml,line=\d+::/);
    expect((await at.run(template('a', BAD), { command: 'plan' })).verdict).toBe('blocked');
    expect(await status(at)).toBe('ROLLBACK_COMPLETE');
    expect((await at.run(template('a'))).verdict).toBe('created');
    expect((await at.run(template('b', BAD))).verdict).toBe('rolled-back');
    expect(await status(at)).toBe('UPDATE_ROLLBACK_COMPLETE');
  });
});

describe('on failure', () => {
  test.each([
    ['keep', 'failed', 'CREATE_FAILED'],
    ['rollback', 'rolled-back', 'ROLLBACK_COMPLETE'],
    ['delete', 'rolled-back', 'none'],
  ] as const)('%s of a creation is %s, and the stack %s', async (onFailure, verdict, left) => {
    const at = await start(FAILING);
    expect((await at.run(template('a', BAD), { onFailure })).verdict).toBe(verdict);
    expect(await status(at)).toBe(left);
  });

  test.each([
    ['keep', 'failed', 'UPDATE_FAILED'],
    ['rollback', 'rolled-back', 'UPDATE_ROLLBACK_COMPLETE'],
    ['delete', 'rolled-back', 'UPDATE_ROLLBACK_COMPLETE'],
  ] as const)('%s of an update is %s, and the stack %s', async (onFailure, verdict, left) => {
    const at = await start(FAILING);
    await at.run(template('a'));
    expect((await at.run(template('b', BAD), { onFailure })).verdict).toBe(verdict);
    expect(await status(at)).toBe(left);
  });

  test('a stuck rollback is reported, blocked, and continued', async () => {
    const at = await start({
      resources: [
        ...(FAILING.resources ?? []),
        { match: { logicalId: 'Vpc' }, on: 'rollback', fail: { message: 'the role is gone', times: 1 } },
      ],
    });
    await at.run(template('a'));
    const stuck = await at.run(template('b', BAD));
    expect(stuck).toMatchObject({ verdict: 'stuck', ok: false });
    expect(stuck.reason).toContain('Vpc (the role is gone)');
    expect(await at.run(template('a'))).toMatchObject({ verdict: 'blocked', ok: false });
    expect((await at.run(template('c'), { continueRollback: true })).verdict).toBe('updated');
  });
});

describe('a cancelled job', () => {
  /** Runs a deployment whose job is cancelled as soon as the call arrives. */
  async function cancelAt(at: Stand, body: string, operation: string): Promise<string> {
    const controller = new AbortController();
    const nth = at.sandbox.calls.of(operation).length + 1;
    const [outcome] = await Promise.all([
      at.run(body, {}, controller.signal),
      at.sandbox.calls.arrival({ operation }, nth).then(() => {
        controller.abort(new CancelledError('SIGTERM'));
      }),
    ]);
    expect(outcome).toMatchObject({ verdict: 'cancelled', ok: false });
    return outcome.reason;
  }

  const slow = (on: 'create' | 'update'): Scenario => ({
    resources: [{ match: { logicalId: 'Vpc' }, on, seconds: 2000 }],
  });

  test.each(['CreateChangeSet', 'DescribeChangeSet', 'GetTemplate'])(
    'at %s leaves nothing of a creation',
    async (operation) => {
      const at = await start(slow('create'));
      await cancelAt(at, template('a'), operation);
      expect(await status(at)).toBe('none');
    },
  );

  test('at ExecuteChangeSet deletes what was being created; the next deployment waits for that', async () => {
    const at = await start(slow('create'));
    const reason = await cancelAt(at, template('a'), 'ExecuteChangeSet');
    expect(reason).toMatch(/Its deletion was requested|deleted/);
    expect((await at.run(template('a'))).verdict).toBe('created');
  });

  test.each(['CreateChangeSet', 'DescribeChangeSet'])(
    'at %s of an update leaves no change set',
    async (operation) => {
      const at = await start();
      await at.run(template('a'));
      await cancelAt(at, template('b'), operation);
      expect(await changeSets(at)).toBe(0);
      expect(await status(at)).toBe('CREATE_COMPLETE');
    },
  );

  test('at ExecuteChangeSet of an update rolls it back', async () => {
    const at = await start(slow('update'));
    await at.run(template('a'));
    const reason = await cancelAt(at, template('b'), 'ExecuteChangeSet');
    expect(reason).toContain('was cancelled, and CloudFormation is rolling it back');
    expect((await at.run(template('a'))).verdict).toBe('unchanged');
    expect(await status(at)).toBe('UPDATE_ROLLBACK_COMPLETE');
  });
});

describe('settings', () => {
  test('reach the stack', async () => {
    const at = await start();
    const policy = '{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}]}';
    await at.run(template('a'), {
      stackPolicy: policy,
      terminationProtection: true,
      tags: { Owner: 'team' },
    });
    const { Stacks = [] } = await at.client.send(new DescribeStacksCommand({ StackName: 'app' }));
    expect(Stacks[0]).toMatchObject({
      EnableTerminationProtection: true,
      Tags: [{ Key: 'Owner', Value: 'team' }],
    });
    const { StackPolicyBody } = await at.client.send(new GetStackPolicyCommand({ StackName: 'app' }));
    expect(StackPolicyBody).toBe(policy);
    expect((await at.run('', { command: 'delete', allowDelete: ['all'] })).verdict).toBe('blocked');
    expect(
      (await at.run('', { command: 'delete', allowDelete: ['all'], terminationProtection: false })).verdict,
    ).toBe('deleted');
  });
});

describe('drift', () => {
  const drifted: Scenario = { drift: [{ stack: 'app', logicalId: 'Vpc', set: { EnableDnsSupport: false } }] };
  const body = template('a').replace(
    'CidrBlock: 10.0.0.0/16,',
    'CidrBlock: 10.0.0.0/16, EnableDnsSupport: true,',
  );

  test.each([{}, { revertDrift: false }])('is found, with features %j', async (features) => {
    const at = await start({ ...drifted, features });
    await at.run(body);
    const outcome = await at.run('', { command: 'drift' });
    expect(outcome).toMatchObject({ verdict: 'drifted', ok: false });
    expect(outcome.reason).toContain('Vpc');
    expect(await changeSets(at)).toBe(0);
  });

  test('is reverted on request and then gone', async () => {
    const at = await start(drifted);
    await at.run(body);
    expect((await at.run('', { command: 'drift', revertDrift: true })).verdict).toBe('updated');
    expect((await at.run('', { command: 'drift' })).verdict).toBe('in-sync');
  });

  test('a missing stack is blocked', async () => {
    expect((await (await start()).run('', { command: 'drift' })).verdict).toBe('blocked');
  });
});

describe('parameters sent to AWS', () => {
  test.each([
    ['standard', 'rollback', { OnStackFailure: 'ROLLBACK' }],
    ['standard', 'keep', { OnStackFailure: 'DO_NOTHING' }],
    ['standard', 'delete', { OnStackFailure: 'DELETE' }],
    ['express', 'rollback', { DeploymentConfig: { Mode: 'EXPRESS', DisableRollback: 'false' } }],
  ] as const)('%s, on-failure %s', async (mode, onFailure, expected) => {
    const at = await start();
    const roleArn = 'arn:aws:iam::111111111111:role/cloudformation';
    const notificationArns = ['arn:aws:sns:eu-west-1:111111111111:deployments'];
    const outcome = await at.run(template('a'), {
      mode,
      onFailure,
      roleArn,
      notificationArns,
      tags: { Owner: 'x=y' },
    });
    expect(outcome.verdict).toBe('created');
    expect(at.sandbox.calls.of('CreateChangeSet')[0]?.input).toMatchObject({
      ...expected,
      RoleARN: roleArn,
      NotificationARNs: notificationArns,
      Tags: [{ Key: 'Owner', Value: 'x=y' }],
    });
    expect(at.sandbox.calls.of('ExecuteChangeSet')[0]?.input).toMatchObject({
      ClientRequestToken: expect.stringMatching(/^platform-1001-/),
    });
  });

  test('an endpoint without express mode causes a clear failure', async () => {
    const at = await start({ features: { express: false } });
    const outcome = await at.run(template('a'), { mode: 'express' });
    expect(outcome).toMatchObject({ verdict: 'failed', ok: false });
    expect(outcome.reason).toContain('Fix: Use mode: standard.');
    expect(await status(at)).toBe('none');
  });
});
