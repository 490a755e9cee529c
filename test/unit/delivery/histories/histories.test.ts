import { expect, test } from '@jest/globals';
import { Random } from '../../../../sandbox/world.ts';
import { ledgerNames, readRelease } from '../../../../src/delivery/ledger.ts';
import { holdBeside, releaseHold, setHold } from '../../../../src/delivery/hold.ts';
import { createOrderCheck } from '../../../../src/delivery/order-check.ts';
import { releaseService } from '../../../../src/delivery/release/release-service.ts';
import type { ServiceRequest } from '../../../../src/delivery/release/request.ts';
import type { ServiceResult } from '../../../../src/delivery/release/result.ts';
import { rollbackService } from '../../../../src/delivery/release/rollback-service.ts';
import type { ReleaseSource } from '../../../../src/delivery/source.ts';
import { readGitHubContext } from '../../../../src/github/context.ts';
import { CLUSTER, imageOf, SERVICE, ServiceStage } from '../../../support/model/service-stage.ts';
import { contextOf } from '../../images/registry/context.ts';
import { SEED } from '../../../support/property.ts';
import { HistoryModel } from './model.ts';

/** The number of histories, each with its own seed, starting with SEED. */
const HISTORIES = Number(process.env['HISTORIES'] ?? 500);
const LONGEST = 6;
/** A rollout then takes less than a second, so that few reads find it in progress. */
const TIME_SCALE = 500;

const OPERATIONS = [
  'deploy',
  'deploy',
  'deploy',
  'fail',
  'keep',
  'rollback',
  'rollback',
  'rollback',
  're-run',
  'late',
  'late, allowed',
  'by hand',
  'hold',
  'release hold',
] as const;
type Operation = (typeof OPERATIONS)[number];

const PLACE = { project: 'platform', environment: 'dev' };
const LEDGER = ledgerNames({ ...PLACE, service: SERVICE });
const HOLD = holdBeside(LEDGER) ?? '';

