import { describe, expect, test } from '@jest/globals';
import type { Outcome } from '../../../../src/core/outcome.ts';
import { run, type Step, StackWorld, UPDATED, type WorldOptions } from '../stack-world.ts';

const CHANGED = [
  {
    Type: 'Resource',
    ResourceChange: {
      Action: 'Modify',
      LogicalResourceId: 'Vpc',
      ResourceType: 'AWS::EC2::VPC',
      Replacement: 'False',
    },
  },
];
const OTHER = [
  ...CHANGED,
  {
    Type: 'Resource',
    ResourceChange: { Action: 'Remove', LogicalResourceId: 'Subnet', ResourceType: 'AWS::EC2::Subnet' },
  },
];

/** Plans in one world, and returns what the plan step passes to the apply step. */
async function planned(world: StackWorld): Promise<{ plan: string; fingerprint: string }> {
  const { verdict, outputs } = await run(world, { command: 'plan' });
  expect(verdict).toBe('planned');
  return { plan: outputs['plan'] ?? '', fingerprint: outputs['fingerprint'] ?? '' };
}

/** Without a template, like a job without a checkout. */
function apply(world: StackWorld, approved: object, template = ''): Promise<Outcome> {
  return run(world, { command: 'apply', template, ...approved });
}

const options = (values: WorldOptions = {}): WorldOptions => ({
  status: 'UPDATE_COMPLETE',
  changes: CHANGED,
  plays: { ExecuteChangeSet: UPDATED },
  ...values,
});

describe('plan', () => {
  test('leaves only its change set', async () => {
    const world = new StackWorld(options());
    const outcome = await run(world, { command: 'plan' });
    expect(outcome).toMatchObject({ verdict: 'planned', ok: true, outputs: { 'has-changes': 'true' } });
    expect(world.changeSets).toBe(1);
    expect(world.aws.calls.map(({ operation }) => operation)).not.toContain('ExecuteChangeSet');
  });

  test('warns about what the guard will block, and is green', async () => {
    const changes = [
      {
        Type: 'Resource',
        ResourceChange: { Action: 'Remove', LogicalResourceId: 'Db', ResourceType: 'AWS::RDS::DBInstance' },
      },
    ];
    const outcome = await run(new StackWorld(options({ changes })), { command: 'plan' });
    expect(outcome).toMatchObject({ verdict: 'planned', ok: true });
    expect(outcome.reason).toContain('allow-delete: Db');
  });

  test('reports settings that are not part of a plan, and changes none', async () => {
    const world = new StackWorld(options());
    const outcome = await run(world, {
      command: 'plan',
      stackPolicy: '{"Statement":[]}',
      terminationProtection: true,
    });
    expect(outcome.result['notes']).toEqual([
      'Not part of the plan, but set by deploy and apply: stack policy, termination protection.',
    ]);
    expect(world.policy).toBeUndefined();
    expect(world.aws.inputs('UpdateTerminationProtection')).toEqual([]);
  });

  test('without changes is unchanged and has no plan', async () => {
    const outcome = await run(new StackWorld(options({ changes: null })), { command: 'plan' });
    expect(outcome).toMatchObject({ verdict: 'unchanged', outputs: { 'has-changes': 'false', plan: '' } });
  });
});

