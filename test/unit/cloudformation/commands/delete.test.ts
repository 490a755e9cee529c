import { describe, expect, test } from '@jest/globals';
import { awsError, fail } from '../aws.ts';
import { DELETED, run, type Step, StackWorld } from '../stack-world.ts';

const remove = { command: 'delete', template: '' } as const;
const complete = { status: 'CREATE_COMPLETE', plays: { DeleteStack: DELETED } };

describe('delete', () => {
  test.each([false, true])('waits until the stack is deleted, tokens: %s', async (noTokens) => {
    const world = new StackWorld({ ...complete, noTokens });
    expect(await run(world, remove)).toMatchObject({
      verdict: 'deleted',
      ok: true,
      reason: 'Stack app was deleted in 4s.',
    });
    expect(world.aws.inputs('DeleteStack')[0]?.['StackName']).toMatch(/^arn:/);
  });

  test('a missing stack is unchanged', async () => {
    const world = new StackWorld();
    expect(await run(world, remove)).toMatchObject({ verdict: 'unchanged', ok: true });
    expect(world.aws.inputs('DeleteStack')).toEqual([]);
  });

  test('a protected stack is deleted only with termination-protection: false', async () => {
    const options = { ...complete, stack: { EnableTerminationProtection: true } };
    const world = new StackWorld(options);
    const blocked = await run(world, remove);
    expect(blocked).toMatchObject({ verdict: 'blocked', ok: false });
    expect(blocked.reason).toContain('termination-protection: false');
    expect(world.aws.inputs('DeleteStack')).toEqual([]);
    expect((await run(world, { ...remove, terminationProtection: true })).verdict).toBe('blocked');
    expect((await run(world, { ...remove, terminationProtection: false })).verdict).toBe('deleted');
  });

  test('lists retained resources', async () => {
    const skipped: Step = {
      at: 2,
      id: 'Data',
      type: 'AWS::S3::Bucket',
      status: 'DELETE_SKIPPED',
      physicalId: 'my-data',
    };
    const world = new StackWorld({
      ...complete,
      plays: { DeleteStack: [...DELETED.slice(0, 2), skipped, ...DELETED.slice(2)] },
    });
    const outcome = await run(world, remove);
    expect(outcome.verdict).toBe('deleted');
    expect(outcome.reason).toContain('Retained resources: Data.');
    expect(outcome.result['retained']).toEqual([{ path: 'Data', type: 'AWS::S3::Bucket' }]);
    expect(JSON.stringify(outcome.summary)).toContain('my-data');
  });

  test('DELETE_FAILED is explained resource by resource', async () => {
    const play: Step[] = [
      { at: 0, status: 'DELETE_IN_PROGRESS' },
      {
        at: 1,
        id: 'Bucket',
        type: 'AWS::S3::Bucket',
        status: 'DELETE_FAILED',
        reason: 'The bucket you tried to delete is not empty.',
      },
      { at: 2, id: 'Group', status: 'DELETE_FAILED', reason: 'has a dependent object' },
      {
        at: 3,
        status: 'DELETE_FAILED',
        reason: 'The following resource(s) failed to delete: [Bucket, Group].',
      },
    ];
    const outcome = await run(
      new StackWorld({ status: 'CREATE_COMPLETE', plays: { DeleteStack: play } }),
      remove,
    );
    expect(outcome).toMatchObject({ verdict: 'failed', ok: false });
    expect(outcome.reason).toBe(
      'Stack app could not be deleted and is DELETE_FAILED: Bucket: The bucket you tried to delete is not empty; Group: has a dependent object.',
    );
    expect(outcome.result['rootCause']).toMatchObject({
      path: 'Bucket',
      hint: expect.stringContaining('Empty the bucket'),
    });
  });

  test('a stack that disappears with its events is proven deleted', async () => {
    const gone = (): never => fail(awsError('ValidationError', 'Stack with id app does not exist'));
    let deleted = false;
    const world = new StackWorld({
      status: 'CREATE_COMPLETE',
      handlers: {
        DeleteStack: () => {
          deleted = true;
          world.status = undefined;
          return {};
        },
        DescribeStackEvents: () => (deleted ? gone() : { StackEvents: [] }),
      },
    });
    expect((await run(world, remove)).verdict).toBe('deleted');
  });

  test('waits for a deletion by another caller', async () => {
    const world = new StackWorld({ status: 'DELETE_IN_PROGRESS' });
    world.play([{ at: 20, status: 'DELETE_COMPLETE' }], 'Console-x');
    expect(await run(world, remove)).toMatchObject({ verdict: 'unchanged', ok: true });
    expect(world.aws.inputs('DeleteStack')).toEqual([]);
  });

  test('a deletion that does not complete is timed-out', async () => {
    const world = new StackWorld({ status: 'CREATE_COMPLETE', plays: { DeleteStack: DELETED.slice(0, 2) } });
    const outcome = await run(world, { ...remove, timeoutMs: 20_000 });
    expect(outcome).toMatchObject({ verdict: 'timed-out', ok: false });
    expect(outcome.reason).toMatch(/in progress: Vpc 1?\ds.*continues on AWS/);
  });

  test('the service role is used', async () => {
    const world = new StackWorld(complete);
    await run(world, { ...remove, roleArn: 'arn:aws:iam::111111111111:role/cfn' });
    expect(world.aws.inputs('DeleteStack')[0]).toMatchObject({
      RoleARN: 'arn:aws:iam::111111111111:role/cfn',
    });
  });
});
