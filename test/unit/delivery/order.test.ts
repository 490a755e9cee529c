import { describe, expect, test } from '@jest/globals';
import {
  type Ancestry,
  type Candidate,
  compareOrder,
  dependsOnAncestry,
} from '../../../src/delivery/order.ts';
import { UNKNOWN_SOURCE } from '../../../src/delivery/source.ts';

const imageOf = (digit: string): string => `registry.example.com/api@sha256:${digit.repeat(64)}`;

const recorded = {
  repository: 'org/platform',
  workflow: '.github/workflows/pipeline.yml',
  ref: 'refs/heads/main',
  commit: 'b'.repeat(40),
  runNumber: 102,
  attempt: 1,
  image: imageOf('b'),
};
/** The commit before the recorded one, in the previous run. */
const late: Candidate = { ...recorded, commit: 'a'.repeat(40), runNumber: 101, image: imageOf('a') };
const otherWorkflow = { workflow: '.github/workflows/hotfix.yml', runNumber: 7 };

type Expected = 'run' | 'commit' | undefined;

describe('a candidate', () => {
  test.each<[string, Candidate, Ancestry, Expected]>([
    ['of an earlier run is older', late, 'unknown', 'run'],
    ['of an earlier run is older, even if its commit has diverged', late, 'other', 'run'],
    ['of a later run is not older', { ...late, runNumber: 103 }, 'unknown', undefined],
    [
      'of a later run whose commit is an ancestor is older',
      { ...late, runNumber: 103 },
      'ancestor',
      'commit',
    ],
    ['that is the recorded run is not older', recorded, 'unknown', undefined],
    ['that is its second attempt is not older', { ...recorded, attempt: 2 }, 'unknown', undefined],
    [
      'that re-runs it with another image is not older',
      { ...recorded, image: imageOf('a') },
      'ancestor',
      undefined,
    ],
    ['that re-runs it with an older commit is older', { ...late, runNumber: 102 }, 'ancestor', 'commit'],
    ['of another workflow is not older by its run', { ...late, ...otherWorkflow }, 'unknown', undefined],
    ['of another workflow is older by its commit', { ...late, ...otherWorkflow }, 'ancestor', 'commit'],
    ['of another workflow that has diverged is not older', { ...late, ...otherWorkflow }, 'other', undefined],
    ['of another ref is not older by its run', { ...late, ref: 'refs/heads/next' }, 'unknown', undefined],
    ['of another ref is older by its commit', { ...late, ref: 'refs/tags/v1' }, 'ancestor', 'commit'],
    ['of another repository is not older', { ...late, repository: 'org/other' }, 'ancestor', undefined],
    [
      'outside a workflow is older by its commit',
      { ...late, workflow: '', runNumber: 0 },
      'ancestor',
      'commit',
    ],
    [
      'outside a workflow is not older by its run',
      { ...late, workflow: '', runNumber: 0 },
      'unknown',
      undefined,
    ],
    [
      'of the same commit in an earlier run is not older when the image is the same',
      { ...recorded, runNumber: 101 },
      'unknown',
      undefined,
    ],
    [
      'of the same commit in an earlier run is not older while the image is unknown',
      { ...late, commit: recorded.commit, image: undefined as never },
      'unknown',
      undefined,
    ],
    [
      'of the same commit in an earlier run is older with another image',
      { ...late, commit: recorded.commit },
      'unknown',
      'run',
    ],
    [
      'of the same commit in another workflow is not older',
      { ...late, ...otherWorkflow, commit: recorded.commit },
      'ancestor',
      undefined,
    ],
  ])('%s', (_, candidate, ancestry, expected) => {
    expect(compareOrder(recorded, candidate, ancestry)).toBe(expected);
  });

  test.each<[string, Partial<typeof recorded>, Ancestry, Expected]>([
    ['without any information', UNKNOWN_SOURCE, 'unknown', undefined],
    [
      'of an older version, by its commit',
      { ...UNKNOWN_SOURCE, commit: recorded.commit },
      'ancestor',
      'commit',
    ],
    ['of an older version', { ...UNKNOWN_SOURCE, commit: recorded.commit }, 'unknown', undefined],
    ['without a run', { runNumber: 0 }, 'unknown', undefined],
    ['without a run and a commit', { runNumber: 0, commit: '' }, 'ancestor', undefined],
  ])('is compared with a record %s', (_, record, ancestry, expected) => {
    expect(compareOrder({ ...recorded, ...record }, late, ancestry)).toBe(expected);
  });

  test('is not older if nothing is recorded', () => {
    expect(compareOrder(undefined, late, 'ancestor')).toBeUndefined();
  });
});

test.each<[string, Candidate, boolean]>([
  ['an earlier run', late, false],
  ['the recorded run', recorded, false],
  ['the recorded run with another commit', { ...late, runNumber: 102 }, true],
  ['a later run', { ...late, runNumber: 103 }, true],
  ['another workflow', { ...late, ...otherWorkflow }, true],
  ['the same commit', { ...recorded, ...otherWorkflow }, false],
  ['another repository', { ...late, repository: 'org/other' }, false],
])('GitHub is called only if necessary: %s', (_, candidate, expected) => {
  expect(dependsOnAncestry(recorded, candidate)).toBe(expected);
});

/** Numbers from 0 to below `limit`, the same in each run of the test. */
function* numbers(seed: number, limit: number): Generator<number, never> {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    yield Math.floor((state / 2 ** 32) * limit);
  }
}

test('no order of runs reverts the commit, whatever `ref` each of them has checked out', () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = numbers(seed, 12);
    const next = (): number => random.next().value;
    let released: (Candidate & { depth: number }) | undefined;
    for (let step = 0; step < 20; step++) {
      // The commits are consecutive: the depth of one is its number in the history.
      const depth = next();
      const runNumber = 1 + next();
      const candidate = { ...recorded, commit: String(depth), runNumber, image: imageOf(String(depth % 10)) };
      const isAncestor = released !== undefined && depth < released.depth;
      const older = compareOrder(released, candidate, isAncestor ? 'ancestor' : 'other');
      if (isAncestor) expect({ seed, step, older }).not.toMatchObject({ older: undefined });
      if (older === undefined) released = { ...candidate, depth };
    }
  }
});