/** A service with a ledger, to which operations are applied in sequence. */
class History {
  readonly #stage = new ServiceStage(TIME_SCALE);
  readonly #context = this.#stage.context();
  readonly #random: Random;
  readonly #model = new HistoryModel();
  /** The images that were released, or deployed by hand. */
  readonly #served = new Set<string>();
  /** The images of the workflow's runs, in order. */
  readonly #images: string[] = [];
  readonly #log: string[] = [];

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** @returns what went wrong, with the history before. */
  async play(operations = this.#draw()): Promise<string[]> {
    await this.#stage.create(this.#build('good'));
    for (const operation of ['deploy', ...operations] as const) {
      const wrong = [...(await this.#do(operation)), ...(await this.#compare(operation))];
      if (wrong.length > 0) return [`${this.#log.join(', ')}: ${wrong.join('; ')}`];
    }
    return [];
  }

  #draw(): Operation[] {
    const length = 2 + Math.floor(this.#random.next() * (LONGEST - 1));
    const draw = (): Operation => OPERATIONS[Math.floor(this.#random.next() * OPERATIONS.length)] ?? 'deploy';
    return Array.from({ length }, draw);
  }

  async #do(operation: Operation): Promise<string[]> {
    const { runs: before, ledger } = this.#model;
    switch (operation) {
      case 'deploy':
        return await this.#deploy(this.#build('good'));
      case 'fail':
        return await this.#deploy(this.#build('bad'));
      case 'keep':
        return await this.#deploy(this.#build('bad'), { onFailure: 'keep' });
      case 're-run': {
        const run = ledger?.run ?? 0;
        return await this.#deploy(this.#images[run - 1] ?? '', { run });
      }
      case 'late':
      case 'late, allowed': {
        const run = 1 + Math.floor(this.#random.next() * this.#images.length);
        return await this.#deploy(this.#images[run - 1] ?? '', { run, allowOlder: operation !== 'late' });
      }
      case 'by hand': {
        const image = this.#images[Math.floor(this.#random.next() * this.#images.length)] ?? '';
        this.#log.push(`by hand ${image.slice(-4)}`);
        if (image.includes('bad')) return [];
        await this.#stage.deploy(image);
        this.#model.runs = image;
        this.#served.add(image);
        return [];
      }
      case 'hold': {
        this.#model.isHeld = true;
        this.#log.push('hold');
        const hold = { reason: 'Orders fail', actor: 'eve', at: '', run: '' };
        await setHold(await this.#context.ssm(), PLACE, hold, this.#context);
        return [];
      }
      case 'release hold':
        this.#model.isHeld = false;
        this.#log.push('release hold');
        await releaseHold(await this.#context.ssm(), PLACE, this.#context);
        return [];
      case 'rollback': {
        const result = await rollbackService(this.#context, this.#target());
        const { image } = (await this.#recorded()) ?? {};
        this.#log.push(`rollback: ${result.verdict} ${image?.slice(-4) ?? ''}`);
        if (result.ok) return this.#model.rolledBack(image ?? '');
        this.#model.runs = before;
        return /no good release/.test(result.reason) ? [] : [result.reason];
      }
    }
  }

  async #deploy(
    image: string,
    {
      run = this.#images.length,
      ...options
    }: { run?: number; onFailure?: 'keep'; allowOlder?: boolean } = {},
  ): Promise<string[]> {
    const { ledger } = this.#model;
    const source = sourceOf(run);
    const result: ServiceResult = await releaseService(this.#context, {
      ...this.#target(options.onFailure),
      origin: { ...this.#target().origin, source },
      order: {
        allowOlder: options.allowOlder === true,
        check,
      },
      hold: HOLD,
      source: { kind: 'service' },
      changes: { image, images: {}, environment: {}, secrets: {}, environmentMode: 'merge' },
    });
    this.#log.push(`run ${run} ${image.slice(-4)}: ${result.verdict}`);
    if (this.#model.isHeld) return result.verdict === 'held' ? [] : [`${result.verdict} while on hold`];
    const isOlder = ledger !== undefined && run < ledger.run;
    const isBack = this.#model.wasGivenUp(image, run);
    if (result.ok) {
      const wrong =
        isBack && options.allowOlder !== true ? [`run ${run} was rolled back, and came back`] : [];
      this.#model.released(image, run);
      this.#served.add(image);
      return [
        ...wrong,
        ...(image.includes('bad') ? ['a bad image was released'] : []),
        ...(isOlder && options.allowOlder !== true ? [`run ${run} replaced run ${ledger.run}`] : []),
      ];
    }
    if (result.verdict === 'outdated') return isOlder || isBack ? [] : [`run ${run} is not older`];
    if (options.onFailure === 'keep') this.#model.runs = image;
    else this.#takeBack();
    return image.includes('bad') ? [] : [result.reason];
  }

  /** After a release that failed and was kept, a rollback leads to that one or to one that served before. */
  #takeBack(): void {
    const running = this.#stage.state.image;
    if (this.#model.runs.includes('bad') && this.#served.has(running)) this.#model.runs = running;
  }

  /** The ledger matches the model; after a success it matches what runs. */
  async #compare(operation: Operation): Promise<string[]> {
    const recorded = await this.#recorded();
    const runs = this.#stage.state.image;
    const { ledger, runs: expected } = this.#model;
    return [
      ...(recorded?.image === ledger?.image
        ? []
        : [`the ledger has ${recorded?.image ?? ''} after ${operation}`]),
      ...(runs === expected ? [] : [`${runs} runs after ${operation}, and not ${expected}`]),
    ];
  }

  #recorded() {
    return readRelease(this.#context, LEDGER);
  }

  #target(onFailure: ServiceRequest['onFailure'] = 'rollback') {
    return {
      cluster: CLUSTER,
      service: SERVICE,
      wait: true,
      timeoutMs: 60_000,
      lockWaitMs: 60_000,
      onFailure,
      ledger: LEDGER,
      origin: { run: 'https://runs/1', actor: 'octocat', from: '' },
    };
  }

  /** The image of the next run. */
  #build(kind: 'good' | 'bad'): string {
    const run = this.#images.length + 1;
    const image = imageOf(run, kind === 'bad');
    this.#images.push(image);
    this.#model.built(image, run);
    return image;
  }
}

/** With run numbers only, because there is no GitHub. */
const check = createOrderCheck({ token: '', github: readGitHubContext({}), context: contextOf() });

function sourceOf(runNumber: number): ReleaseSource {
  const workflow = '.github/workflows/pipeline.yml';
  const ref = 'refs/heads/main';
  return { repository: 'org/platform', workflow, ref, commit: '', runNumber, attempt: 1 };
}

const FOUND: Operation[][] = [
  // The restored release has another revision with the same content: a rollback to it would change nothing.
  ['deploy', 'keep', 're-run', 'rollback'],
  ['by hand', 're-run', 'rollback', 'rollback'],
  ['deploy', 'deploy', 'rollback', 'rollback', 'rollback', 'deploy', 'rollback'],
  ['fail', 'keep', 'rollback', 'late, allowed', 'rollback'],
  [
    'deploy',
    'deploy',
    'rollback',
    'hold',
    'late',
    're-run',
    'rollback',
    'release hold',
    'late',
    'late',
    'deploy',
  ],
];

test.each(FOUND.map((operations) => ({ operations, name: operations.join(', ') })))(
  '$name',
  async ({ operations }) => {
    expect(await new History(0).play(operations)).toEqual([]);
  },
);

test(`each rollback goes to a good release, in ${HISTORIES} histories of seed ${SEED}`, async () => {
  for (let index = 0; index < HISTORIES; index++) {
    const seed = SEED + index;
    const wrong = await new History(seed).play();
    if (wrong.length > 0) throw new Error(`SEED=${seed} HISTORIES=1: ${wrong.join()}`);
  }
});
