import { describe, expect, test } from '@jest/globals';
import {
  type CurrentRelease,
  goodReleases,
  type PastRelease,
  rollbackTarget,
} from '../../../src/delivery/rollback-target.ts';

/**
 * A history as words, the oldest first: `v2` a release of image v2, `v2@4` by revision 4, `v2<v3` a rollback from v3,
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
  const target = rollbackTarget(historyOf(history), present, identity);
  return target ? nameOf(target) : 'none';
}

describe('the releases that were good', () => {
  test.each([
    ['', ''],
    ['v1 v2 v3', 'v1 v2 v3'],
    ['v1 v1 v2', 'v1 v2'],
    // What was rolled back from is given up.
    ['v1 v2 v3 v2<v3', 'v1 v2'],
    ['v1 v2 v3 v2<v3 v1<v2', 'v1'],
    ['v1 v2 v3 v2<v3 v4', 'v1 v2 v4'],
    // It is good again when it is released again.
    ['v1 v2 v3 v2<v3 v3', 'v1 v2 v3'],
    // Records of before rollbacks were marked.
    ['v1 v2 v3 v2', 'v1 v2'],
    ['v1 v2 v3 v2 v1', 'v1'],
    // Parameter Store has dropped the oldest: the mark alone tells.
    ['v3 v2<v3', 'v2'],
    // A way back to a named release skips those between.
    ['v1 v2 v3 v4 v2<v4', 'v1 v2'],
    // From what was never recorded.
    ['v1 v2 v2<v9', 'v1 v2'],
    // Revisions: a change of the configuration is a release of its own, an older revision is a way back.
    ['v1@1 v1@2 v2@3', 'v1@1 v1@2 v2@3'],
    ['v1@1 v1@2 v2@3 v1@2', 'v1@1 v1@2'],
    ['v1@1 v2@2 v3@3 v2@4<v3', 'v1@1 v2@4'],
    ['v3@3 v2@2', 'v2@2'],
    ['v1@1 v1@2 v1@3 v1@2<v1', 'v1@1 v1@2'],
    ['v1@1 v1@1', 'v1@1'],
  ])('%s → %s', (history, good) => {
    expect(goodReleases(historyOf(history)).map(nameOf).toReversed().join(' ')).toBe(good);
  });

  test('are told apart by digest, in whatever repository', () => {
    const elsewhere = { image: imageOf('v1', 'other.example.com/web') };
    expect(goodReleases([elsewhere, ...historyOf('v1 v2')])).toEqual([elsewhere]);
  });
});

describe('a rollback goes', () => {
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
    // To nothing that was not proven.
    ['v1 v2? v3', 'v3', 'v1', 'v1'],
    ['v1? v2', 'v2', 'none', 'none'],
    ['v1? v1 v2', 'v2', 'v1', 'v1'],
    ['v1 v1? v2', 'v2', 'v1', 'v1'],
    // After a failure that was kept: to what the ledger has.
    ['v1 v2', 'v3!', 'v2', 'v2'],
    ['v1 v2', 'v3', 'v2', 'v2'],
    ['v1@1 v2@2', 'v2@3!', 'v2@2', 'v1@1'],
    ['v1@1 v2@2', 'v2@2!', 'v1@1', 'v1@1'],
    // After somebody has brought an older one back by hand: further back, never to what was given up.
    ['v1 v2 v3', 'v2', 'v1', 'v1'],
    ['v1 v2 v3', 'v1', 'none', 'none'],
    // A way back that failed is no reason to go forward again.
    ['v1 v2 v3', 'v2!', 'v1', 'v1'],
    // What is on its way back already is followed.
    ['v1 v2', 'v3~', 'v2', 'v2'],
    ['v1 v2', 'v2~', 'v2', 'v2'],
    ['v1 v2 v3', 'v2~', 'v2', 'v2'],
    ['v1 v2?', 'v2~', 'v1', 'v1'],
    // A revision of the stack, with the image that the ledger has.
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
