import type { Service } from '@aws-sdk/client-ecs';
import { AwsError } from '../../aws/errors.ts';
import { PlatformError } from '../../core/errors.ts';
import { capitalize, plural, sentence, shortDigest } from '../../core/text.ts';
import { type ServedRevision, servedRevisions } from '../served-revisions.ts';
import { digestIn } from '../../ecs/proof.ts';
import { findService } from '../../ecs/find-service.ts';
import { requireDeployable } from '../../ecs/service.ts';
import { factsOf, mainContainer } from '../../ecs/task-definition/changes.ts';
import { taskDefinitionDiff } from '../../ecs/task-definition/diff.ts';
import { readTaskDefinition } from '../../ecs/task-definition/revisions.ts';
import { revisionName } from '../../ecs/task-definition/task-definition.ts';
import { readCurrentRelease } from '../current-release.ts';
import { type LedgerNames, type Release, releaseHistory } from '../ledger.ts';
import { revisionOfRelease } from '../release-revisions.ts';
import {
  chooseCandidate,
  type CurrentRelease,
  isFirstRelease,
  isSameImage,
  listCandidates,
  type PastRelease,
  rollbackCandidates,
  type RollbackChoice,
} from '../rollback-target.ts';
import { sourceOf } from '../source.ts';
import { runRelease } from './on-failure.ts';
import { withServiceLock } from './release-order.ts';
import { releaseService } from './release-service.ts';
import type { Release as ReleaseInProgress } from './release.ts';
import type { RollbackRequest, ServiceContext } from './request.ts';
import type { ServiceResult } from './result.ts';

const PREVIOUS: RollbackChoice = { steps: 1 };
const CHOOSE_REVISION =
  'Deploy the version that should run, or run update-service with the task-definition-arn of a revision.';

/**
 * Rolls a service back to the release before the current one, according to the ledger. Without a ledger, or from the
 * first image in it, the service's successful deployments decide. Never throws.
 *
 * The current release and the target are determined when the rollback is requested, and checked again under the
 * service's lock: the holder, which is requested to stop, may have changed the service in between.
 */
export async function rollbackService(
  context: ServiceContext,
  request: RollbackRequest,
): Promise<ServiceResult> {
  let decided: Decision | undefined;
  const refused = await runRelease(context, request, async (inner, release) => {
    const decision = await decide(inner, request);
    if (decision instanceof PlatformError) return endWithoutTarget(release, decision);
    decided = decision;
    return undefined;
  });
  if (refused ?? !decided) return refused as ServiceResult;
  const before = decided;
  return await withServiceLock(context, request, (locked) => rollBackLocked(locked, request, before));
}

/** The revision to roll back to, with its record if the ledger has one. */
interface Target {
  revision: string;
  past?: PastRelease | Release;
}
/** A release of the history. Its revision is looked up on demand, because it may no longer exist. */
interface Candidate {
  past: PastRelease | Release;
  revision: () => Promise<string>;
}
type Current = CurrentRelease & { taskDefinition: string };

/** The current release and the target of a rollback. */
interface Decision {
  current: Current;
  target: Target;
}

function endWithoutTarget(
  release: ReleaseInProgress,
  { code, message, fix = '' }: PlatformError,
): ServiceResult {
  const reason = `${sentence(capitalize(message))} Nothing was changed. Fix: ${fix}`;
  return release.end({ verdict: 'failed', reason, error: { code, message, fix } });
}

async function rollBackLocked(
  context: ServiceContext,
  request: RollbackRequest,
  before: Decision,
): Promise<ServiceResult> {
  let decided: Decision | undefined;
  const refused = await runRelease(context, request, async (inner, release) => {
    const decision = await decideAgain(inner, request, before);
    if (typeof decision === 'string') return release.end({ verdict: 'superseded', reason: decision });
    decided = decision;
    return undefined;
  });
  if (refused ?? !decided) return refused as ServiceResult;
  const {
    current,
    target: { revision, past },
  } = decided;
  const [from, to] = [revisionName(current.taskDefinition), revisionName(revision)];
  context.log.info(from === to ? `${to} is already being deployed.` : `Rolling back from ${from} to ${to}.`);
  return await releaseService(context, {
    ...request,
    origin: {
      ...request.origin,
      ...(past && 'commit' in past && { source: sourceOf(past), from: past.from }),
      ...(from !== to && request.marksRolledBack !== false && { rolledBackFrom: current.image }),
    },
    source: { kind: 'revision', revision },
    changes: { images: {}, environment: {}, secrets: {}, environmentMode: 'merge' },
    lockHeld: true,
  });
}

async function decide(context: ServiceContext, request: RollbackRequest): Promise<Decision | PlatformError> {
  const { service, current } = await readCurrent(context, request);
  if (request.to !== undefined) return { current, target: { revision: request.to } };
  const { choice = PREVIOUS } = request;
  const seen: PastRelease[] = [];
  for await (const { past, revision } of findCandidates(context, request, service, current)) {
    seen.push(past);
    if (chooseCandidate(seen, choice) === past)
      return { current, target: { revision: await revision(), past } };
  }
  return seen.length === 0 ? noTarget(request, current) : noSuchTarget(service.serviceName, choice, seen);
}

function noSuchTarget(
  service = '',
  choice: RollbackChoice,
  candidates: readonly PastRelease[],
): PlatformError {
  const message =
    'steps' in choice
      ? `the history of ${service} has only ${plural(candidates.length, 'good release')} before the current one, but steps is ${choice.steps}`
      : `no good release of ${service} before the current one has the image ${choice.digest}`;
  return new PlatformError('not-found', message, { fix: `Choose one of ${listCandidates(candidates)}.` });
}

