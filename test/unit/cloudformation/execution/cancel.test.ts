import { describe, expect, test } from '@jest/globals';
import { CancelledError } from '../../../../src/core/errors.ts';
import type { StackResult } from '../../../../src/cloudformation/commands/result.ts';
import { presentStack } from '../../../../src/present/stack.ts';
import type { Outcome } from '../../../../src/core/outcome.ts';
import type { inputsOf } from '../stack-world.ts';
import { CREATED, DELETED, run, runCommand, StackWorld, UPDATED, type WorldOptions } from '../stack-world.ts';

/** Runs a command and cancels the job at the nth call of an operation. */
async function cancelledAt(
  options: WorldOptions,
  operation: string,
  values: Parameters<typeof inputsOf>[0] = {},
  nth = 1,
): Promise<{ world: StackWorld; result: StackResult; outcome: Outcome; after: string[] }> {
  const world = new StackWorld(options);
  const { client } = world.aws.context;
  const send = client.send.bind(client);
  let calls = -1;
  let seen = 0;
  client.send = (async (command: { constructor: { name: string } }, sending: never) => {
    try {
      return await send(command as never, sending);
    } finally {
      if (command.constructor.name === `${operation}Command` && ++seen === nth) {
        calls = world.aws.calls.length;
        world.aws.abort(new CancelledError('SIGTERM'));
      }
    }
  }) as never;
  const result = await runCommand(world, values);
  expect(calls).toBeGreaterThan(0);
  return {
    world,
    result,
    outcome: presentStack(result),
    after: world.aws.calls.slice(calls).map((call) => call.operation),
  };
}

const creating: WorldOptions = { plays: { ExecuteChangeSet: CREATED, DeleteStack: DELETED } };
const updating: WorldOptions = { status: 'UPDATE_COMPLETE', plays: { ExecuteChangeSet: UPDATED } };

