import { describe, expect, test } from '@jest/globals';
import type { StackResult } from '../../../src/cloudformation/commands/result.ts';
import { choosePriority, hasPriorityConflict } from '../../../src/environment/preview/priority.ts';

function failedAt(type: string, reason: string, also: { type: string; reason: string }[] = []): StackResult {
  const cause = { logicalId: 'Rule', nesting: [] };
  return {
    verdict: 'rolled-back',
    // Our own sentence must never decide.
    reason: "Priority '1007' is currently in use",
    stackName: 'dev-shop-pr-7-user',
    region: 'eu-west-1',
    command: 'deploy',
    durationMs: 0,
    notes: [],
    execution: {
      status: 'ROLLBACK_COMPLETE',
      durationMs: 0,
      timeline: { steps: [], failures: [], rolledBack: true, rollbackReason: undefined },
    } as unknown as Extract<StackResult, { verdict: 'rolled-back' }>['execution'],
    diagnosis: {
      rootCause: { ...cause, type, reason },
      alsoFailed: also.map((one) => ({ ...cause, ...one })),
      rollbackFailures: [],
      rolledBack: true,
    },
  };
}

const RULE = 'AWS::ElasticLoadBalancingV2::ListenerRule';

describe('a deployment lost its priority', () => {
  test.each([
    [RULE, "Priority '1007' is currently in use", true],
    [RULE, 'PriorityInUse: another rule has it', true],
    [RULE, 'The target group does not exist', false],
    ['AWS::ECS::Service', "Priority '1007' is currently in use", false],
  ])('%s: %s → %s', (type, reason, lost) => {
    expect(hasPriorityConflict(failedAt(type, reason))).toBe(lost);
  });

  test('also when another resource failed first', () => {
    const also = [{ type: RULE, reason: "Priority '1007' is currently in use" }];
    expect(hasPriorityConflict(failedAt('AWS::IAM::Role', 'Access denied', also))).toBe(true);
  });
});

test('a service for all paths comes after the others', () => {
  const range = { base: 1000, range: 2000 };
  expect(choosePriority(range, 7, '/api/*', new Set())).toBe(1007);
  expect(choosePriority(range, 7, '/*', new Set())).toBe(2007);
});

test('a used priority is skipped, and using all is an error', () => {
  expect(choosePriority({ base: 1, range: 4 }, 0, '/api/*', new Set([1]))).toBe(2);
  expect(() => choosePriority({ base: 1, range: 4 }, 0, '/api/*', new Set([1, 2]))).toThrow(
    'All priorities of the listener from 1 to 2 are in use.',
  );
});
