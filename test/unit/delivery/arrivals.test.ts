import { expect, test } from '@jest/globals';
import { holdBeside, releaseHold, setHold } from '../../../src/delivery/hold.ts';
import { ledgerNames, readRelease } from '../../../src/delivery/ledger.ts';
import { lockHolder, serviceLock } from '../../../src/delivery/lock.ts';
import { type OrderCheck, createOrderCheck } from '../../../src/delivery/order-check.ts';
import { releaseService } from '../../../src/delivery/release/release-service.ts';
import type { ServiceTarget } from '../../../src/delivery/release/request.ts';
import type { ServiceResult } from '../../../src/delivery/release/result.ts';
import { rollbackService } from '../../../src/delivery/release/rollback-service.ts';
import { readGitHubContext } from '../../../src/github/context.ts';
import { CLUSTER, imageOf, SERVICE, ServiceStage } from '../../support/model/service-stage.ts';
import { contextOf } from '../images/registry/context.ts';
import { fc, SEED } from '../../support/property.ts';

/**
 * Runs that arrive at any time and in any order, including during other rollouts, with rollouts that fail, holds and
 * rollbacks. They run in parallel, each with the library, against one service of a sandbox in simulated time.
 */

/** The number of histories. */
const HISTORIES = Number(process.env['HISTORIES'] ?? 500);
const COMMITS = 6;
/** A rollout then takes a quarter of a minute. */
const TIME_SCALE = 4;
const place = { project: 'platform', environment: 'dev' };
const names = ledgerNames({ ...place, service: SERVICE });
const hold = holdBeside(names) ?? '';

const commitOf = (index: number): string => String(index).repeat(40);
/** The position of a commit, or of an image's commit, in the history of the repository. */
const indexOf = (text: string): number => Number(text.at(-1));

interface Arrival {
  kind: 'deploy' | 'deploy older' | 'rollback' | 'hold and rollback' | 'hold' | 'release hold';
  commit: number;
  workflow: 'pipeline' | 'hotfix';
  /** Seconds since the beginning. */
  at: number;
  /** How long it waits for the lock, in seconds. */
  waits: number;
}

const kinds = {
  deploy: 14,
  'deploy older': 1,
  rollback: 3,
  'hold and rollback': 2,
  hold: 1,
  'release hold': 2,
} satisfies Record<Arrival['kind'], number>;

const arrival: fc.Arbitrary<Arrival> = fc.record({
  kind: fc.oneof(
    ...Object.entries(kinds).map(([kind, weight]) => ({
      weight,
      arbitrary: fc.constant(kind as Arrival['kind']),
    })),
  ),
  commit: fc.integer({ min: 1, max: COMMITS }),
  workflow: fc.constantFrom('pipeline' as const, 'pipeline' as const, 'hotfix' as const),
  at: fc.integer({ min: 0, max: 150 }),
  waits: fc.constantFrom(3600, 3600, 3600, 0),
});

const history = fc.record({
  arrivals: fc.array(arrival, { minLength: 2, maxLength: 7 }),
  /** Without ancestry, only the runs of one workflow can be compared. */
  ancestry: fc.boolean(),
  /** The commits whose tasks exit. */
  bad: fc.subarray([2, 4, 5]),
});

interface Played {
  arrival: Arrival;
  result: ServiceResult;
}

const totals = { releases: 0, waited: 0, outdated: 0, held: 0, failed: 0, 'rolled back': 0 };

/** Everything that happens to a service. */
class Stage {
  readonly #stage = new ServiceStage(TIME_SCALE);
  readonly #orderCheck: OrderCheck;
  readonly #bad: readonly number[];
  /** The commits that were rolled back since the last new release. */
  readonly #givenUp = new Set<number>();
  #isHeld = false;
  #wasHeld = false;
  /** The violations, one sentence each. */
  readonly wrong: string[] = [];

