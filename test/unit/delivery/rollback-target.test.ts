import { describe, expect, test } from '@jest/globals';
import {
  chooseCandidate,
  type CurrentRelease,
  goodReleases,
  listCandidates,
  type PastRelease,
  rollbackCandidates,
  type RollbackChoice,
} from '../../../src/delivery/rollback-target.ts';

/**
 * A history as words, oldest first: `v2` is a release of image v2, `v2@4` with revision 4, `v2<v3` a rollback from v3,
 * `v2?` one that was not proven.
 */
function historyOf(words: string): PastRelease[] {
  return words.split(' ').filter(Boolean).map(releaseOf).toReversed();
}

function releaseOf(word: string): PastRelease {
  const [, image = '', revision, from, unproven] = /^(v\d+)(?:@(\d+))?(?:<(v\d+))?(\?)?$/.exec(word) ?? [];
  return {
    image: imageOf(image),
    proven: unproven === undefined,
    ...(revision !== undefined && { taskDefinition: `web:${revision}` }),
    ...(from !== undefined && { rolledBackFrom: imageOf(from) }),
  };
}

function imageOf(name: string, repository = 'registry.example.com/web'): string {
  return `${repository}@sha256:${name.slice(1).padStart(64, '0')}`;
}

function digestOf(name: string): string {
  return imageOf(name).split('@')[1] ?? '';
}

function nameOf({ image, taskDefinition }: PastRelease): string {
  const revision = taskDefinition === undefined ? '' : `@${taskDefinition.split(':')[1] ?? ''}`;
  return `v${Number(image.slice(-64))}${revision}`;
}

/** What runs: `v3`, `v3@7`, `v3!` whose deployment failed, or `v3~` that is being deployed over another revision. */
function targetOf(history: string, running: string, identity: 'revision' | 'image'): string {
  const { image, taskDefinition } = releaseOf(running.replace(/[!~]/, ''));
  const state: CurrentRelease['state'] = running.endsWith('!')
    ? 'other'
    : running.endsWith('~')
      ? 'incoming'
      : 'complete';
  const present = {
    image,
    state,
    ...(taskDefinition !== undefined && { taskDefinition }),
  };
  const [target] = rollbackCandidates(historyOf(history), present, identity);
  return target ? nameOf(target) : 'none';
}

describe('the good releases', () => {
  test.each([
    ['', ''],
    ['v1 v2 v3', 'v1 v2 v3'],
    ['v1 v1 v2', 'v1 v2'],
    // A rolled-back release is not a target.
    ['v1 v2 v3 v2<v3', 'v1 v2'],
    ['v1 v2 v3 v2<v3 v1<v2', 'v1'],
    ['v1 v2 v3 v2<v3 v4', 'v1 v2 v4'],
    // It is good again when it is released again.
    ['v1 v2 v3 v2<v3 v3', 'v1 v2 v3'],
    // Records from before rollbacks were marked.
    ['v1 v2 v3 v2', 'v1 v2'],
    ['v1 v2 v3 v2 v1', 'v1'],
    // Parameter Store has dropped the oldest one: only the mark remains.
    ['v3 v2<v3', 'v2'],
    // A rollback to a named release skips those in between.
    ['v1 v2 v3 v4 v2<v4', 'v1 v2'],
    // From a release that was never recorded.
    ['v1 v2 v2<v9', 'v1 v2'],
    // Revisions: a change of the configuration is a separate release, and an older revision is a target.
    ['v1@1 v1@2 v2@3', 'v1@1 v1@2 v2@3'],
    ['v1@1 v1@2 v2@3 v1@2', 'v1@1 v1@2'],
    ['v1@1 v2@2 v3@3 v2@4<v3', 'v1@1 v2@4'],
    ['v3@3 v2@2', 'v2@2'],
    ['v1@1 v1@2 v1@3 v1@2<v1', 'v1@1 v1@2'],
    ['v1@1 v1@1', 'v1@1'],
  ])('%s → %s', (history, good) => {
    expect(goodReleases(historyOf(history)).map(nameOf).toReversed().join(' ')).toBe(good);
  });

  test('are distinguished by digest, in any repository', () => {
    const elsewhere = { image: imageOf('v1', 'other.example.com/web') };
    expect(goodReleases([elsewhere, ...historyOf('v1 v2')])).toEqual([elsewhere]);
  });
});