describe('apply', () => {
  test('executes exactly the plan, without the workspace', async () => {
    const world = new StackWorld(options());
    const approved = await planned(world);
    const made = world.aws.inputs('CreateChangeSet').length;
    const outcome = await apply(world, approved);
    expect(outcome.verdict).toBe('updated');
    expect(world.aws.inputs('CreateChangeSet')).toHaveLength(made);
    expect(world.aws.inputs('ExecuteChangeSet')[0]?.['ChangeSetName']).toContain(approved.plan);
  });

  test.each([
    [{ plan: '', fingerprint: 'f' }, /^plan: /],
    [{ plan: 'p', fingerprint: '' }, /^fingerprint: /],
  ])('needs both: %j', async (approved, message) => {
    const world = new StackWorld(options());
    await expect(apply(world, approved)).rejects.toThrow(message);
    expect(world.aws.calls).toEqual([]);
  });

  test('another fingerprint is plan-changed, and nothing is executed or deleted', async () => {
    const world = new StackWorld(options());
    const approved = await planned(world);
    const outcome = await apply(world, { ...approved, fingerprint: 'v1:other' });
    expect(outcome).toMatchObject({ verdict: 'plan-changed', ok: false });
    expect(world.aws.inputs('ExecuteChangeSet')).toEqual([]);
    expect(world.changeSets).toBe(1);
  });

  test('the guard also applies', async () => {
    const changes = [
      {
        Type: 'Resource',
        ResourceChange: { Action: 'Remove', LogicalResourceId: 'Db', ResourceType: 'AWS::RDS::DBInstance' },
      },
    ];
    const world = new StackWorld(options({ changes }));
    const approved = await planned(world);
    expect(await apply(world, approved)).toMatchObject({ verdict: 'blocked', ok: false });
    expect(world.changeSets).toBe(1);
    expect((await apply(world, { ...approved, allowDelete: ['Db'] })).verdict).toBe('updated');
  });

  describe('a plan that no longer exists', () => {
    const gone = async (
      after: WorldOptions,
    ): Promise<[StackWorld, { plan: string; fingerprint: string }]> => {
      const approved = await planned(new StackWorld(options()));
      return [new StackWorld(options(after)), approved];
    };

    test('is created again, and executed if it is the same', async () => {
      const [world, approved] = await gone({});
      expect((await apply(world, approved, 'app.yml')).verdict).toBe('updated');
      expect(world.aws.inputs('ExecuteChangeSet')).toHaveLength(1);
    });

    test('is plan-changed if it differs, and its change set is deleted', async () => {
      const [world, approved] = await gone({ changes: OTHER });
      const outcome = await apply(world, approved, 'app.yml');
      expect(outcome).toMatchObject({ verdict: 'plan-changed', ok: false });
      expect(outcome.result['difference']).not.toEqual([]);
      expect(world.aws.inputs('ExecuteChangeSet')).toEqual([]);
      expect(world.changeSets).toBe(0);
    });

    test('is plan-changed without a template', async () => {
      const [world, approved] = await gone({});
      expect(await apply(world, approved)).toMatchObject({ verdict: 'plan-changed', ok: false });
    });

    test('is unchanged if there is nothing left to do', async () => {
      const [world, approved] = await gone({ changes: null });
      expect(await apply(world, approved, 'app.yml')).toMatchObject({ verdict: 'unchanged', ok: true });
    });
  });

  describe('a rerun', () => {
    test.each([
      ['EXECUTE_COMPLETE', 'UPDATE_COMPLETE', 'updated', /was already executed/],
      ['EXECUTE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE', 'failed', /Re-run all jobs/],
      ['EXECUTE_FAILED', 'UPDATE_ROLLBACK_COMPLETE', 'failed', /Re-run all jobs/],
    ])('after %s with a stack %s is %s', async (execution, status, verdict, reason) => {
      const world = new StackWorld(options({ status }));
      world.lay('plan-1', execution);
      const outcome = await apply(world, { plan: 'plan-1', fingerprint: 'f' });
      expect(outcome.verdict).toBe(verdict);
      expect(outcome.reason).toMatch(reason);
      expect(world.aws.inputs('ExecuteChangeSet')).toEqual([]);
    });

    test("recognizes a deleted change set by the stack's ChangeSetId", async () => {
      const stack = { ChangeSetId: 'arn:aws:cloudformation:eu-west-1:111111111111:changeSet/plan-1/1' };
      const outcome = await apply(new StackWorld(options({ stack })), { plan: 'plan-1', fingerprint: 'f' });
      expect(outcome).toMatchObject({ verdict: 'updated', ok: true });
    });

    test('waits for an execution started by an earlier attempt', async () => {
      const world = new StackWorld(options({ status: 'UPDATE_IN_PROGRESS' }));
      world.lay('plan-1', 'EXECUTE_COMPLETE');
      const rest: Step[] = [{ at: 30, status: 'UPDATE_COMPLETE' }];
      world.play(rest, 'platform-1001-1-0');
      expect((await apply(world, { plan: 'plan-1', fingerprint: 'f' })).verdict).toBe('updated');
    });
  });
});
