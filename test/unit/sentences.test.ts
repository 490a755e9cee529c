import { afterAll, describe, expect, test } from '@jest/globals';
import type { ResourceChange } from '../../src/cloudformation/change-set/changes.ts';
import type { Plan } from '../../src/cloudformation/change-set/changes.ts';
import { failureResult, successResult, unprovenResult } from '../../src/cloudformation/commands/result.ts';
import type { Diagnosis } from '../../src/cloudformation/diagnosis/diagnosis.ts';
import type { Execution } from '../../src/cloudformation/execution/watch.ts';
import { listOf, outOf, plural, sentence } from '../../src/core/text.ts';
import type { PreviewContext } from '../../src/environment/preview/context.ts';
import { emptyRemoval, removalResult } from '../../src/environment/preview/remove.ts';
import { DEPLOYING, DESTROYING, PLANNING, overallVerdict } from '../../src/environment/run/result.ts';
import type { RunPart } from '../../src/environment/run/result.ts';
import { findSentenceFaults } from '../../sandbox/sentences.ts';

/** Sentences with numbers: none, one and many of everything that they count. */
const COUNTS = [0, 1, 2, 7];
let tried = 0;

afterAll(() => {
  console.log(`sentences: ${tried} tried`);
});

function faultsOf(text: string): string[] {
  tried += 1;
  return findSentenceFaults(text);
}

function combinations(...ranges: readonly (readonly number[])[]): number[][] {
  return ranges.reduce<number[][]>(
    (found, range) => found.flatMap((each) => range.map((value) => [...each, value])),
    [[]],
  );
}

const repeat = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

test('finds faults in a sentence', () => {
  const wrong: [string, string][] = [
    ['dev: the release did not finish within 4 min 1 of 11', 'has no full stop at the end'],
    ['Deployed  dev.', 'has two spaces'],
    ['It failed.. Nothing was changed.', 'has two full stops'],
    ['It failed. . Nothing was changed.', 'has two full stops'],
    ['The stack is undefined.', 'has a missing value'],
    ['1 stacks changed.', 'has 1 with a plural noun'],
    ['2 stack changed.', 'has a number with a singular noun'],
    ['1 stack are blocked.', 'has 1 with a plural verb'],
    ['2 stacks is blocked.', 'has a number with a singular verb'],
    ['No bucket . Nothing was changed.', 'has a gap'],
    ['It failed (). Nothing was changed.', 'has a gap'],
    ['It failed. Fix: Allow it. Fix: Allow it.', 'has two labels'],
    ['The container app ran out of memory. The container app ran out of memory. Rolled back.', 'repeats'],
  ];
  for (const [text, fault] of wrong) expect(faultsOf(text).join()).toContain(fault);
  for (const right of [
    '1 of 5 stacks failed.',
    '3 of 5 completed.',
    '0 stacks changed.',
    'app:1 serves with 1 of 1 task.',
  ])
    expect(faultsOf(right)).toEqual([]);
});

describe('numbers and names', () => {
  test('have their nouns', () => {
    for (const [count = 0, total = 0] of combinations(COUNTS, COUNTS)) {
      expect(faultsOf(`${plural(count, 'stack')} changed.`)).toEqual([]);
      expect(faultsOf(`${outOf(count, total, 'stack')} changed.`)).toEqual([]);
    }
    expect([outOf(1, 1, 'stack'), outOf(1, 5, 'stack')]).toEqual(['1 of 1 stack', '1 of 5 stacks']);
  });

  test('are listed', () => {
    expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listOf)).toEqual(['', 'a', 'a and b', 'a, b and c']);
  });
});

describe('an environment', () => {
  const part = (index: number, kind: RunPart['kind'], verdict: string): RunPart =>
    ({
      name: `part-${index}`,
      kind,
      after: [],
      verdict,
      ok: ['updated', 'unchanged', 'deployed', 'deleted'].includes(verdict),
      reason:
        verdict === 'rolled-back'
          ? `The update of part ${index} failed because of resource ${index}`
          : `Part ${index} ended.`,
      ...(verdict !== 'not begun' && { startedAt: 1, endedAt: 2 }),
    }) as RunPart;

  test.each([
    'rolled-back',
    'failed',
    'timed-out',
    'blocked',
    'plan-changed',
    'outdated',
    'held',
    'cancelled',
  ])('with parts that end %s has a correct sentence for any number', (verdict) => {
    for (const [changed = 0, same = 0, failed = 0, waiting = 0] of combinations(
      COUNTS,
      COUNTS,
      COUNTS,
      COUNTS,
    )) {
      const parts = [
        ...repeat(changed, (index) => part(index, index % 2 === 0 ? 'stack' : 'service', 'updated')),
        ...repeat(same, (index) => part(10 + index, 'stack', 'unchanged')),
        ...repeat(failed, (index) => part(20 + index, 'stack', verdict)),
        ...repeat(failed > 0 ? waiting : 0, (index) => part(30 + index, 'service', 'not begun')),
      ];
      for (const work of [DEPLOYING, PLANNING, DESTROYING]) {
        const { reason } = overallVerdict('dev', parts, work);
        expect({ reason, faults: faultsOf(reason) }).toEqual({ reason, faults: [] });
        if (failed > 0 && parts.length > 1)
          expect(reason).toContain(`${changed + same} of ${parts.length} completed`);
      }
    }
  });

  test('counts what completed, whether it changed something or not', () => {
    const parts = [
      part(1, 'stack', 'updated'),
      part(2, 'stack', 'unchanged'),
      part(3, 'service', 'unchanged'),
      part(4, 'stack', 'rolled-back'),
      part(5, 'service', 'not begun'),
    ];
    expect(overallVerdict('dev', parts, DEPLOYING).reason).toBe(
      'dev: part-4 failed and was rolled back. The update of part 4 failed because of resource 4. 3 of 5 completed; not started: part-5.',
    );
    expect(overallVerdict('dev', [parts[0]!, parts[1]!], DEPLOYING).reason).toBe(
      'Deployed dev: 1 stack changed, 1 unchanged.',
    );
    expect(
      overallVerdict('dev', [part(1, 'stack', 'deleted'), part(2, 'service', 'deleted')], DESTROYING).reason,
    ).toBe('Destroyed dev: 2 stacks deleted.');
  });

  test('counts a stack that had completed when the run was cancelled', () => {
    const cancelled = (index: number, kind: RunPart['kind'], completed?: true): RunPart =>
      ({
        ...part(index, kind, 'cancelled'),
        work: { kind: 'stack', result: { verdict: 'cancelled', ...(completed && { completed }) } },
      }) as RunPart;
    const parts = [
      part(1, 'stack', 'updated'),
      cancelled(2, 'stack', true),
      cancelled(3, 'stack'),
      // The stack of a service is only a part of its release.
      cancelled(4, 'service', true),
      part(5, 'service', 'not begun'),
    ];
    expect(overallVerdict('dev', parts, DEPLOYING).reason).toContain(
      '2 of 5 completed; not started: part-5.',
    );
  });
});

