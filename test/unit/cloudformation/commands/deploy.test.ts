import { describe, expect, test } from '@jest/globals';
import { awsError, fail } from '../aws.ts';
import { CREATED, inputsOf, run, type Step, StackWorld, UPDATED, type WorldOptions } from '../stack-world.ts';

const VPC_FAILED: Step = {
  at: 2,
  id: 'Vpc',
  status: 'CREATE_FAILED',
  reason: 'The CIDR is bad (Service: Ec2; HandlerErrorCode: InvalidRequest)',
};
const UPDATE_FAILED: Step = { ...VPC_FAILED, status: 'UPDATE_FAILED' };
const START_CREATE: Step = { at: 0, status: 'CREATE_IN_PROGRESS' };
const START_UPDATE: Step = { at: 0, status: 'UPDATE_IN_PROGRESS' };

interface Case extends WorldOptions {
  name: string;
  play: Step[];
  verdict: string;
  reason: RegExp;
}

const ENDS: Case[] = [
  {
    name: 'a creation',
    play: CREATED,
    verdict: 'created',
    reason: /^Stack app was created in 9s: 1 added\.$/,
  },
  {
    name: 'an update',
    status: 'CREATE_COMPLETE',
    play: UPDATED,
    verdict: 'updated',
    reason: /updated in 6s/,
  },
  {
    name: 'an update of outputs only',
    status: 'UPDATE_COMPLETE',
    changes: [],
    play: [START_UPDATE, { at: 1, status: 'UPDATE_COMPLETE' }],
    verdict: 'updated',
    reason: /no resource changed, but outputs, tags or settings did/,
  },
  {
    name: 'a creation that rolls back',
    play: [
      START_CREATE,
      VPC_FAILED,
      {
        at: 3,
        status: 'ROLLBACK_IN_PROGRESS',
        reason: 'The following resource(s) failed to create: [Vpc]. Rollback requested by user.',
      },
      { at: 5, id: 'Vpc', status: 'DELETE_COMPLETE' },
      { at: 6, status: 'ROLLBACK_COMPLETE' },
    ],
    verdict: 'rolled-back',
    reason:
      /^The creation of stack app failed at Vpc \(AWS::EC2::VPC\): The CIDR is bad.*The creation was rolled back/,
  },
  {
    name: 'a creation whose stack is deleted',
    play: [
      START_CREATE,
      VPC_FAILED,
      { at: 3, status: 'DELETE_IN_PROGRESS' },
      { at: 6, status: 'DELETE_COMPLETE' },
    ],
    verdict: 'rolled-back',
    reason: /The stack was deleted/,
  },
  {
    name: 'a creation that is kept',
    play: [
      START_CREATE,
      VPC_FAILED,
      { at: 3, status: 'CREATE_FAILED', reason: 'The following resource(s) failed to create: [Vpc].' },
    ],
    verdict: 'failed',
    reason: /It was not rolled back: the stack is CREATE_FAILED/,
  },
  {
    name: 'a creation whose rollback fails',
    play: [
      START_CREATE,
      VPC_FAILED,
      { at: 3, status: 'ROLLBACK_IN_PROGRESS' },
      { at: 5, id: 'Vpc', status: 'DELETE_FAILED', reason: 'in use' },
      { at: 6, status: 'ROLLBACK_FAILED' },
    ],
    verdict: 'stuck',
    reason: /at Vpc \(AWS::EC2::VPC\): The CIDR is bad.*The rollback also failed at Vpc \(in use\)/,
  },
  {
    name: 'an update that rolls back',
    status: 'CREATE_COMPLETE',
    play: [
      START_UPDATE,
      UPDATE_FAILED,
      { at: 3, status: 'UPDATE_ROLLBACK_IN_PROGRESS' },
      { at: 5, id: 'Vpc', status: 'UPDATE_COMPLETE' },
      { at: 6, status: 'UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS' },
      { at: 7, status: 'UPDATE_ROLLBACK_COMPLETE' },
    ],
    verdict: 'rolled-back',
    reason: /The update of stack app failed at Vpc.*The update was rolled back/,
  },
  {
    name: 'an update whose rollback fails',
    status: 'CREATE_COMPLETE',
    play: [
      START_UPDATE,
      UPDATE_FAILED,
      { at: 3, status: 'UPDATE_ROLLBACK_IN_PROGRESS' },
      { at: 5, id: 'Vpc', status: 'UPDATE_FAILED', reason: 'no permission' },
      { at: 6, status: 'UPDATE_ROLLBACK_FAILED' },
    ],
    verdict: 'stuck',
    reason: /The rollback also failed at Vpc \(no permission\).*continue-rollback: true/,
  },
  {
    name: 'an update that is kept',
    status: 'CREATE_COMPLETE',
    play: [START_UPDATE, UPDATE_FAILED, { at: 3, status: 'UPDATE_FAILED' }],
    verdict: 'failed',
    reason: /the stack is UPDATE_FAILED/,
  },
];

