import { describe, expect, test } from '@jest/globals';
import { CREATED, DELETED, run, type Step, StackWorld, UPDATED } from '../stack-world.ts';

const REMADE = { plays: { DeleteStack: DELETED, ExecuteChangeSet: CREATED } };

describe('the leftovers of a failed creation', () => {
  test.each(['ROLLBACK_COMPLETE', 'CREATE_FAILED', 'ROLLBACK_FAILED'])(
    '%s is deleted by its ARN and created again',
    async (status) => {
      const world = new StackWorld({ status, ...REMADE });
      const outcome = await run(world);
      expect(outcome.verdict).toBe('created');
      expect(outcome.result['notes']).toEqual([
        expect.stringContaining(`Deleted stack app, which was ${status}`),
      ]);
      expect(world.aws.inputs('DeleteStack')[0]?.['StackName']).toMatch(/^arn:/);
      expect(world.aws.inputs('CreateChangeSet')[0]?.['ChangeSetType']).toBe('CREATE');
    },
  );

  test.each(['plan', 'apply', 'drift'] as const)('%s never deletes it', async (command) => {
    const world = new StackWorld({ status: 'ROLLBACK_COMPLETE', ...REMADE });
    const outcome = await run(world, { command, plan: 'plan-1', fingerprint: 'f' });
    expect(outcome).toMatchObject({ verdict: 'blocked', ok: false });
    expect(outcome.reason).toContain('Run `deploy`, which deletes the stack and creates it again');
    expect(world.aws.inputs('DeleteStack')).toEqual([]);
  });

  test('are not deleted while a parameter of the new stack is missing', async () => {
    const world = new StackWorld({ status: 'ROLLBACK_COMPLETE', ...REMADE });
    await expect(run(world, { parameters: { Nope: 'x' } })).rejects.toThrow(/Nope/);
    expect(world.aws.inputs('DeleteStack')).toEqual([]);
  });

  test('termination protection blocks the deletion unless explicitly disabled', async () => {
    const stack = { EnableTerminationProtection: true };
    const blocked = await run(new StackWorld({ status: 'ROLLBACK_COMPLETE', stack, ...REMADE }));
    expect(blocked).toMatchObject({ verdict: 'blocked' });
    expect(blocked.reason).toContain('termination protection');
    const world = new StackWorld({ status: 'ROLLBACK_COMPLETE', stack, ...REMADE });
    expect((await run(world, { terminationProtection: false })).verdict).toBe('created');
  });

  const database = {
    LogicalResourceId: 'Db',
    ResourceType: 'AWS::RDS::DBInstance',
    PhysicalResourceId: 'db-1',
    ResourceStatus: 'CREATE_COMPLETE',
  };

  test('resources with data are not deleted without allow-delete', async () => {
    const options = { status: 'CREATE_FAILED', resources: [database], ...REMADE };
    const blocked = await run(new StackWorld(options));
    expect(blocked).toMatchObject({ verdict: 'blocked' });
    expect(blocked.reason).toContain('allow-delete: Db');
    expect((await run(new StackWorld(options), { allowDelete: ['Db'] })).verdict).toBe('created');
  });

  test('lists retained resources', async () => {
    const resources = [{ ...database, ResourceStatus: 'DELETE_SKIPPED' }];
    const outcome = await run(new StackWorld({ status: 'ROLLBACK_COMPLETE', resources, ...REMADE }));
    expect(outcome.verdict).toBe('created');
    expect(outcome.result['notes']).toContainEqual(expect.stringContaining('Retained outside the stack: Db'));
  });

  test('a resource that was never created is not listed as retained', async () => {
    const resources = [{ ...database, PhysicalResourceId: '', ResourceStatus: 'DELETE_SKIPPED' }];
    const outcome = await run(new StackWorld({ status: 'ROLLBACK_COMPLETE', resources, ...REMADE }));
    expect(outcome.verdict).toBe('created');
    expect(JSON.stringify(outcome.result['notes'])).not.toContain('Db');
  });

  test('a stack that cannot be deleted blocks, with the resource that prevents it', async () => {
    const failing: Step[] = [
      { at: 0, status: 'DELETE_IN_PROGRESS' },
      { at: 2, id: 'Vpc', status: 'DELETE_FAILED', reason: 'has dependencies and cannot be deleted' },
      { at: 3, status: 'DELETE_FAILED', reason: 'The following resource(s) failed to delete: [Vpc].' },
    ];
    const outcome = await run(new StackWorld({ status: 'ROLLBACK_FAILED', plays: { DeleteStack: failing } }));
    expect(outcome).toMatchObject({ verdict: 'blocked' });
    expect(outcome.reason).toContain(
      'was ROLLBACK_FAILED after a failed creation and could not be deleted. It is DELETE_FAILED. Vpc: has dependencies',
    );
    expect(outcome.error?.fix).toMatch(
      /^Remove what still uses the resource .*Remove what prevents the deletion, run deploy-stack with command: delete, then deploy again\.$/,
    );
  });

  test('CREATE_FAILED with on-failure: keep is updated in place', async () => {
    const world = new StackWorld({ status: 'CREATE_FAILED', plays: { ExecuteChangeSet: UPDATED } });
    expect((await run(world, { onFailure: 'keep' })).verdict).toBe('updated');
    expect(world.aws.inputs('DeleteStack')).toEqual([]);
    expect(world.aws.inputs('ExecuteChangeSet')[0]).toMatchObject({ DisableRollback: true });
  });
});

