import {
  DeleteServiceCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  type ECSClient,
  type Service,
} from '@aws-sdk/client-ecs';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { ecs } from '../../../../sandbox/ecs/api/service.ts';
import { ssm } from '../../../../sandbox/ssm/service.ts';
import { Random } from '../../../../sandbox/world.ts';
import { createSession } from '../../../../src/aws/session.ts';
import { type Clock, systemClock } from '../../../../src/core/clock.ts';
import { ledgerNames, readRelease } from '../../../../src/delivery/ledger.ts';
import { compareOrder } from '../../../../src/delivery/order.ts';
import { type OrderJudge, OutdatedError } from '../../../../src/delivery/order-judge.ts';
import { releaseService } from '../../../../src/delivery/release/release-service.ts';
import {
  serviceContext,
  type ServiceContext,
  type ServiceRequest,
} from '../../../../src/delivery/release/request.ts';
import type { ServiceResult } from '../../../../src/delivery/release/result.ts';
import { rollbackService } from '../../../../src/delivery/release/rollback-service.ts';
import type { ReleaseSource } from '../../../../src/delivery/source.ts';
import { pooled } from '../../../support/pool.ts';
import { contextOf } from '../../images/registry/context.ts';
import { CLUSTER, EcsWorld } from '../../sandbox/ecs/ecs-world.ts';
import { directClient } from './direct-client.ts';
import { HistoryModel } from './model.ts';

/** How many histories are played, from HISTORIES, and their seed, from SEED: by default one for each day, so that what fails can be repeated. */
const HISTORIES = Number(process.env['HISTORIES'] ?? 100);
const SEED = Number(process.env['SEED'] ?? Math.floor(Date.now() / 86_400_000));
/** Each sandbox forgets nothing, so it gets slower. */
const A_WORLD = 25;
const AT_ONCE = 25;
const LONGEST = 6;

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
] as const;
type Operation = (typeof OPERATIONS)[number];

/** Polls at once; what is rare stays rare. */
const quick: Clock = {
  now: () => systemClock.now(),
  sleep: (ms, signal) => systemClock.sleep(ms < 10_000 ? 8 : ms, signal),
};

/** A service with a ledger of its own, to which one operation after the other happens. */
class History {
  readonly #world: EcsWorld;
  readonly #context: ServiceContext;
  readonly #name: string;
  readonly #random: Random;
  readonly #model = new HistoryModel();
  /** The images that were released, or deployed by hand. */
  readonly #served = new Set<string>();
  /** The images of the workflow's runs, in their order. */
  readonly #images: string[] = [];
  readonly #log: string[] = [];

  constructor(world: EcsWorld, context: ServiceContext, name: string, seed: number) {
    this.#world = world;
    this.#context = context;
    this.#name = name;
    this.#random = new Random(seed);
  }

  /** @returns what went wrong, with all that happened before. */
  async play(operations = this.#draw()): Promise<string[]> {
    await this.#world.create({
      serviceName: this.#name,
      taskDefinition: await this.#register(this.#build('good')),
      desiredCount: 1,
      loadBalancers: [],
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } },
    });
    for (const operation of ['deploy', ...operations] as const) {
      const wrong = [...(await this.#do(operation)), ...(await this.#compare(operation))];
      if (wrong.length > 0) return [`${this.#name}: ${this.#log.join(', ')}: ${wrong.join('; ')}`];
    }
    const remove = new DeleteServiceCommand({ cluster: CLUSTER, service: this.#name, force: true });
    await this.#world.client.send(remove);
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
        return await this.#deploy(this.#build('bad0'));
      case 'keep':
        return await this.#deploy(this.#build('bad1'), { onFailure: 'keep' });
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
        await this.#world.update({ service: this.#name, taskDefinition: await this.#register(image) });
        await this.#settled();
        this.#model.runs = image;
        this.#served.add(image);
        return [];
      }
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
        judge,
      },
      source: { kind: 'service' },
      changes: { image, images: {}, environment: {}, secrets: {}, environmentMode: 'merge' },
    });
    this.#log.push(`run ${run} ${image.slice(-4)}: ${result.verdict}`);
    const isOlder = ledger !== undefined && run < ledger.run;
    if (result.ok) {
      this.#model.released(image, run);
      this.#served.add(image);
      return [
        ...(image.includes('bad') ? ['a bad image was released'] : []),
        ...(isOlder && options.allowOlder !== true ? [`run ${run} replaced run ${ledger.run}`] : []),
      ];
    }
    if (result.verdict === 'outdated') return isOlder ? [] : [`run ${run} is not older`];
    if (options.onFailure === 'keep') this.#model.runs = image;
    else await this.#takeBack();
    return image.includes('bad') ? [] : [result.reason];
  }

  /** Over a release that failed and was kept, the way back leads to that one or to one that served before. */
  async #takeBack(): Promise<void> {
    const running = await this.#running();
    if (this.#model.runs.includes('bad') && this.#served.has(running)) this.#model.runs = running;
  }

  /** The ledger has what the model has; after a success it is what runs. */
  async #compare(operation: Operation): Promise<string[]> {
    const recorded = await this.#recorded();
    const runs = await this.#running();
    const { ledger, runs: expected } = this.#model;
    return [
      ...(recorded?.image === ledger?.image
        ? []
        : [`the ledger has ${recorded?.image ?? ''} after ${operation}`]),
      ...(runs === expected ? [] : [`${runs} runs after ${operation}, and not ${expected}`]),
    ];
  }

  async #running(): Promise<string> {
    const { taskDefinition } = await this.#service();
    const { taskDefinition: found } = await this.#world.client.send(
      new DescribeTaskDefinitionCommand({ taskDefinition }),
    );
    return found?.containerDefinitions?.[0]?.image ?? '';
  }

  async #service(): Promise<Service> {
    const command = new DescribeServicesCommand({ cluster: CLUSTER, services: [this.#name] });
    return (await this.#world.client.send(command)).services![0]!;
  }

  async #settled(): Promise<void> {
    await this.#world.until(
      () => this.#service(),
      ({ deployments = [] }) => deployments.length === 1 && deployments[0]?.rolloutState !== 'IN_PROGRESS',
    );
  }

  #recorded() {
    return readRelease(this.#context, this.#ledger());
  }

  #ledger() {
    return ledgerNames({ project: 'platform', environment: 'dev', service: this.#name });
  }

  #target(onFailure: ServiceRequest['onFailure'] = 'rollback') {
    return {
      cluster: CLUSTER,
      service: this.#name,
      wait: true,
      timeoutMs: 60_000,
      lockWaitMs: 60_000,
      onFailure,
      ledger: this.#ledger(),
      origin: { run: 'https://runs/1', actor: 'octocat', from: '' },
    };
  }

  /** The image of the next run. */
  #build(kind: 'good' | 'bad0' | 'bad1'): string {
    const run = this.#images.length + 1;
    const hex = kind === 'good' ? 'c' : kind;
    const digest = `${hex}${run.toString(16).padStart(64 - hex.length, '0')}`;
    const image = `registry.example.com/${this.#name}@sha256:${digest}`;
    this.#images.push(image);
    this.#model.built(image, run);
    return image;
  }

  #register(image: string): Promise<string> {
    const containerDefinitions = [{ name: this.#name, image, essential: true }];
    return this.#world.register({ family: this.#name, containerDefinitions });
  }
}