describe('the verdict of a deployment', () => {
  test.each(ENDS)('$name: $verdict', async ({ play, verdict, reason, ...options }) => {
    const world = new StackWorld({ ...options, plays: { ExecuteChangeSet: play } });
    const outcome = await run(world);
    expect(outcome.verdict).toBe(verdict);
    expect(outcome.reason).toMatch(reason);
    expect(outcome.ok).toBe(['created', 'updated'].includes(verdict));
    const named = ['DescribeChangeSet', 'ExecuteChangeSet', 'DeleteChangeSet'].flatMap(world.aws.inputs);
    expect(named.length).toBeGreaterThan(0);
    expect(
      named.filter((input) => !input['StackName'] || /^arn:/.test(String(input['ChangeSetName']))),
    ).toEqual([]);
  });

  test('a change set that was replaced by one of the same name is not executed', async () => {
    const world: StackWorld = new StackWorld({
      status: 'CREATE_COMPLETE',
      handlers: {
        // The last read before the execution is that of the latest event.
        DescribeStackEvents: () => {
          world.lay('plan-of-another-tool');
          return { StackEvents: [] };
        },
      },
    });
    const outcome = await run(world);
    expect(outcome).toMatchObject({ verdict: 'failed', ok: false });
    expect(outcome.reason).toMatch(/was replaced by another change set of the same name/);
    expect(world.aws.inputs('ExecuteChangeSet')).toEqual([]);
  });

  test('the execution of another change set with the same name is not mistaken for ours', async () => {
    const world: StackWorld = new StackWorld({
      status: 'CREATE_COMPLETE',
      handlers: {
        ExecuteChangeSet: () => {
          world.lay('plan-of-another-tool', 'EXECUTE_COMPLETE');
          return fail(awsError('InvalidChangeSetStatus', 'It cannot be executed in its current status'));
        },
      },
    });
    const outcome = await run(world);
    expect(outcome).toMatchObject({ verdict: 'failed', ok: false });
    expect(outcome.reason).toMatch(/cannot be executed in its current status/);
  });

  test.each(ENDS)('$name, on an endpoint without tokens', async ({ play, verdict, ...options }) => {
    const world = new StackWorld({ ...options, noTokens: true, plays: { ExecuteChangeSet: play } });
    expect((await run(world)).verdict).toBe(verdict);
  });

  test('completes within one poll of AWS', async () => {
    const world = new StackWorld({ status: 'CREATE_COMPLETE', plays: { ExecuteChangeSet: UPDATED } });
    const started = world.aws.clock.now();
    await run(world);
    expect(world.aws.clock.now() - started).toBeLessThanOrEqual(6000 + 1000);
  });

  test('a deployment without changes is unchanged and leaves no change set', async () => {
    const world = new StackWorld({ status: 'UPDATE_COMPLETE', changes: null });
    const outcome = await run(world);
    expect(outcome).toMatchObject({
      verdict: 'unchanged',
      ok: true,
      outputs: { 'has-changes': 'false', plan: '' },
    });
    expect(world.changeSets).toBe(0);
    expect(world.aws.inputs('ExecuteChangeSet')).toEqual([]);
  });

  test('a deployment without changes of a stack in UPDATE_FAILED is not green', async () => {
    const world = new StackWorld({ status: 'UPDATE_FAILED', changes: null });
    const outcome = await run(world, { onFailure: 'keep' });
    expect(outcome).toMatchObject({ verdict: 'failed', ok: false });
  });

  test('the replacement of a stateful resource is blocked, and its change set is deleted', async () => {
    const world = new StackWorld({
      status: 'UPDATE_COMPLETE',
      changes: [
        {
          Type: 'Resource',
          ResourceChange: {
            Action: 'Modify',
            LogicalResourceId: 'Db',
            ResourceType: 'AWS::RDS::DBInstance',
            Replacement: 'True',
          },
        },
      ],
    });
    const outcome = await run(world);
    expect(outcome).toMatchObject({ verdict: 'blocked', ok: false });
    expect(outcome.reason).toContain('allow-replace: Db');
    expect(world.changeSets).toBe(0);
    expect(world.aws.inputs('ExecuteChangeSet')).toEqual([]);
  });

  test('a blocked creation deletes its empty stack', async () => {
    const world = new StackWorld({
      handlers: { ExecuteChangeSet: () => fail(awsError('AccessDenied', 'no', 403)) },
    });
    const outcome = await run(world);
    expect(outcome).toMatchObject({ verdict: 'failed', ok: false });
    expect(outcome.reason).toContain('AccessDenied');
    expect(world.status).toBe('DELETE_COMPLETE');
  });
});

