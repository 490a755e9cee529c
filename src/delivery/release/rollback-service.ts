import type { Service } from '@aws-sdk/client-ecs';
import { AwsError } from '../../aws/errors.ts';
import { PlatformError } from '../../core/errors.ts';
import { capitalize, sentence, shortDigest } from '../../core/text.ts';
import { type ServedRevision, servedRevisions } from '../served-revisions.ts';
import { digestIn } from '../../ecs/proof.ts';
import { findService } from '../../ecs/find-service.ts';
import { requireEcsController } from '../../ecs/service.ts';
import { factsOf, mainContainer } from '../../ecs/task-definition/changes.ts';
import { taskDefinitionDiff } from '../../ecs/task-definition/diff.ts';
import { readTaskDefinition } from '../../ecs/task-definition/revisions.ts';
import { revisionName } from '../../ecs/task-definition/task-definition.ts';
import { readCurrentRelease } from '../current-release.ts';
import { type Release, releaseHistory } from '../ledger.ts';
import { revisionOfRelease } from '../release-revisions.ts';
import { type CurrentRelease, isSameImage, type PastRelease, rollbackTargets } from '../rollback-target.ts';
import { sourceOf } from '../source.ts';
import { runRelease } from './on-failure.ts';
import { releaseService } from './release-service.ts';
import type { RollbackRequest, ServiceContext } from './request.ts';
import type { ServiceResult } from './result.ts';

const NAME_IT = 'Deploy the version that should run, or name a revision with task-definition-arn.';

/**
 * Brings a service back to the release before the one that runs: by the ledger, without one by the service's successful
 * deployments. Never throws.
 */
export async function rollbackService(
  context: ServiceContext,
  request: RollbackRequest,
): Promise<ServiceResult> {
  return await runRelease(context, request, async (inner, release) => {
    const service = await findService(inner, request);
    requireEcsController(service);
    const current = await readCurrentRelease(inner, service);
    const target = await findTarget(inner, request, service, current);
    if ('message' in target) {
      const { message, fix = '' } = target;
      const reason = `${sentence(capitalize(message))} Nothing was changed. Fix: ${fix}`;
      return release.end({ verdict: 'failed', reason, error: { code: target.code, message, fix } });
    }
    const { revision, past } = target;
    const [from, to] = [revisionName(current.taskDefinition), revisionName(revision)];
    inner.log.info(from === to ? `${to} is on its way already.` : `Rolling back from ${from} to ${to}.`);
    return await releaseService(context, {
      ...request,
      origin: {
        ...request.origin,
        ...(past && { source: sourceOf(past), from: past.from }),
        ...(from !== to && request.givesUpCurrent !== false && { rolledBackFrom: current.image }),
      },
      source: { kind: 'revision', revision },
      changes: { images: {}, environment: {}, secrets: {}, environmentMode: 'merge' },
    });
  });
}

/** The revision to go back to, with its record where the ledger has one. */
interface Target {
  revision: string;
  past?: Release;
}
type Current = CurrentRelease & { taskDefinition: string };

/** @returns the target, or why there is none. */
async function findTarget(
  context: ServiceContext,
  { to, ledger, ...address }: RollbackRequest,
  service: Service,
  current: Current,
): Promise<Target | PlatformError> {
  if (to !== undefined) return { revision: to };
  if (!ledger) return await servedTarget(context, address, service, current);
  for (const past of rollbackTargets(await releaseHistory(context, ledger), current, 'revision')) {
    const revision = await revisionOfRelease(context, service, past, current);
    if (await isWayBack(context, current, past, revision)) return { revision, past };
  }
  const message = `the ledger ${ledger.release} has no good release before ${shortImage(current.image)}`;
  return new PlatformError('not-found', message, { fix: NAME_IT });
}

/** The revision of the last successful deployment before the current one. */
async function servedTarget(
  context: ServiceContext,
  address: Pick<RollbackRequest, 'cluster' | 'service'>,
  service: Service,
  current: Current,
): Promise<Target | PlatformError> {
  const served = await servedRevisions(context, address).catch((error: unknown) => {
    context.signal.throwIfAborted();
    throw unreadableHistory(error);
  });
  const { definition } = await readTaskDefinition(context, current.taskDefinition);
  const { name } = mainContainer(definition, factsOf(service, address.service), 'image');
  const history = served.map((one) => ({ taskDefinition: one.taskDefinition, image: imageIn(one, name) }));
  // ECS has resolved tags to digests there.
  const known = history.find(({ taskDefinition }) => taskDefinition === current.taskDefinition);
  const present = { ...current, ...known };
  for (const past of rollbackTargets(history, present, 'revision')) {
    const { taskDefinition: revision } = past;
    if (await isWayBack(context, present, past, revision)) return { revision };
  }
  const before = revisionName(current.taskDefinition);
  const message = `ECS has no successful deployment of ${address.service} before ${before} in its history of 90 days`;
  return new PlatformError('not-found', message, { fix: NAME_IT });
}

/** Another revision of the same image may be the same in all else too: going there would change nothing. */
async function isWayBack(
  context: ServiceContext,
  current: Current,
  { image }: PastRelease,
  revision: string,
): Promise<boolean> {
  if (current.state === 'incoming' || !isSameImage(image, current.image)) return true;
  const [now, then] = await Promise.all([
    readTaskDefinition(context, current.taskDefinition),
    readTaskDefinition(context, revision),
  ]);
  return taskDefinitionDiff(now.definition, then.definition).length > 0;
}

function unreadableHistory(error: unknown): unknown {
  if (!(error instanceof AwsError)) return error;
  const isDenied = error.kind === 'denied';
  const fix = isDenied
    ? 'Allow ecs:ListServiceDeployments and ecs:DescribeServiceRevisions, or name a revision with task-definition-arn.'
    : 'Name a revision with task-definition-arn, or give the ledger with parameter.';
  const message = `the service's deployments cannot be read, so none is known to have served: ${error.message}. ${fix}`;
  return new PlatformError(error.code, message, { fix, cause: error });
}

function imageIn({ images }: ServedRevision, container: string): string {
  return images[container] ?? Object.values(images).join(' ');
}

function shortImage(image: string): string {
  const digest = digestIn(image);
  return digest === undefined ? image : shortDigest(digest);
}