/** By the numbers of the runs alone: there is no GitHub. */
const judge: OrderJudge = (what, recorded, candidate) => {
  const older = compareOrder(recorded, candidate, 'unknown');
  return Promise.resolve(older ? { outdated: new OutdatedError(`older than what ${what} has`) } : {});
};

function sourceOf(runNumber: number): ReleaseSource {
  const workflow = '.github/workflows/pipeline.yml';
  const ref = 'refs/heads/main';
  return { repository: 'org/platform', workflow, ref, commit: '', runNumber, attempt: 1 };
}

/** Starts a sandbox, in which each history has a service of its own. */
async function historiesOf(): Promise<(index: number) => History> {
  const rules = [{ does: 'exit' as const, match: { image: '@sha256:bad' } }];
  const world = await EcsWorld.start({ timeScale: 50_000, scenario: { ecs: { rules } } });
  process.env['AWS_ENDPOINT_URL'] = world.sandbox.url;
  const own = directClient(ecs(world.sandbox.world)) as unknown as ECSClient;
  const parameters = directClient(ssm(world.sandbox.world)) as unknown as SSMClient;
  const clients = { ecs: () => Promise.resolve(own), ssm: () => Promise.resolve(parameters) };
  return (index) => {
    const context = { ...contextOf(), clock: quick };
    const { credentials } = world.client.config;
    const session = { ...createSession({ region: 'eu-west-1', context }), credentials };
    const all = { ...serviceContext(session, context, {}), ...clients };
    return new History(world, all, `service-${index}`, SEED + index);
  };
}

const FOUND: Operation[][] = [
  // The release that comes back has another revision of the same content: going there would change nothing.
  ['deploy', 'keep', 're-run', 'rollback'],
  ['by hand', 're-run', 'rollback', 'rollback'],
  ['deploy', 'deploy', 'rollback', 'rollback', 'rollback', 'deploy', 'rollback'],
  ['fail', 'keep', 'rollback', 'late, allowed', 'rollback'],
];

test.each(FOUND.map((operations) => ({ operations, name: operations.join(', ') })))(
  '$name',
  async ({ operations }) => {
    const historyOf = await historiesOf();
    expect(await historyOf(0).play(operations)).toEqual([]);
  },
);

test(`each rollback goes to what was good, in ${HISTORIES} histories of seed ${SEED}`, async () => {
  const wrong: string[] = [];
  for (let first = 0; first < HISTORIES && wrong.length === 0; first += A_WORLD) {
    const historyOf = await historiesOf();
    const indexes = Array.from({ length: Math.min(A_WORLD, HISTORIES - first) }, (_, index) => first + index);
    wrong.push(...(await pooled(indexes, AT_ONCE, (index) => historyOf(index).play())).flat());
  }
  expect(wrong).toEqual([]);
}, 600_000);