describe('watches only its own operation', () => {
  test('stale reads of DescribeStacks are ignored', async () => {
    const world = new StackWorld({
      status: 'CREATE_COMPLETE',
      staleReads: 12,
      plays: { ExecuteChangeSet: UPDATED },
    });
    const outcome = await run(world);
    expect(outcome.verdict).toBe('updated');
    expect(world.aws.clock.sleeps.length).toBeGreaterThan(8);
  });

  test('so are the outputs of a stale read with the same status', async () => {
    const world = new StackWorld({
      status: 'UPDATE_COMPLETE',
      staleReads: 3,
      plays: { ExecuteChangeSet: UPDATED },
    });
    expect((await run(world)).outputs['VpcId']).toBe('vpc-1');
  });

  test('an endpoint that never updates LastUpdatedTime is accepted after a while', async () => {
    const world = new StackWorld({
      status: 'UPDATE_COMPLETE',
      staleReads: 1e6,
      plays: { ExecuteChangeSet: UPDATED },
    });
    const started = world.aws.clock.now();
    expect((await run(world)).verdict).toBe('updated');
    expect(world.aws.clock.now() - started).toBeLessThan(30_000);
  });

  test('REVIEW_IN_PROGRESS after the request is a stale read', async () => {
    const world = new StackWorld({ staleReads: 15, plays: { ExecuteChangeSet: CREATED } });
    expect((await run(world)).verdict).toBe('created');
  });

  test('an old UPDATE_COMPLETE is not proof: without its own events, the run times out', async () => {
    const world = new StackWorld({ status: 'UPDATE_COMPLETE', plays: { ExecuteChangeSet: [] } });
    const outcome = await run(world, { timeoutMs: 30_000 });
    expect(outcome).toMatchObject({ verdict: 'timed-out', ok: false });
    expect(outcome.reason).toContain('continues on AWS');
  });

  test('events with another token are ignored', async () => {
    const others = UPDATED.map((step) => ({ ...step, token: 'Console-Other' }));
    const world = new StackWorld({ status: 'UPDATE_COMPLETE', plays: { ExecuteChangeSet: others } });
    expect((await run(world, { timeoutMs: 30_000 })).verdict).toBe('timed-out');
  });

  test('another update right after ours does not change the verdict', async () => {
    const next: Step[] = [
      { at: 6.1, status: 'UPDATE_IN_PROGRESS', token: 'Console-Other' },
      { at: 100, status: 'UPDATE_ROLLBACK_COMPLETE', token: 'Console-Other' },
    ];
    const world = new StackWorld({
      status: 'UPDATE_COMPLETE',
      plays: { ExecuteChangeSet: [...UPDATED, ...next] },
    });
    expect((await run(world)).verdict).toBe('updated');
  });

  test('a contradiction between the last event and DescribeStacks is a failure', async () => {
    const world = new StackWorld({
      status: 'UPDATE_COMPLETE',
      staleReads: 1e6,
      plays: { ExecuteChangeSet: [START_UPDATE, { at: 1, status: 'UPDATE_ROLLBACK_COMPLETE' }] },
    });
    const outcome = await run(world);
    expect(outcome.verdict).toBe('failed');
    expect(outcome.reason).toContain('reports conflicting states');
  });

  test('the token is deterministic for the plan and contains the run', async () => {
    const world = new StackWorld({ plays: { ExecuteChangeSet: CREATED } });
    await run(world);
    const [input] = world.aws.inputs('ExecuteChangeSet');
    expect(input?.['ClientRequestToken']).toMatch(/^platform-1001-1-[0-9a-f]{24}$/);
  });

  test('a lost response is not an error if the change set is being executed', async () => {
    const world: StackWorld = new StackWorld({
      status: 'UPDATE_COMPLETE',
      handlers: {
        ExecuteChangeSet: (input) => {
          world.execute(input);
          world.play(UPDATED, 'whatever');
          fail(
            awsError(
              'InvalidChangeSetStatusException',
              'cannot be executed in its current status of [EXECUTE_IN_PROGRESS]',
            ),
          );
        },
      },
    });
    expect((await run(world)).verdict).toBe('updated');
  });

  test('lost connections are retried for a while', async () => {
    const world = new StackWorld({
      status: 'UPDATE_COMPLETE',
      plays: { ExecuteChangeSet: UPDATED },
    });
    const read = world.aws.context.client.send.bind(world.aws.context.client);
    let lost = 3;
    world.aws.context.client.send = (async (command: { constructor: { name: string } }, options: never) => {
      const executed = world.aws.inputs('ExecuteChangeSet').length > 0;
      if (executed && command.constructor.name === 'DescribeStackEventsCommand' && lost-- > 0) {
        throw Object.assign(new Error('reset'), { code: 'ECONNRESET' });
      }
      return await read(command as never, options);
    }) as never;
    expect((await run(world)).verdict).toBe('updated');
  });
});