describe('an empty stack', () => {
  test('is created, not updated', async () => {
    const world = new StackWorld({ status: 'REVIEW_IN_PROGRESS', plays: { ExecuteChangeSet: CREATED } });
    expect((await run(world)).verdict).toBe('created');
    expect(world.aws.inputs('CreateChangeSet')[0]?.['ChangeSetType']).toBe('CREATE');
  });
});

describe('an operation by another caller', () => {
  const busy = (status: string, later: Step[]): StackWorld => {
    const world = new StackWorld({ status, changes: null });
    world.play(later, 'platform-777-2-abcdef');
    return world;
  };

  test('is named and awaited', async () => {
    const world = busy('UPDATE_IN_PROGRESS', [
      { at: 0, status: 'UPDATE_IN_PROGRESS' },
      { at: 40, status: 'UPDATE_COMPLETE' },
    ]);
    const outcome = await run(world);
    expect(outcome.verdict).toBe('unchanged');
    expect(world.aws.lines.join('\n')).toContain('requested by workflow run 777, attempt 2');
  });

  test('that is a deletion is followed by a new stack', async () => {
    const world = new StackWorld({ status: 'DELETE_IN_PROGRESS', plays: { ExecuteChangeSet: CREATED } });
    world.play([{ at: 10, status: 'DELETE_COMPLETE' }], 'Console-x');
    expect((await run(world)).verdict).toBe('created');
  });

  test('is awaited until the timeout, without a false claim', async () => {
    const world = busy('UPDATE_IN_PROGRESS', []);
    const outcome = await run(world, { timeoutMs: 20_000 });
    expect(outcome).toMatchObject({ verdict: 'timed-out', ok: false });
    expect(outcome.reason).toContain('still UPDATE_IN_PROGRESS');
    expect(world.aws.inputs('CreateChangeSet')).toEqual([]);
  });
});

describe('a stuck rollback', () => {
  const stuck = (plays = {}): StackWorld => {
    const world = new StackWorld({ status: 'UPDATE_ROLLBACK_FAILED', changes: null, plays });
    world.events.unshift();
    world.play([
      { at: 0, id: 'Vpc', status: 'UPDATE_FAILED', reason: 'role is gone' },
      { at: 0, status: 'UPDATE_ROLLBACK_FAILED' },
    ]);
    return world;
  };

  test('is explained and not changed', async () => {
    const world = stuck();
    const outcome = await run(world);
    expect(outcome).toMatchObject({ verdict: 'blocked', ok: false });
    expect(outcome.reason).toMatch(
      /UPDATE_ROLLBACK_FAILED because of Vpc: role is gone\. .*continue-rollback: true/,
    );
    expect(world.aws.inputs('ContinueUpdateRollback')).toEqual([]);
  });

  test('is continued on request, then deployed', async () => {
    const world = stuck({
      ContinueUpdateRollback: [
        { at: 0, status: 'UPDATE_ROLLBACK_IN_PROGRESS' },
        { at: 5, status: 'UPDATE_ROLLBACK_COMPLETE' },
      ],
    });
    const outcome = await run(world, { continueRollback: true });
    expect(outcome.verdict).toBe('unchanged');
    expect(world.aws.inputs('ContinueUpdateRollback')).toHaveLength(1);
  });

  test('that fails again is stuck', async () => {
    const world = stuck({
      ContinueUpdateRollback: [
        { at: 0, status: 'UPDATE_ROLLBACK_IN_PROGRESS' },
        { at: 2, id: 'Vpc', status: 'UPDATE_FAILED', reason: 'still gone' },
        { at: 5, status: 'UPDATE_ROLLBACK_FAILED' },
      ],
    });
    const outcome = await run(world, { continueRollback: true });
    expect(outcome).toMatchObject({ verdict: 'stuck', ok: false });
    expect(outcome.reason).toContain('Vpc: still gone');
  });

  test('is never continued by a plan', async () => {
    const world = stuck();
    expect((await run(world, { command: 'plan', continueRollback: true })).verdict).toBe('blocked');
    expect(world.aws.inputs('ContinueUpdateRollback')).toEqual([]);
  });

  test('UPDATE_FAILED is rolled back with RollbackStack on request', async () => {
    const world = new StackWorld({
      status: 'UPDATE_FAILED',
      changes: null,
      plays: {
        RollbackStack: [
          { at: 0, status: 'UPDATE_ROLLBACK_IN_PROGRESS' },
          { at: 5, status: 'UPDATE_ROLLBACK_COMPLETE' },
        ],
      },
    });
    expect((await run(world)).verdict).toBe('blocked');
    expect((await run(world, { continueRollback: true })).verdict).toBe('unchanged');
  });
});

test('DELETE_FAILED is explained', async () => {
  const world = new StackWorld({ status: 'DELETE_FAILED' });
  world.play([
    { at: 0, status: 'DELETE_IN_PROGRESS' },
    { at: 0, id: 'Bucket', type: 'AWS::S3::Bucket', status: 'DELETE_FAILED', reason: 'not empty' },
    { at: 0, status: 'DELETE_FAILED' },
  ]);
  const outcome = await run(world);
  expect(outcome).toMatchObject({ verdict: 'blocked', ok: false });
  expect(outcome.reason).toContain('Bucket: not empty');
});

test('a nested stack is refused in favour of its parent', async () => {
  const world = new StackWorld({
    status: 'UPDATE_COMPLETE',
    stack: { ParentId: 'arn:aws:cloudformation:eu-west-1:111111111111:stack/parent/1' },
  });
  const outcome = await run(world);
  expect(outcome).toMatchObject({ verdict: 'blocked', ok: false });
  expect(outcome.reason).toContain('nested in parent');
});
