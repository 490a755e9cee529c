import { errorText } from '../../aws/errors.ts';
import { digestIn } from '../../ecs/proof.ts';
import { pruneRevisions } from '../../ecs/revisions.ts';
import { describeService, loadBalancedContainer } from '../../ecs/service.ts';
import { mainContainer } from '../../ecs/task-definition-changes.ts';
import { familyOf } from '../../ecs/task-definition.ts';
import type { TaskDefinition } from '../../ecs/task-definition.ts';
import { recordRelease } from '../ledger.ts';
import type { ServiceContext } from './context.ts';
import type { Release } from './release.ts';
import type { ServiceRequest, ServiceTarget } from './request.ts';

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
