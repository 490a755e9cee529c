import { describe, expect, test } from '@jest/globals';
import type { Release } from '../../../../src/delivery/ledger.ts';
import {
  selectReleases,
  soakedAt,
  soakingReleases,
  type SoakingRelease,
} from '../../../../src/delivery/promotion/gates/soak.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-11-27T09:00:00Z');
const digestOf = (run: number): string => `sha256:${run.toString(16).padStart(64, '0')}`;
const imageOf = (run: number): string => `registry.example/api@${digestOf(run)}`;

/** The record of a run of the pipeline, released some minutes after the start. */
function record(run: number, minute: number, more: Partial<Release> = {}): Release {
  return {
    image: imageOf(run),
    repository: 'org/shop',
    workflow: '.github/workflows/pipeline.yml',
    ref: 'refs/heads/main',
    commit: run.toString(16).padStart(40, '0'),
    runNumber: run,
    attempt: 1,
    sequence: run,
    proven: true,
    run: '',
    actor: 'octocat',
    at: new Date(START + minute * MINUTE).toISOString(),
    from: '',
    ...more,
  };
}

/** The remaining records, oldest first, as `run from-to` in minutes. */
function shown(records: readonly Release[], running = records.at(-1)): string[] {
  const now = running && {
    digest: /sha256:.*/.exec(running.image)?.[0] ?? '',
    image: running.image,
    sinceMs: Date.parse(running.at),
  };
  return soakingReleases(records.toReversed(), now).map(({ digest, sinceMs, untilMs }) => {
    const minute = (ms: number | undefined): string =>
      ms === undefined ? '' : String((ms - START) / MINUTE);
    return `${Number.parseInt(digest.slice(7), 16)} ${minute(sinceMs)}-${minute(untilMs)}`;
  });
}

const CASES: Record<string, { records: Release[]; running?: Release; left: string[] }> = {
  'consecutive releases continue the soak': {
    records: [record(1, 0), record(2, 5), record(3, 10)],
    left: ['3 10-', '2 5-', '1 0-'],
  },
  'another branch ends the earlier soak': {
    records: [record(1, 0), record(2, 5, { ref: 'refs/heads/try' }), record(3, 10)],
    left: ['3 10-', '2 5-10', '1 0-5'],
  },
  'a release that was allowed over a newer one ends it': {
    records: [record(1, 0), record(2, 5, { runNumber: 1, allowOlder: true })],
    left: ['2 5-', '1 0-5'],
  },
  'rolled-back releases and those before them are excluded': {
    records: [record(1, 0), record(2, 5), record(1, 10, { rolledBackFrom: imageOf(2) })],
    left: ['1 10-'],
  },
  'releases after a rollback continue from it': {
    records: [record(1, 0), record(2, 5), record(1, 10, { rolledBackFrom: imageOf(2) }), record(3, 20)],
    left: ['3 20-', '1 10-'],
  },
  'a release without an observed task does not count': {
    records: [record(1, 0), record(2, 5, { proven: false }), record(3, 10)],
    left: ['3 10-', '1 0-5'],
  },
  'the same image again restarts the soak': {
    records: [record(1, 0), record(2, 5), record(2, 30)],
    left: ['2 30-', '1 0-'],
  },
  'an image that was deployed without the ledger counts separately': {
    records: [record(1, 0), record(2, 5)],
    running: record(9, 7),
    left: ['9 7-'],
  },
  'a release without a run ends the earlier soak': {
    records: [record(1, 0, { runNumber: 0, workflow: '' }), record(2, 5)],
    left: ['2 5-', '1 0-5'],
  },
};

describe('the relevant releases', () => {
  test.each(Object.entries(CASES))('%s', (_, { records, running, left }) => {
    expect(shown(records, running)).toEqual(left);
  });
});

const release = (run: number, sinceMinute: number, untilMinute?: number): SoakingRelease => ({
  digest: digestOf(run),
  image: imageOf(run),
  release: record(run, sinceMinute),
  sinceMs: START + sinceMinute * MINUTE,
  ...(untilMinute !== undefined && { untilMs: START + untilMinute * MINUTE }),
});

test('a release continues to soak while later releases build on it, but not after another release', () => {
  const soakMs = 60 * MINUTE;
  expect(soakedAt(release(1, 0), soakMs)).toBe(START + soakMs);
  expect(soakedAt(release(1, 0, 60), soakMs)).toBe(START + soakMs);
  expect(soakedAt(release(1, 0, 59), soakMs)).toBe(Infinity);
  expect(soakedAt({ digest: '', image: '' }, soakMs)).toBeUndefined();
});