async function readCurrent(
  context: ServiceContext,
  request: RollbackRequest,
): Promise<{ service: Service; current: Current }> {
  const service = await findService(context, request);
  requireDeployable(service);
  return { service, current: await readCurrentRelease(context, service, request.container) };
}

/**
 * Confirms the decision if its target is still a rollback from the current release. A rollback never continues to an
 * even earlier release because the run that it stopped, or another rollback, has already restored the target.
 *
 * @returns the decision with the current release, or a sentence that explains why there is none.
 */
async function decideAgain(
  context: ServiceContext,
  request: RollbackRequest,
  before: Decision,
): Promise<Decision | string> {
  const { service, current } = await readCurrent(context, request);
  const { target } = before;
  const to = revisionName(target.revision);
  if (request.to !== undefined) return { current, target };
  const now = revisionName(current.taskDefinition);
  if (now === to || now === revisionName(before.current.taskDefinition)) return before;
  for await (const { revision } of findCandidates(context, request, service, current)) {
    if (revisionName(await revision()) === to) return { current, target };
    // The incoming release may already be the rollback, unless an earlier release was requested.
    if (current.state === 'incoming' && request.choice === undefined) break;
  }
  return `${request.service} changed while the rollback waited for its lock: it now runs ${now}, and ${to} is not an earlier release. Nothing was changed. Fix: Run the rollback again to roll back from ${now}.`;
}

/** The releases that the service can be rolled back to, the nearest first. */
function findCandidates(
  context: ServiceContext,
  request: RollbackRequest,
  service: Service,
  current: Current,
): AsyncGenerator<Candidate> {
  const { ledger } = request;
  return ledger
    ? recordedCandidates(context, { ...request, ledger }, service, current)
    : servedCandidates(context, request, service, current);
}

/** Releases before the ledger's first image are among ECS's successful deployments. */
async function* recordedCandidates(
  context: ServiceContext,
  request: RollbackRequest & { ledger: LedgerNames },
  service: Service,
  current: Current,
): AsyncGenerator<Candidate> {
  const { ledger, container } = request;
  const history = await releaseHistory(context, ledger);
  const recorded = rollbackCandidates(history, current, 'revision');
  if (recorded.length === 0 && isFirstRelease(history)) {
    yield* servedCandidates(context, request, service, current);
    return;
  }
  for (const past of recorded) {
    const revision = () => revisionOfRelease(context, { service, container }, past, current);
    if (await changesService(context, current, past, revision)) yield { past, revision };
  }
}

function noTarget({ ledger, service }: RollbackRequest, current: Current): PlatformError {
  const message = ledger
    ? `the ledger ${ledger.release} has no good release before ${shortImage(current.image)}`
    : `ECS has no successful deployment of ${service} before ${revisionName(current.taskDefinition)} in its 90-day history`;
  return new PlatformError('not-found', message, { fix: CHOOSE_REVISION });
}

/** The revisions of the successful deployments before the current one. */
async function* servedCandidates(
  context: ServiceContext,
  address: Pick<RollbackRequest, 'cluster' | 'service' | 'container'>,
  service: Service,
  current: Current,
): AsyncGenerator<Candidate> {
  const served = await servedRevisions(context, address).catch((error: unknown) => {
    context.signal.throwIfAborted();
    throw unreadableHistory(error);
  });
  const { definition } = await readTaskDefinition(context, current.taskDefinition);
  const { name } = mainContainer(definition, factsOf(service, address.service, address.container), 'image');
  const history = served.map((one) => ({ taskDefinition: one.taskDefinition, image: imageIn(one, name) }));
  // In its deployments, ECS has resolved tags to digests.
  const known = history.find(({ taskDefinition }) => taskDefinition === current.taskDefinition);
  const resolved = { ...current, ...known };
  for (const past of rollbackCandidates(history, resolved, 'revision')) {
    const revision = () => Promise.resolve(past.taskDefinition);
    if (await changesService(context, resolved, past, revision)) yield { past, revision };
  }
}

/** Whether a rollback to a candidate changes the service. Another revision of the same image may be identical. */
async function changesService(
  context: ServiceContext,
  current: Current,
  { image }: PastRelease,
  revision: Candidate['revision'],
): Promise<boolean> {
  if (current.state === 'incoming' || !isSameImage(image, current.image)) return true;
  const [now, then] = await Promise.all([
    readTaskDefinition(context, current.taskDefinition),
    readTaskDefinition(context, await revision()),
  ]);
  return taskDefinitionDiff(now.definition, then.definition).length > 0;
}

function unreadableHistory(error: unknown): unknown {
  if (!(error instanceof AwsError)) return error;
  const isDenied = error.kind === 'denied';
  const fix = isDenied
    ? 'Allow ecs:ListServiceDeployments and ecs:DescribeServiceRevisions, or run update-service with the task-definition-arn of a revision.'
    : 'Run update-service with the task-definition-arn of a revision, or with the ledger in parameter.';
  const message = `cannot read the service's deployments, so no earlier release is known: ${error.message}. ${fix}`;
  return new PlatformError(error.code, message, { fix, cause: error });
}

function imageIn({ images }: ServedRevision, container: string): string {
  return images[container] ?? Object.values(images).join(' ');
}

function shortImage(image: string): string {
  const digest = digestIn(image);
  return digest === undefined ? image : shortDigest(digest);
}