describe('parameters sent to AWS', () => {
  test.each([
    ['rollback', 'UPDATE_COMPLETE', { DisableRollback: false }],
    ['keep', 'UPDATE_COMPLETE', { DisableRollback: true }],
    ['delete', 'UPDATE_COMPLETE', { DisableRollback: false }],
  ] as const)('on-failure %s when updating', async (onFailure, status, expected) => {
    const world = new StackWorld({ status, plays: { ExecuteChangeSet: UPDATED } });
    await run(world, { onFailure });
    expect(world.aws.inputs('ExecuteChangeSet')[0]).toMatchObject(expected);
  });

  test.each(['rollback', 'keep', 'delete'] as const)(
    'on-failure %s of a creation is in the change set only',
    async (onFailure) => {
      const world = new StackWorld({ plays: { ExecuteChangeSet: CREATED } });
      await run(world, { onFailure });
      expect(world.aws.inputs('ExecuteChangeSet')[0]).not.toHaveProperty('DisableRollback');
    },
  );

  test('the stack policy comes before an update and after a creation', async () => {
    const policy = '{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}]}';
    const order = async (options: WorldOptions): Promise<string[]> => {
      const world = new StackWorld(options);
      await run(world, { stackPolicy: policy });
      expect(world.policy).toBe(policy);
      return world.aws.calls
        .map((call) => call.operation)
        .filter((name) => /SetStackPolicy|ExecuteChangeSet/.test(name));
    };
    expect(await order({ status: 'UPDATE_COMPLETE', plays: { ExecuteChangeSet: UPDATED } })).toEqual([
      'SetStackPolicy',
      'ExecuteChangeSet',
    ]);
    expect(await order({ plays: { ExecuteChangeSet: CREATED } })).toEqual([
      'ExecuteChangeSet',
      'SetStackPolicy',
    ]);
  });

  test('changed settings make an unchanged stack updated; the next run is unchanged', async () => {
    const world = new StackWorld({ status: 'UPDATE_COMPLETE', changes: null });
    const values = { terminationProtection: true, stackPolicy: '{"Statement":[]}' };
    const first = await run(world, values);
    expect(first).toMatchObject({ verdict: 'updated', ok: true });
    expect(first.reason).toContain('stack policy and termination protection');
    expect((await run(world, { ...values, stackPolicy: ' { "Statement" : [ ] } ' })).verdict).toBe(
      'unchanged',
    );
  });

  test('a setting that fails after a successful update is reported as a failure', async () => {
    const world = new StackWorld({
      status: 'UPDATE_COMPLETE',
      plays: { ExecuteChangeSet: UPDATED },
      handlers: { UpdateTerminationProtection: () => fail(awsError('AccessDenied', 'not allowed', 403)) },
    });
    const outcome = await run(world, { terminationProtection: true });
    expect(outcome).toMatchObject({ verdict: 'failed', ok: false, outputs: { VpcId: 'vpc-1' } });
    expect(outcome.reason).toMatch(
      /^Stack app was updated in 6s: .*A later step failed: AccessDenied: not allowed/,
    );
  });

  test('an invalid stack policy is refused before any call', async () => {
    const world = new StackWorld({ status: 'UPDATE_COMPLETE' });
    await expect(run(world, { stackPolicy: '{"a":1}' })).rejects.toThrow(/^stack-policy: /);
    expect(world.aws.calls).toEqual([]);
  });
});