describe('services of one run', () => {
  const at = (minute: number, wait = 0): { soakMs: number; byMs: number } => ({
    soakMs: 60 * MINUTE,
    byMs: START + (minute + wait) * MINUTE,
  });
  const chosen = (...args: Parameters<typeof selectReleases>): Record<string, number> =>
    Object.fromEntries(
      [...selectReleases(...args).chosen].map(([name, { digest }]) => [
        name,
        Number.parseInt(digest.slice(7), 16),
      ]),
    );
  const api = { name: 'api', releases: [release(3, 10), release(2, 5), release(1, 0)] };
  const web = { name: 'web', releases: [release(3, 12), release(1, 1)] };

  test('are promoted together, once all of them have soaked', () => {
    expect(chosen([api, web], at(61))).toEqual({ api: 1, web: 1 });
    expect(chosen([api, web], at(66))).toEqual({ api: 2, web: 1 });
    expect(chosen([api, web], at(71))).toEqual({ api: 2, web: 1 });
    expect(chosen([api, web], at(72))).toEqual({ api: 3, web: 3 });
  });

  test('a soak that ends within the waiting time counts as soaked; otherwise the newest release has to wait', () => {
    expect(chosen([api, web], at(60, 15))).toEqual({ api: 3, web: 3 });
    expect(chosen([api, web], at(10))).toEqual({ api: 3, web: 3 });
    const target = { api: digestOf(2), web: digestOf(1) };
    const services = [
      { ...api, target: target.api },
      { ...web, target: target.web },
    ];
    expect(chosen(services, at(66))).toEqual({ api: 3, web: 3 });
  });

  test('a service of another workflow is selected on its own', () => {
    const other = { ...release(7, 0), release: record(7, 0, { workflow: '.github/workflows/other.yml' }) };
    expect(chosen([api, { name: 'jobs', releases: [other] }], at(61))).toEqual({ api: 1, jobs: 7 });
  });
});

/** A staging environment that consecutive runs deploy, and a prod that is promoted from it after a soak. */
function play(
  pushes: readonly number[],
  soakMinutes: number,
  waitMinutes: number,
  rollbacks: ReadonlySet<number>,
) {
  const staging: Release[] = [];
  const prod: { minute: number; run: number }[] = [];
  const givenUp = new Set<number>();
  for (const [index, minute] of pushes.entries()) {
    const run = index + 1;
    staging.push(record(run, minute));
    if (rollbacks.has(run) && staging.length > 1) {
      const good = staging.at(-2);
      givenUp.add(run);
      if (good) staging.push(record(good.runNumber, minute + 1, { rolledBackFrom: imageOf(run) }));
      continue;
    }
    const now = staging.at(-1);
    if (!now) continue;
    const records = staging.slice(-100).toReversed();
    const running = { digest: digestOf(run), image: now.image, sinceMs: Date.parse(now.at) };
    const releases = soakingReleases(records, running);
    const last = prod.at(-1);
    const soakMs = soakMinutes * MINUTE;
    // The run waits, and then takes what has soaked by now. Pushes in the meantime are other runs.
    for (const wait of [0, waitMinutes]) {
      const nowMs = START + (minute + wait) * MINUTE;
      const { chosen } = selectReleases(
        [{ name: 'api', releases, ...(last && { target: digestOf(last.run) }) }],
        { soakMs, byMs: nowMs },
      );
      const taken = chosen.get('api');
      if (!taken?.release || (soakedAt(taken, soakMs) ?? Infinity) > nowMs) continue;
      if (taken.release.runNumber === last?.run) continue;
      prod.push({ minute: minute + wait, run: taken.release.runNumber });
      break;
    }
  }
  return { prod, givenUp };
}

test('frequent pushes neither starve prod nor move it backwards', () => {
  let played = 0;
  let promotions = 0;
  for (const every of [1, 2, 5, 7, 20, 59, 61]) {
    for (const soak of [10, 60]) {
      for (const wait of [0, 15]) {
        for (const rollbackEvery of [0, 9]) {
          const pushes = Array.from({ length: 200 }, (_, index) => index * every);
          const rollbacks = new Set(
            rollbackEvery === 0 ? [] : pushes.flatMap((_, at) => (at % 40 === rollbackEvery ? [at + 1] : [])),
          );
          // The ledger keeps 100 releases: a soak of more pushes than that is the documented exception.
          if (soak / every >= 100) continue;
          // If a rollback happens before each soak has ended, nothing soaks, and nothing is promoted.
          if (rollbackEvery > 0 && 40 * every <= soak) continue;
          const { prod, givenUp } = play(pushes, soak, wait, rollbacks);
          for (const [index, { minute, run }] of prod.entries()) {
            expect(run).toBeGreaterThan(prod[index - 1]?.run ?? 0);
            expect(givenUp.has(run)).toBe(false);
            expect(minute - (pushes[run - 1] ?? 0)).toBeGreaterThanOrEqual(soak);
          }
          // The maximum time without a promotion is a soak after the start or after a rollback, plus the pushes in
          // between.
          const marks = [0, ...prod.map(({ minute }) => minute)];
          const longest = Math.max(...marks.map((at, index) => (marks[index + 1] ?? at) - at));
          expect([every, soak, wait, longest <= 2 * soak + 3 * every + wait]).toEqual([
            every,
            soak,
            wait,
            true,
          ]);
          expect(prod.length).toBeGreaterThan(0);
          played += 1;
          promotions += prod.length;
        }
      }
    }
  }
  console.log(`Soak: ${played} histories of 200 pushes, ${promotions} promotions`);
});