describe('a cancelled job', () => {
  test.each(['DescribeStacks', 'CreateChangeSet', 'DescribeChangeSet', 'GetTemplate'])(
    'at %s of a creation leaves no change set and no empty stack',
    async (operation) => {
      const { world, outcome } = await cancelledAt(creating, operation);
      expect(outcome).toMatchObject({ verdict: 'cancelled', ok: false });
      expect(world.changeSets).toBe(0);
      expect([undefined, 'DELETE_COMPLETE']).toContain(world.status);
      expect(world.aws.inputs('ExecuteChangeSet')).toEqual([]);
    },
  );

  test.each(['CreateChangeSet', 'DescribeChangeSet', 'DescribeStackEvents'])(
    'at %s of an update leaves no change set and an unchanged stack',
    async (operation) => {
      const { world, outcome } = await cancelledAt(updating, operation);
      expect(outcome).toMatchObject({ verdict: 'cancelled', ok: false });
      expect(world.changeSets).toBe(0);
      expect(world.status).toBe('UPDATE_COMPLETE');
      expect(world.aws.inputs('ExecuteChangeSet')).toEqual([]);
    },
  );

  test('during an update cancels the update first', async () => {
    const { outcome, after } = await cancelledAt(updating, 'DescribeStackEvents', {}, 3);
    expect(outcome).toMatchObject({ verdict: 'cancelled', ok: false });
    expect(outcome.reason).toMatch(
      /cancelled by SIGTERM\. The update of stack app was cancelled, and CloudFormation is rolling it back/,
    );
    expect(after).toEqual(['CancelUpdateStack']);
  });

  test('with a pending execution cancels what may have started', async () => {
    const { outcome, after } = await cancelledAt(updating, 'ExecuteChangeSet');
    expect(outcome.reason).toContain('was cancelled, and CloudFormation is rolling it back');
    expect(after).toEqual(['CancelUpdateStack']);
  });

  test('during a creation deletes the stack by its ARN', async () => {
    const { world, outcome } = await cancelledAt(creating, 'DescribeStackEvents', {}, 3);
    expect(outcome).toMatchObject({ verdict: 'cancelled', ok: false });
    expect(outcome.reason).toContain('Its deletion was requested');
    expect(world.aws.inputs('DeleteStack')[0]?.['StackName']).toMatch(/^arn:/);
  });

  test('in the clean-up phase reports that the update was complete', async () => {
    const { outcome } = await cancelledAt(updating, 'DescribeStackEvents', {}, 7);
    expect(outcome.reason).toContain('was already complete (UPDATE_COMPLETE_CLEANUP_IN_PROGRESS)');
  });

  test('during an import reports that it cannot be cancelled', async () => {
    const play = [
      { at: 0, status: 'IMPORT_IN_PROGRESS' },
      { at: 90, status: 'IMPORT_COMPLETE' },
    ];
    const options = { ...updating, plays: { ExecuteChangeSet: play } };
    const { outcome } = await cancelledAt(options, 'DescribeStackEvents', {}, 3);
    expect(outcome.reason).toContain('Stack app is IMPORT_IN_PROGRESS, which cannot be cancelled.');
  });

  describe('has completed the stack if it was cancelled', () => {
    const rollingBack = [
      { at: 0, status: 'UPDATE_IN_PROGRESS' },
      { at: 1, id: 'Vpc', status: 'UPDATE_FAILED', reason: 'bad' },
      { at: 2, status: 'UPDATE_ROLLBACK_IN_PROGRESS' },
      { at: 90, status: 'UPDATE_ROLLBACK_COMPLETE' },
    ];
    // A planned change without an event is verified after the end of the operation.
    const withoutEvent = [
      { at: 0, status: 'UPDATE_IN_PROGRESS' },
      { at: 1, status: 'UPDATE_COMPLETE' },
    ];
    const inputs = { stackPolicy: '{"Statement":[]}' };
    test.each([
      ['during an update', updating, 'DescribeStackEvents', 3, undefined],
      ['in the clean-up phase', updating, 'DescribeStackEvents', 7, true],
      [
        'during a rollback',
        { ...updating, plays: { ExecuteChangeSet: rollingBack } },
        'DescribeStackEvents',
        5,
        undefined,
      ],
      [
        'while the changes are verified',
        { ...updating, plays: { ExecuteChangeSet: withoutEvent } },
        'ListStackResources',
        1,
        true,
      ],
      ['during a creation', creating, 'DescribeStackEvents', 3, undefined],
      ['after a creation, while the stack policy is set', creating, 'SetStackPolicy', 1, true],
    ] as const)('%s', async (_when, options, operation, nth, completed) => {
      const { result } = await cancelledAt(options, operation, inputs, nth);
      expect(result.verdict).toBe('cancelled');
      expect(result.completed).toBe(completed);
      expect(/Nothing (else )?was changed/.test(result.reason)).toBe(false);
    });
  });

  test('during a rollback reports that it continues', async () => {
    const play = [
      { at: 0, status: 'UPDATE_IN_PROGRESS' },
      { at: 1, id: 'Vpc', status: 'UPDATE_FAILED', reason: 'bad' },
      { at: 2, status: 'UPDATE_ROLLBACK_IN_PROGRESS' },
      { at: 90, status: 'UPDATE_ROLLBACK_COMPLETE' },
    ];
    const options = { ...updating, plays: { ExecuteChangeSet: play } };
    const { outcome } = await cancelledAt(options, 'DescribeStackEvents', {}, 5);
    expect(outcome.reason).toContain('was already rolling back');
  });

  test('while deleting reports that it cannot be cancelled', async () => {
    const options = { status: 'CREATE_COMPLETE', plays: { DeleteStack: DELETED } };
    const { outcome } = await cancelledAt(options, 'DescribeStackEvents', { command: 'delete' }, 3);
    expect(outcome.reason).toContain('continues on AWS: it cannot be cancelled');
  });

  test('of an apply keeps the approved plan', async () => {
    const world = new StackWorld(updating);
    const { outputs } = await run(world, { command: 'plan' });
    const { client } = world.aws.context;
    const send = client.send.bind(client);
    client.send = (async (command: { constructor: { name: string } }, sending: never) => {
      if (command.constructor.name === 'DescribeStackEventsCommand')
        world.aws.abort(new CancelledError('SIGINT'));
      return await send(command as never, sending);
    }) as never;
    const outcome = await run(world, {
      command: 'apply',
      template: '',
      plan: outputs['plan'] ?? '',
      fingerprint: outputs['fingerprint'] ?? '',
    });
    expect(outcome).toMatchObject({ verdict: 'cancelled', ok: false });
    expect(world.changeSets).toBe(1);
  });

  test('reports what it could not stop', async () => {
    const options: WorldOptions = {
      ...updating,
      handlers: {
        CancelUpdateStack: () => {
          throw Object.assign(new Error('no'), { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
        },
      },
    };
    const { outcome } = await cancelledAt(options, 'DescribeStackEvents', {}, 3);
    expect(outcome.reason).toMatch(
      /The update of stack app could not be stopped \(AccessDenied.*Fix: Run aws cloudformation cancel-update-stack --stack-name app --region eu-west-1/,
    );
  });
});
