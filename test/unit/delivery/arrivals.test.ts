import type { ECSClient } from '@aws-sdk/client-ecs';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ledgerNames, readRelease } from '../../../src/delivery/ledger.ts';
import { type OrderJudge, orderJudge } from '../../../src/delivery/order-judge.ts';
import { releaseService } from '../../../src/delivery/release/release-service.ts';
import type { ServiceContext, ServiceTarget } from '../../../src/delivery/release/request.ts';
import type { ServiceResult } from '../../../src/delivery/release/result.ts';
import { rollbackService } from '../../../src/delivery/release/rollback-service.ts';
import { readGitHubContext } from '../../../src/github/context.ts';
import { modelClient } from '../../support/model/client.ts';
import { EcsModel } from '../../support/model/ecs.ts';
import { ParameterModel } from '../../support/model/parameters.ts';
import { VirtualClock } from '../../support/model/virtual-clock.ts';
import { contextOf } from '../images/registry/context.ts';

/**
 * Runs that arrive at any time and in any order, also during the rollouts of others. They work at the same time, each
 * by the library itself, against one ECS service and one Parameter Store. Both are models in this process, and time is
 * simulated: a release against the sandbox takes a third of a second of CPU, here it takes a few milliseconds.
 */

/** How many histories are played, from HISTORIES, and their seed, from SEED: by default one for each day, so that what fails can be repeated. */
const HISTORIES = Number(process.env['HISTORIES'] ?? 500);
const SEED = Number(process.env['SEED'] ?? Math.floor(Date.now() / 86_400_000));
const COMMITS = 6;
const names = ledgerNames({ project: 'platform', environment: 'dev', service: 'user-service' });

const commitOf = (index: number): string => String(index).repeat(40);
const imageOf = (index: number): string =>
  `registry.example.com/user-service@sha256:${String(index).repeat(64)}`;
/** The place of a commit, or of an image's commit, in the history of the repository. */
const indexOf = (text: string): number => Number(text.at(-1));

interface Arrival {
  kind: 'deploy' | 'deploy older' | 'rollback';
  commit: number;
  workflow: 'pipeline' | 'hotfix';
  /** Seconds since the beginning. */
  at: number;
  /** Of its rollout, in seconds. */
  takes: number;
  /** How long it waits for the lock, in seconds. */
  waits: number;
}

const arrival: fc.Arbitrary<Arrival> = fc.record({
  kind: fc.oneof(
    { weight: 12, arbitrary: fc.constant('deploy' as const) },
    { weight: 1, arbitrary: fc.constant('deploy older' as const) },
    { weight: 2, arbitrary: fc.constant('rollback' as const) },
  ),
  commit: fc.integer({ min: 1, max: COMMITS }),
  workflow: fc.constantFrom('pipeline' as const, 'pipeline' as const, 'hotfix' as const),
  at: fc.integer({ min: 0, max: 300 }),
  takes: fc.integer({ min: 0, max: 120 }),
  waits: fc.constantFrom(3600, 3600, 3600, 0),
});

/** Without ancestry only the runs of one workflow can be compared. */
const history = fc.record({
  arrivals: fc.array(arrival, { minLength: 2, maxLength: 7 }),
  ancestry: fc.boolean(),
});

interface Played {
  arrival: Arrival;
  result: ServiceResult;
}

const totals = { releases: 0, waited: 0, outdated: 0 };

/** What happens to one service. */
class Stage {
  readonly #clock = new VirtualClock();
  readonly #ecs = new EcsModel(this.#clock, imageOf(0));
  readonly #parameters = new ParameterModel();
  readonly #judge: OrderJudge;
  /** What must never happen, a sentence each. */
  readonly wrong: string[] = [];

  constructor(ancestry: boolean) {
    const access = { token: ancestry ? 'token' : '', github: readGitHubContext({}), context: contextOf() };
    this.#judge = orderJudge(access, (_, commit, of) => Promise.resolve(indexOf(commit) < indexOf(of)));
  }