describe('a rollback', () => {
  test.each([
    // [history, what runs, by revision, by image]
    ['', 'v1', 'none', 'none'],
    ['v1', 'v1', 'none', 'none'],
    ['v1 v2 v3', 'v3', 'v2', 'v2'],
    ['v1 v2 v3 v2<v3', 'v2', 'v1', 'v1'],
    ['v1 v2 v3 v2<v3 v1<v2', 'v1', 'none', 'none'],
    ['v1 v2 v3 v2<v3 v4', 'v4', 'v2', 'v2'],
    ['v1 v2 v3 v2', 'v2', 'v1', 'v1'],
    ['v3 v2<v3', 'v2', 'none', 'none'],
    // Never to an unproven release.
    ['v1 v2? v3', 'v3', 'v1', 'v1'],
    ['v1? v2', 'v2', 'none', 'none'],
    ['v1? v1 v2', 'v2', 'v1', 'v1'],
    ['v1 v1? v2', 'v2', 'v1', 'v1'],
    // After a failure that was kept: to the ledger's release.
    ['v1 v2', 'v3!', 'v2', 'v2'],
    ['v1 v2', 'v3', 'v2', 'v2'],
    ['v1@1 v2@2', 'v2@3!', 'v2@2', 'v1@1'],
    ['v1@1 v2@2', 'v2@2!', 'v1@1', 'v1@1'],
    // After someone has deployed an older one by hand: further back, never to a rolled-back release.
    ['v1 v2 v3', 'v2', 'v1', 'v1'],
    ['v1 v2 v3', 'v1', 'none', 'none'],
    // A failed rollback is no reason to go forward again.
    ['v1 v2 v3', 'v2!', 'v1', 'v1'],
    // A rollback in progress is followed.
    ['v1 v2', 'v3~', 'v2', 'v2'],
    ['v1 v2', 'v2~', 'v2', 'v2'],
    ['v1 v2 v3', 'v2~', 'v2', 'v2'],
    ['v1 v2?', 'v2~', 'v1', 'v1'],
    // A revision of the stack, with the image in the ledger.
    ['v1@1 v2@2', 'v2@3', 'v1@1', 'v1@1'],
    // A change of the configuration.
    ['v1@1 v2@2 v2@3', 'v2@3', 'v2@2', 'v1@1'],
    ['v1@1 v2@2 v2@3 v2@2<v2', 'v2@2', 'v1@1', 'v1@1'],
  ])('%s, runs %s → %s, %s', (history, running, byRevision, byImage) => {
    expect([targetOf(history, running, 'revision'), targetOf(history, running, 'image')]).toEqual([
      byRevision,
      byImage,
    ]);
  });
});

describe('a requested rollback', () => {
  const candidatesOf = (history: string, running: string): PastRelease[] => {
    const state = running.endsWith('~') ? ('incoming' as const) : ('complete' as const);
    const { image } = releaseOf(running.replace('~', ''));
    return rollbackCandidates(historyOf(history), { image, state }, 'image');
  };

  test.each<[string, string, RollbackChoice, string]>([
    ['v1 v2 v3', 'v3', { steps: 1 }, 'v2'],
    ['v1 v2 v3', 'v3', { steps: 2 }, 'v1'],
    ['v1 v2 v3', 'v3', { steps: 3 }, 'none'],
    // Rolled-back and unproven releases do not count.
    ['v1 v2 v3 v2<v3 v4', 'v4', { steps: 2 }, 'v1'],
    ['v1 v2? v3', 'v3', { steps: 1 }, 'v1'],
    ['v1 v2? v3', 'v3', { steps: 2 }, 'none'],
    // The release in progress is the first.
    ['v1 v2 v3', 'v2~', { steps: 1 }, 'v2'],
    ['v1 v2 v3', 'v2~', { steps: 2 }, 'v1'],
    ['v1 v2', 'v3~', { steps: 2 }, 'v1'],
    // By image: strictly backwards, and only to good releases.
    ['v1 v2 v3', 'v3', { digest: digestOf('v1') }, 'v1'],
    ['v1 v2 v3', 'v2', { digest: digestOf('v3') }, 'none'],
    ['v1 v2 v3', 'v3', { digest: digestOf('v3') }, 'none'],
    ['v1 v2? v3', 'v3', { digest: digestOf('v2') }, 'none'],
    ['v1 v2 v3 v2<v3', 'v2', { digest: digestOf('v3') }, 'none'],
    ['v1 v2 v3', 'v3', { digest: digestOf('v9') }, 'none'],
  ])('%s, runs %s, %j → %s', (history, running, choice, expected) => {
    const chosen = chooseCandidate(candidatesOf(history, running), choice);
    expect(chosen ? nameOf(chosen) : 'none').toBe(expected);
  });

  test('is refused with the possible releases', () => {
    const releases = historyOf('v1 v2@2').map((release) => ({
      ...release,
      commit: 'abcdef1234'.repeat(4),
      at: '2026-11-27T08:00:00.123Z',
    }));
    expect(listCandidates(releases)).toBe(
      `${digestOf('v2')} (commit abcdef1, 2026-11-27T08:00:00Z, web:2); ` +
        `${digestOf('v1')} (commit abcdef1, 2026-11-27T08:00:00Z)`,
    );
    expect(listCandidates(historyOf('v1 v2 v3 v4 v5 v6 v7'))).toMatch(/^sha256:0+7; .*; and 2 more$/);
  });
});