describe('a stack', () => {
  const change = (index: number, action: ResourceChange['action']): ResourceChange =>
    ({
      logicalId: `Resource${index}`,
      nesting: [],
      type: 'AWS::SQS::Queue',
      action,
      replacement: 'no',
    }) as unknown as ResourceChange;
  const planOf = (added: number, removed: number, kind: Plan['kind']): Plan =>
    ({
      stackName: 'dev-shop-queue',
      kind,
      changes: [
        ...repeat(added, (index) => change(index, 'add')),
        ...repeat(removed, (index) => change(9 + index, 'remove')),
      ],
    }) as unknown as Plan;
  const cause = (reason: string, code?: string) =>
    ({
      logicalId: 'Queue',
      nesting: [],
      type: 'AWS::SQS::Queue',
      reason,
      ...(code && { code }),
    }) as unknown as NonNullable<Diagnosis['rootCause']>;

  test('that was changed has the number of changes', () => {
    for (const [added = 0, removed = 0] of combinations(COUNTS, COUNTS)) {
      for (const kind of ['create', 'update'] as const) {
        const { reason } = successResult(planOf(added, removed, kind), { durationMs: 61_000 } as Execution);
        expect({ reason, faults: faultsOf(reason) }).toEqual({ reason, faults: [] });
      }
    }
  });

  test('with unproven changes has their number', () => {
    for (const count of COUNTS.filter((each) => each > 0)) {
      const unproven = repeat(count, (index) => ({
        logicalId: `Queue${index}`,
        nesting: [],
        type: 'AWS::SQS::Queue',
        why: 'CloudFormation reported no change to it',
      }));
      const { reason } = unprovenResult(
        planOf(1, 0, 'update'),
        { status: 'UPDATE_COMPLETE' } as Execution,
        unproven,
      );
      expect({ reason, faults: faultsOf(reason) }).toEqual({ reason, faults: [] });
    }
  });

  test('that failed has its cause once, whatever the punctuation', () => {
    const statuses = [
      'UPDATE_ROLLBACK_COMPLETE',
      'ROLLBACK_COMPLETE',
      'DELETE_COMPLETE',
      'UPDATE_ROLLBACK_FAILED',
      'CREATE_FAILED',
      'UPDATE_FAILED',
      'ROLLBACK_FAILED',
    ];
    const reasons = [
      'The queue exists',
      'The queue exists.',
      'Resource handler returned message: "No such key." (RequestToken: 1, HandlerErrorCode: NotFound)',
      'one\ntwo.',
    ];
    for (const status of statuses) {
      for (const said of reasons) {
        for (const causes of [0, 1, 2]) {
          const failures = repeat(causes, () => cause(said, causes === 2 ? 'NotFound' : undefined));
          const diagnosis = {
            ...(failures[0] && { rootCause: failures[0] }),
            alsoFailed: [],
            rollbackFailures: failures.slice(1),
            rolledBack: true,
          };
          const { reason } = failureResult(planOf(1, 0, 'update'), { status } as Execution, diagnosis);
          expect({ reason, faults: faultsOf(reason) }).toEqual({ reason, faults: [] });
        }
      }
    }
  });
});

describe('a preview', () => {
  test('that was removed has the number of resources', async () => {
    const context = { updateComment: () => Promise.resolve() } as unknown as PreviewContext;
    for (const [stacks = 0, tags = 0, deployments = 0, failures = 0] of combinations(
      COUNTS,
      COUNTS,
      COUNTS,
      COUNTS,
    )) {
      for (const kept of [undefined, 'Pull request 7 was reopened']) {
        const removal = {
          ...emptyRemoval(),
          stacks: repeat(stacks, (index) => `stack-${index}`),
          tags: repeat(tags, (index) => `shop/api:${index}`),
          deployments,
          failures: repeat(failures, (index) =>
            sentence(`Failed to remove the image tags: refusal ${index}`),
          ),
          kept,
        };
        const { reason } = await removalResult(context, 7, removal, 'Removed the preview of pull request 7');
        expect({ reason, faults: faultsOf(reason) }).toEqual({ reason, faults: [] });
      }
    }
  });
});