  async play(arrivals: readonly Arrival[]): Promise<Played[]> {
    return await Promise.all(
      arrivals.map(async (one) => {
        await this.#clock.sleep(one.at * 1000);
        return { arrival: one, result: await this.#release(one) };
      }),
    );
  }

  async #release(one: Arrival): Promise<ServiceResult> {
    const calls: string[] = [];
    const { context, lines } = this.#contextOf(one, calls);
    const { commit, workflow, kind } = one;
    const target: ServiceTarget = {
      cluster: 'dev-platform',
      service: 'user-service',
      wait: true,
      timeoutMs: 600_000,
      onFailure: 'rollback',
      ledger: names,
      lockWaitMs: one.waits * 1000,
      origin: { run: `https://runs/${workflow}/${commit}`, actor: 'ada', from: '' },
    };
    if (kind === 'rollback') return await rollbackService(context, target);
    const source = {
      repository: 'org/platform',
      workflow: `.github/workflows/${workflow}.yml`,
      ref: 'refs/heads/main',
      commit: commitOf(commit),
      runNumber: commit + (workflow === 'pipeline' ? 100 : 10),
      attempt: 1,
    };
    const result = await releaseService(context, {
      ...target,
      origin: { ...target.origin, source },
      order: { judge: this.#judge, allowOlder: kind === 'deploy older' },
      source: { kind: 'service' },
      changes: {
        image: imageOf(commit),
        images: {},
        environment: {},
        secrets: {},
        environmentMode: 'merge',
        containers: {},
      },
    });
    totals.releases++;
    if (lines.some((line) => line.includes('waiting for at most'))) totals.waited++;
    if (result.verdict === 'outdated') totals.outdated++;
    if (result.verdict === 'outdated' && calls.some((call) => /^(?:Register|Update)/.test(call))) {
      this.wrong.push(`commit ${commit} was outdated and changed something: ${calls.join(' ')}`);
    }
    return result;
  }

  #contextOf(one: Arrival, calls: string[]): { context: ServiceContext; lines: string[] } {
    const base = contextOf();
    const onCall = (operation: string): void => {
      calls.push(operation);
      if (operation === 'UpdateService') this.#onUpdate(one);
    };
    const unused = (): never => {
      throw new Error('the model has no such service');
    };
    const context: ServiceContext = {
      ...base,
      clock: this.#clock,
      region: 'eu-west-1',
      env: {},
      ecs: () => Promise.resolve(modelClient(this.#ecs.operations, onCall) as unknown as ECSClient),
      ssm: () => Promise.resolve(modelClient(this.#parameters.operations) as unknown as SSMClient),
      elb: unused,
      logs: unused,
      ecr: unused,
      iam: unused,
      secretsManager: unused,
    };
    return { context, lines: base.lines };
  }

  /** Whatever arrives: no rollout is superseded, and no older commit replaces a newer one unless that is asked for. */
  #onUpdate({ kind, commit, takes }: Arrival): void {
    if (this.#ecs.isRollingOut) this.wrong.push(`commit ${commit} superseded a rollout`);
    const before = indexOf(this.#ecs.image);
    if (kind === 'deploy' && commit < before) this.wrong.push(`commit ${commit} replaced commit ${before}`);
    this.#ecs.nextRolloutMs = takes * 1000;
  }

  /** The violations once all runs have ended. */
  async check(played: readonly Played[]): Promise<string[]> {
    const wrong = [...this.wrong];
    const release = await readRelease(this.#contextOf(played[0]?.arrival as Arrival, []).context, names);
    const runs = this.#ecs.image;
    if (release && release.image !== runs) wrong.push(`the ledger has ${release.image}, and ${runs} runs`);
    if (release && indexOf(release.commit) !== indexOf(runs))
      wrong.push(`the ledger has the commit ${release.commit}`);
    for (const { arrival: one, result } of played) {
      const held = 'error' in result && result.error.code === 'lock-held' && one.waits === 0;
      const expected =
        ['deployed', 'unchanged', 'outdated'].includes(result.verdict) || held || one.kind === 'rollback';
      if (!expected) wrong.push(`${result.verdict}: ${result.reason}`);
      if (one.kind === 'deploy older' && result.verdict === 'outdated')
        wrong.push('allow-older was outdated');
    }
    const plain = played.every(({ arrival: one }) => one.kind === 'deploy' && one.waits > 0);
    const newest = Math.max(...played.map(({ arrival: one }) => one.commit));
    if (plain && indexOf(runs) !== newest)
      wrong.push(`the newest commit is ${newest}, and ${indexOf(runs)} runs`);
    if (this.#parameters.value('/platform/dev/user-service/lock') !== undefined)
      wrong.push('the lock was left behind');
    return wrong;
  }
}

test(`no older release replaces a newer one, in ${HISTORIES} histories of seed ${SEED}`, async () => {
  const property = fc.asyncProperty(history, async ({ arrivals, ancestry }) => {
    const comparable = arrivals.map((one) => (ancestry ? one : { ...one, workflow: 'pipeline' as const }));
    const stage = new Stage(ancestry);
    expect(await stage.check(await stage.play(comparable))).toEqual([]);
  });
  await fc.assert(property, { numRuns: HISTORIES, seed: SEED });
  const { releases, waited, outdated } = totals;
  process.stdout.write(
    `${HISTORIES} histories of seed ${SEED}: ${releases} releases, ${waited} of which waited for another, ${outdated} outdated\n`,
  );
  expect(waited).toBeGreaterThan(HISTORIES / 10);
  expect(outdated).toBeGreaterThan(HISTORIES / 10);
}, 300_000);