describe('outputs', () => {
  test('each stack output has its own key, but never replaces a declared output', async () => {
    const world = new StackWorld({
      status: 'UPDATE_COMPLETE',
      changes: null,
      stack: {
        Outputs: [
          { OutputKey: 'VpcId', OutputValue: 'vpc-1' },
          { OutputKey: 'Plan', OutputValue: 'x' },
          { OutputKey: 'region', OutputValue: 'mars' },
          { OutputKey: 'DbPassword', OutputValue: 'hunter22' },
          { OutputKey: 'Masked', OutputValue: '****' },
        ],
      },
    });
    const { outputs, summary, annotations = [] } = await run(world);
    expect(outputs).toMatchObject({ 'stack-name': 'app', region: 'eu-west-1', VpcId: 'vpc-1', plan: '' });
    expect(outputs).not.toHaveProperty('Plan');
    expect(JSON.parse(outputs['outputs'] ?? '')).toEqual({ VpcId: 'vpc-1', Plan: 'x', region: 'mars' });
    expect(annotations.filter(({ message }) => message.includes('only in "outputs"'))).toHaveLength(2);
    expect(JSON.stringify({ outputs, summary })).not.toContain('hunter22');
  });

  test('outputs contain no account id that GitHub would drop', async () => {
    const arn = 'arn:aws:iam::111111111111:role/x';
    const world = new StackWorld({
      status: 'CREATE_COMPLETE',
      plays: {
        ExecuteChangeSet: [
          START_UPDATE,
          { ...UPDATE_FAILED, reason: `${arn} is denied` },
          { at: 3, status: 'UPDATE_ROLLBACK_COMPLETE' },
        ],
      },
    });
    const { reason, result } = await run(world);
    expect(reason).toContain('arn:aws:iam::…:role/x');
    expect(JSON.stringify(result)).not.toContain('111111111111');
  });
});

test('after a failed plan, the change set is deleted and the verdict is failed', async () => {
  const world = new StackWorld({
    status: 'UPDATE_COMPLETE',
    handlers: { CreateChangeSet: () => fail(awsError('ValidationError', 'Template format error: x')) },
  });
  const outcome = await run(world, inputsOf());
  expect(outcome).toMatchObject({ verdict: 'failed', ok: false });
  expect(outcome.reason).toContain('Template format error');
  expect(outcome.result['findings']).toEqual([expect.objectContaining({ level: 'error' })]);
});
