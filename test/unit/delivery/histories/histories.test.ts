import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  type ECSClient,
  RegisterTaskDefinitionCommand,
  type Service,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { ecs } from '../../../../sandbox/ecs/api/service.ts';
import { ssm } from '../../../../sandbox/ssm/service.ts';
import { Random, World } from '../../../../sandbox/world.ts';
import { ledgerNames, readRelease } from '../../../../src/delivery/ledger.ts';
import { compareOrder } from '../../../../src/delivery/order.ts';
import { type OrderJudge, OutdatedError } from '../../../../src/delivery/order-judge.ts';
import { releaseService } from '../../../../src/delivery/release/release-service.ts';
import type { ServiceContext, ServiceRequest } from '../../../../src/delivery/release/request.ts';
import type { ServiceResult } from '../../../../src/delivery/release/result.ts';
import { rollbackService } from '../../../../src/delivery/release/rollback-service.ts';
import type { ReleaseSource } from '../../../../src/delivery/source.ts';
import { VirtualClock } from '../../../support/model/virtual-clock.ts';
import { contextOf } from '../../images/registry/context.ts';
import { directClient } from './direct-client.ts';
import { HistoryModel } from './model.ts';

/** How many histories are played, from HISTORIES, and their seed, from SEED: by default one for each day, so that what fails can be repeated. */
const HISTORIES = Number(process.env['HISTORIES'] ?? 500);
const SEED = Number(process.env['SEED'] ?? Math.floor(Date.now() / 86_400_000));
const LONGEST = 6;
const CLUSTER = 'dev-platform';
const SERVICE = 'user-service';
/** A rollout takes less than a second then, so that few questions find it in progress. */
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
] as const;
type Operation = (typeof OPERATIONS)[number];

/**
 * A service with a ledger, to which one operation after the other happens. It has a sandbox of its own, which is called as
 * a function, and whose time is simulated, as the product's is: a release takes a few milliseconds of CPU.
 */
class History {
  readonly #clock = new VirtualClock();
  readonly #context: ServiceContext;
  readonly #ecs: ECSClient;
  readonly #random: Random;
  readonly #model = new HistoryModel();
  /** The images that were released, or deployed by hand. */
  readonly #served = new Set<string>();
  /** The images of the workflow's runs, in their order. */
  readonly #images: string[] = [];
  readonly #log: string[] = [];

  constructor(seed: number) {
    this.#random = new Random(seed);
    const rules = [{ does: 'exit' as const, match: { image: '@sha256:bad' } }];
    const world = new World({ timeScale: TIME_SCALE, timer: this.#clock, scenario: { ecs: { rules } } });
    this.#ecs = directClient(ecs(world)) as unknown as ECSClient;
    const parameters = directClient(ssm(world)) as unknown as SSMClient;
    const unused = (): never => {
      throw new Error('no history needs this service');
    };
    this.#context = {
      ...contextOf(),
      clock: this.#clock,
      region: 'eu-west-1',
      env: {},
      ecs: () => Promise.resolve(this.#ecs),
      ssm: () => Promise.resolve(parameters),
      elb: unused,
      logs: unused,
      ecr: unused,
      iam: unused,
      secretsManager: unused,
    };
  }

  /** @returns what went wrong, with all that happened before. */
  async play(operations = this.#draw()): Promise<string[]> {
    await this.#ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
    const create = new CreateServiceCommand({
      cluster: CLUSTER,
      serviceName: SERVICE,
      taskDefinition: await this.#register(this.#build('good')),
      desiredCount: 1,
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
      deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } },
    });
    await this.#ecs.send(create);
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
        const taskDefinition = await this.#register(image);
        await this.#ecs.send(
          new UpdateServiceCommand({ cluster: CLUSTER, service: SERVICE, taskDefinition }),
        );
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
    const { taskDefinition: found } = await this.#ecs.send(
      new DescribeTaskDefinitionCommand({ taskDefinition }),
    );
    return found?.containerDefinitions?.[0]?.image ?? '';
  }

  async #service(): Promise<Service> {
    const command = new DescribeServicesCommand({ cluster: CLUSTER, services: [SERVICE] });
    return (await this.#ecs.send(command)).services![0]!;
  }

  async #settled(): Promise<void> {
    for (;;) {
      const { deployments = [] } = await this.#service();
      if (deployments.length === 1 && deployments[0]?.rolloutState !== 'IN_PROGRESS') return;
      await this.#clock.sleep(100);
    }
  }

  #recorded() {
    return readRelease(this.#context, this.#ledger());
  }

  #ledger() {
    return ledgerNames({ project: 'platform', environment: 'dev', service: SERVICE });
  }

  #target(onFailure: ServiceRequest['onFailure'] = 'rollback') {
    return {
      cluster: CLUSTER,
      service: SERVICE,
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
    const image = `registry.example.com/${SERVICE}@sha256:${digest}`;
    this.#images.push(image);
    this.#model.built(image, run);
    return image;
  }

  async #register(image: string): Promise<string> {
    const command = new RegisterTaskDefinitionCommand({
      family: SERVICE,
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      cpu: '256',
      memory: '512',
      containerDefinitions: [{ name: SERVICE, image, essential: true }],
    });
    return (await this.#ecs.send(command)).taskDefinition!.taskDefinitionArn!;
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
    expect(await new History(0).play(operations)).toEqual([]);
  },
);

test(`each rollback goes to what was good, in ${HISTORIES} histories of seed ${SEED}`, async () => {
  for (let index = 0; index < HISTORIES; index++) {
    const seed = SEED + index;
    const wrong = await new History(seed).play();
    if (wrong.length > 0) throw new Error(`SEED=${seed} HISTORIES=1: ${wrong.join()}`);
  }
}, 300_000);