  constructor(ancestry: boolean, bad: readonly number[]) {
    this.#bad = bad;
    const access = { token: ancestry ? 'token' : '', github: readGitHubContext({}), context: contextOf() };
    this.#orderCheck = createOrderCheck(access, (_, commit, of) =>
      Promise.resolve(indexOf(commit) < indexOf(of)),
    );
  }

  async play(arrivals: readonly Arrival[]): Promise<Played[]> {
    await this.#stage.create(imageOf(0));
    await this.#stage.clock.sleep(120_000);
    const played = await Promise.all(
      arrivals.map(async (one): Promise<Played[]> => {
        await this.#stage.clock.sleep(one.at * 1000);
        const result = await this.#act(one);
        return result ? [{ arrival: one, result }] : [];
      }),
    );
    return played.flat();
  }

  async #act(one: Arrival): Promise<ServiceResult | undefined> {
    const { kind } = one;
    if (kind === 'hold' || kind === 'hold and rollback') await this.#hold();
    if (kind === 'release hold') {
      this.#isHeld = false;
      const context = this.#stage.context();
      await releaseHold(await context.ssm(), place, context);
    }
    if (kind === 'hold' || kind === 'release hold') return undefined;
    return kind === 'deploy' || kind === 'deploy older'
      ? await this.#release(one)
      : await this.#rollBack(one);
  }

  async #hold(): Promise<void> {
    const context = this.#stage.context();
    const why = { reason: 'Orders fail', actor: 'eve', at: '', run: '' };
    await setHold(await context.ssm(), place, why, context);
    this.#isHeld = true;
    this.#wasHeld = true;
  }

  #targetOf({ commit, workflow, waits }: Arrival): ServiceTarget {
    return {
      cluster: CLUSTER,
      service: SERVICE,
      wait: true,
      timeoutMs: 600_000,
      onFailure: 'rollback',
      ledger: names,
      lockWaitMs: waits * 1000,
      origin: { run: `https://runs/${workflow}/${commit}`, actor: 'ada', from: '' },
    };
  }

  async #rollBack(one: Arrival): Promise<ServiceResult> {
    const context = this.#stage.context((operation) => {
      if (operation === 'UpdateService') this.#givenUp.add(indexOf(this.#stage.state.image));
    });
    const result = await rollbackService(context, {
      ...this.#targetOf(one),
      stopHolder: 'Users cannot log in',
    });
    if (result.ok) totals['rolled back']++;
    return result;
  }

  async #release(one: Arrival): Promise<ServiceResult> {
    const calls: string[] = [];
    const { commit, workflow, kind } = one;
    const context = this.#stage.context((operation) => {
      calls.push(operation);
      // A second one rolls a failed rollout back.
      const isFirst = calls.filter((call) => call === 'UpdateService').length === 1;
      if (operation === 'UpdateService' && isFirst) this.#onUpdate(one);
    });
    const target = this.#targetOf(one);
    const source = {
      repository: 'org/platform',
      workflow: `.github/workflows/${workflow}.yml`,
      ref: 'refs/heads/main',
      commit: commitOf(commit),
      runNumber: commit + (workflow === 'pipeline' ? 100 : 10),
      attempt: 1,
    };
    const image = imageOf(commit, this.#bad.includes(commit));
    const result = await releaseService(context, {
      ...target,
      origin: { ...target.origin, source },
      order: { check: this.#orderCheck, allowOlder: kind === 'deploy older' },
      hold,
      source: { kind: 'service' },
      changes: { image, images: {}, environment: {}, secrets: {}, environmentMode: 'merge', containers: {} },
    });
    const { verdict } = result;
    totals.releases++;
    if (context.lines.some((line) => line.includes('waiting up to'))) totals.waited++;
    if (verdict === 'outdated' || verdict === 'held') totals[verdict]++;
    if (this.#bad.includes(commit) && calls.includes('UpdateService')) totals.failed++;
    if (verdict === 'deployed') this.#givenUp.clear();
    if ((verdict === 'outdated' || verdict === 'held') && calls.includes('UpdateService'))
      this.wrong.push(`commit ${commit} was ${verdict} and changed something: ${calls.join(' ')}`);
    return result;
  }

  /**
   * In any order of arrival, no rollout is superseded, no older commit replaces a newer one, and nothing that was
   * rolled back is released again unless requested. Nothing is released during a hold.
   */
  #onUpdate({ kind, commit }: Arrival): void {
    const { image, isRollingOut } = this.#stage.state;
    if (isRollingOut) this.wrong.push(`commit ${commit} superseded a rollout`);
    if (this.#isHeld) this.wrong.push(`commit ${commit} was released while a hold stood`);
    if (kind !== 'deploy') return;
    const before = indexOf(image);
    if (commit < before) this.wrong.push(`commit ${commit} replaced commit ${before}`);
    if (this.#givenUp.has(commit)) this.wrong.push(`commit ${commit} was rolled back, and came back`);
  }

  /** The violations after all runs have ended. */
  async check(played: readonly Played[]): Promise<string[]> {
    const wrong = [...this.wrong];
    // ECS may still be rolling a stopped deployment back.
    await this.#stage.clock.sleep(300_000);
    const context = this.#stage.context();
    const release = await readRelease(context, names);
    const { image: runs } = this.#stage.state;
    if (release && release.image !== runs) wrong.push(`the ledger has ${release.image}, and ${runs} runs`);
    // Only ECS has what ran before the first release, without its commit.
    const isOlderThanLedger = release?.commit === '' && indexOf(runs) === 0;
    if (release && !isOlderThanLedger && indexOf(release.commit) !== indexOf(runs))
      wrong.push(`the ledger has the commit ${release.commit}`);
    if ((await lockHolder(context, serviceLock(names).parameter)) !== '')
      wrong.push('the lock was left behind');
    for (const one of played) wrong.push(...this.#judgeEnd(one));
    const plain = played.every(({ arrival: one }) => one.kind === 'deploy' && one.waits > 0);
    const newest = Math.max(...played.map(({ arrival: one }) => one.commit));
    const isDisturbed = this.#wasHeld || this.#bad.length > 0 || played.length === 0;
    if (plain && !isDisturbed && indexOf(runs) !== newest)
      wrong.push(`the newest commit is ${newest}, and ${indexOf(runs)} runs`);
    return wrong;
  }

  #judgeEnd({ arrival: { kind, commit, waits }, result }: Played): string[] {
    const { verdict, reason } = result;
    if (kind === 'rollback' || kind === 'hold and rollback') return [];
    const isBad = this.#bad.includes(commit);
    if (isBad && result.ok) return [`the bad commit ${commit} was ${verdict}`];
    if (kind === 'deploy older' && verdict === 'outdated') return ['allow-older was outdated'];
    if (verdict === 'held') return this.#wasHeld ? [] : ['there was no hold'];
    if ('error' in result && result.error.code === 'lock-held' && waits === 0) return [];
    const stopped = verdict === 'cancelled' && reason.includes('for a rollback');
    if (stopped || ['deployed', 'unchanged', 'outdated'].includes(verdict)) return [];
    return isBad && ['failed', 'rolled-back'].includes(verdict) ? [] : [`${verdict}: ${reason}`];
  }
}

test(`no older release replaces a newer one, in ${HISTORIES} histories of seed ${SEED}`, async () => {
  const property = fc.asyncProperty(history, async ({ arrivals, ancestry, bad }) => {
    const comparable = arrivals.map((one) => (ancestry ? one : { ...one, workflow: 'pipeline' as const }));
    const stage = new Stage(ancestry, bad);
    expect(await stage.check(await stage.play(comparable))).toEqual([]);
  });
  await fc.assert(property, { numRuns: HISTORIES });
  const counts = Object.entries(totals).map(([what, count]) => `${count} ${what}`);
  process.stdout.write(`${HISTORIES} histories of seed ${SEED}: ${counts.join(', ')}\n`);
  for (const what of ['waited', 'outdated', 'held', 'failed', 'rolled back'] as const)
    expect([what, totals[what] > HISTORIES / 20]).toEqual([what, true]);
});
