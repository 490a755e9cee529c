import { errorText } from '../../aws/errors.ts';
import type { OurDeployment } from '../../ecs/deployment.ts';
import { digestIn } from '../../ecs/proof.ts';
import { describeService, loadBalancedContainer, type ServiceAddress } from '../../ecs/service.ts';
import { mainContainer } from '../../ecs/task-definition/changes.ts';
import { pruneRevisions } from '../../ecs/task-definition/revisions.ts';
import { familyOf, type TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import { type RolloutReport, SERVICE_VERDICTS, type ServiceEnd, type ServiceResult } from './result.ts';
import { recordRelease } from '../ledger.ts';
import type { ServiceContext, ServiceRequest, ServiceTarget } from './request.ts';

/** The parts of a release, in their order. */
export type Stage =
  'check' | 'register' | 'pre-deploy' | 'update' | 'rollout' | 'prove' | 'smoke-test' | 'record';

/** What is under way at AWS, and would go on without us. */
export interface Begun {
  /** The tasks of pre-deploy. */
  preDeploy?: { cluster: string; startedBy: string };
  /** UpdateService was sent, and its answer may not have come. */
  update?: { taskDefinition: string; previous: string };
  deployment?: OurDeployment;
}

/** One release under way: enough to tell, wherever it ends, what was done and what was not. */
export class Release {
  stage: Stage = 'check';
  readonly report: RolloutReport;
  readonly begun: Begun = {};
  readonly #context: ServiceContext;
  readonly #startedAt: number;

  constructor(context: ServiceContext, { cluster, service }: ServiceAddress) {
    this.#context = context;
    this.#startedAt = context.clock.now();
    this.report = {
      cluster,
      service,
      region: context.region,
      digests: {},
      changes: [],
      findings: [],
      timeline: [],
      durationMs: 0,
      notes: [],
    };
  }

  /** Something that happened: in the log now, and in the timeline. */
  say(text: string): void {
    this.#context.log.info(text);
    this.report.timeline.push({ at: this.#context.clock.now(), text });
  }

  /** Something worth knowing: in the log now, and in the summary. */
  note(text: string): void {
    this.#context.log.info(text);
    this.report.notes.push(text);
  }

  /** How it ended. */
  end(end: ServiceEnd): ServiceResult {
    this.report.durationMs = this.#context.clock.now() - this.#startedAt;
    return { ...this.report, ...end, ok: SERVICE_VERDICTS[end.verdict].ok };
  }
}

/** What serves, proven. */
interface Good {
  definition: TaskDefinition;
  taskDefinition: string;
  digests: Readonly<Record<string, string>>;
}

/** Writes a release that is good to the ledger, and deregisters old revisions. */
export async function record(
  context: ServiceContext,
  release: Release,
  request: ServiceTarget & Pick<ServiceRequest, 'keepRevisions'>,
  good: Good,
): Promise<void> {
  if (request.ledger) {
    const image = await imageOf(context, request, good);
    const at = new Date(context.clock.now()).toISOString();
    await recordRelease(context, request.ledger, { image, ...request.origin, at });
    release.say(`The ledger ${request.ledger.image} has ${image}.`);
  }
  if (request.keepRevisions === undefined) return;
  try {
    await prune(context, release, request, request.keepRevisions, good);
  } catch (error) {
    context.signal.throwIfAborted();
    release.note(`Old revisions could not be deregistered: ${errorText(error)}`);
  }
}

/** The main container's image, by digest. */
async function imageOf(
  context: ServiceContext,
  target: ServiceTarget,
  { definition, digests }: Good,
): Promise<string> {
  const loadBalanced = loadBalancedContainer(await describeService(context, target));
  const facts = { service: target.service, ...(loadBalanced !== undefined && { loadBalanced }) };
  const { name, image } = mainContainer(definition, facts, 'image');
  if (digestIn(image) !== undefined) return image;
  const digest = digests[name];
  if (digest === undefined) throw new Error(`the image ${image} has no digest that the ledger could keep`);
  return `${image.replace(/:[^:/]+$/, '')}@${digest}`;
}

async function prune(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  keep: number,
  { taskDefinition }: Good,
): Promise<void> {
  const { deployments = [] } = await describeService(context, target);
  const inUse = new Set([taskDefinition, ...deployments.map((one) => one.taskDefinition ?? '')]);
  const gone = await pruneRevisions(context, familyOf(taskDefinition), { keep, inUse });
  if (gone.length > 0) release.note(`${gone.length} old revisions were deregistered.`);
}
