import type { Service } from '@aws-sdk/client-ecs';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { outOf, plural } from '../../core/text.ts';
import {
  deploymentOf,
  findServiceDeployment,
  type FollowedDeployment,
  updateService,
} from '../../ecs/deployment.ts';
import { findService } from '../../ecs/find-service.ts';
import { digestIn, type ProvenTasks } from '../../ecs/proof.ts';
import {
  describeService,
  isSteady,
  primaryDeployment,
  requireDeployable,
  requireReplicas,
} from '../../ecs/service.ts';
import { factsOf, mainContainer } from '../../ecs/task-definition/changes.ts';
import { revisionName, type TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import { readRelease, recordRelease, sourceOfImage } from '../ledger.ts';
import { newerRevisionWarning, newestRevisionOf } from '../revision/newer-revision.ts';
import { registerRevision } from '../revision/register-revision.ts';
import { movedTags, type TargetRevision, targetRevision } from '../revision/target-revision.ts';
import { followDeployment, resultOfDeployment } from '../rollout/follow-deployment.ts';
import { parseReference } from '../../images/registry/reference.ts';
import { requireSignedImage } from '../../images/signature/verify.ts';
import { rollBackDeployment, runRelease } from './on-failure.ts';
import { runPreDeploy, skippedPreDeploy } from './pre-deploy.ts';
import { preflight } from './preflight.ts';
import { pruneRevisions } from './prune.ts';
import { proveRelease } from '../rollout/prove-release.ts';
import { endRefused, findRefusal, refuseRelease, withServiceLock } from './release-order.ts';
import type { Release } from './release.ts';
import type { RestartRequest, ServiceContext, ServiceRequest, ServiceTarget } from './request.ts';
import type { ServiceResult, SmokeTestResult } from './result.ts';
import { testDeployment } from '../rollout/smoke-test.ts';

/** Releases one service: checks, pre-deploy, rollout, smoke test, rollback, ledger. Never throws. */
export async function releaseService(
  context: ServiceContext,
  request: ServiceRequest,
): Promise<ServiceResult> {
  const refused = request.lockHeld === true ? undefined : await refuseRelease(context, request);
  if (refused) return refused;
  return await withServiceLock(context, request, async (locked) => {
    const result = await runRelease(locked, request, (inner, release) => deploy(inner, release, request));
    return await pruneRevisions(locked, request, result);
  });
}

/**
 * Replaces all tasks of a service with new tasks of the same revision, for example to read rotated secrets or to pull
 * a moved tag outside ECR. Waits for the service's lock like a release; the ledger keeps its release. Never throws.
 */
export async function restartService(
  context: ServiceContext,
  request: RestartRequest,
): Promise<ServiceResult> {
  return await releaseService(context, {
    ...request,
    source: { kind: 'current' },
    changes: { images: {}, environment: {}, secrets: {}, environmentMode: 'merge' },
    forceNewDeployment: true,
    isUnrecorded: true,
  });
}

async function deploy(
  context: ServiceContext,
  release: Release,
  request: ServiceRequest,
): Promise<ServiceResult> {
  const service = await findService(context, request);
  requireDeployable(service);
  if (request.desiredCount !== undefined) requireReplicas(service, request.desiredCount);
  const newest = request.source.kind === 'service' ? await newestRevisionOf(context, service) : undefined;
  const target = await targetRevision(context, service, request);
  logTarget(release, service, target);
  const { ledger, signer } = request;
  const image =
    (ledger ?? signer) &&
    mainContainer(target.definition, factsOf(service, request.service, request.container), 'image').image;
  const refusal = await findRefusal(context, release, request, ledger && image);
  if (refusal) return endRefused(release, refusal, 'Nothing was changed.');
  if (signer) await requireSignedImage(image ?? '', signer, context);
  const newer = await newerRevisionWarning(context, service, target, newest);
  if (newer !== undefined) release.warn(newer);
  release.report.findings = await preflight(context, service, target.definition, target.unpinned);
  const refused = release.endByFindings();
  if (refused) return refused;
  const moved = movedTags(request, service, target);
  const { desiredCount, forceNewDeployment = moved.length > 0 } = request;
  const resized = desiredCount !== undefined && desiredCount !== service.desiredCount;
  const isChange = target.arn !== service.taskDefinition || resized || forceNewDeployment;
  const arn = await registerRevision(context, release, target);
  const { preDeploy, timeoutMs } = request;
  if (preDeploy && (isChange || preDeploy.when === 'always')) {
    release.stage = 'pre-deploy';
    const { container } = request;
    const run = { taskDefinition: arn, definition: target.definition, container, timeoutMs };
    const ended = await runPreDeploy(context, release, service, preDeploy.command, run);
    if (!ended.ok) {
      const { run: failed, error } = ended;
      const reason = `The pre-deploy command ${failed.command} failed: ${ended.reason} The service was not changed.`;
      const end = { verdict: 'pre-deploy-failed', reason, preDeploy: failed } as const;
      return release.end({ ...end, ...(error && { error }) });
    }
  } else if (preDeploy) release.addNote(skippedPreDeploy(preDeploy));
  if (!isChange) return await confirm(context, release, request, service, target);
  // A rollback may have set a hold in the meantime, and a client without the lock may have released another image.
  const refusalNow = await findRefusal(context, release, request, image);
  if (refusalNow) return endRefused(release, refusalNow, 'The service was not changed.');
  if (moved.length > 0) {
    const tags = `${moved.join(' and ')} may have been moved since ${revisionName(arn)} was deployed`;
    release.logEvent(`${tags}. Starting a new deployment.`);
  }
  const deployment = await update(context, release, { ...request, forceNewDeployment }, service, arn);
  if (!deployment) {
    const now = await describeService(context, request);
    const other = revisionName(now.taskDefinition ?? '');
    const reason = `Another deployment (${other}) started before this one.`;
    return release.end({ verdict: 'superseded', reason });
  }
  if (!request.wait) return await endUnwatched(context, release, request, target.definition, arn);
  return await followAndRecord(context, release, request, {
    service,
    deployment,
    definition: target.definition,
    verdict: 'deployed',
  });
}

/**
 * Ends a release that is not waited for. It is recorded as not proven, so that an older run does not replace it, and
 * no promotion or rollback selects it.
 */
async function endUnwatched(
  context: ServiceContext,
  release: Release,
  request: ServiceRequest,
  definition: TaskDefinition,
  taskDefinition: string,
): Promise<ServiceResult> {
  release.stage = 'record';
  delete release.started.deployment;
  try {
    await recordInLedger(context, release, request, {
      definition,
      taskDefinition,
      digests: {},
      proven: false,
    });
  } catch (error) {
    if (!(error instanceof PlatformError) || error.code !== 'rollout-unproven') throw error;
    release.warn(`The release is not recorded: ${reasonOf(error)}. Fix: Pass the image by digest.`);
  }
  const name = revisionName(taskDefinition);
  const reason = `${name} is being deployed. The deployment is not verified because wait is false.`;
  return release.end({ verdict: 'deployed', reason, taskDefinition: name });
}

/** The service already has this task definition. A steady service is verified; a running deployment is followed. */
async function confirm(
  context: ServiceContext,
  release: Release,
  request: ServiceRequest,
  service: Service,
  { definition, previous }: TargetRevision,
): Promise<ServiceResult> {
  const { rolledOutOver } = request;
  const before = rolledOutOver ?? previousOf(service, previous.arn);
  const change = { taskDefinition: previous.arn, previous: before };
  const deployment = deploymentOf(service, request, change);
  if (!deployment) {
    const reason = 'The service has no primary deployment. Nothing was changed.';
    return release.end({ verdict: 'failed', reason });
  }
  if (isSteady(service)) {
    const verdict = rolledOutOver === undefined ? ('unchanged' as const) : ('deployed' as const);
    const steady = { service, deployment, definition, verdict };
    return await proveAndRecord(context, release, request, steady);
  }
  release.logEvent(`${revisionName(previous.arn)} is already being deployed. Following that deployment.`);
  release.started.deployment = deployment;
  await identify(context, release, service, deployment);
  return await followAndRecord(context, release, request, {
    service,
    deployment,
    definition,
    verdict: 'deployed',
  });
}

/** A deployment of the requested revision. */
interface Deployed {
  service: Service;
  deployment: FollowedDeployment;
  definition: TaskDefinition;
  verdict: 'deployed' | 'unchanged';
}

/** Follows the deployment, then verifies, tests and records it. */
async function followAndRecord(
  context: ServiceContext,
  release: Release,
  request: ServiceRequest,
  deployed: Deployed,
): Promise<ServiceResult> {
  const { service, deployment, definition } = deployed;
  release.stage = 'rollout';
  const { smokeTest: test, timeoutMs, onFailure } = request;
  const state = await followDeployment(context, release, deployment, {
    service,
    definition,
    timeoutMs,
    onFailure,
    ...(test && { smokeTest: test }),
  });
  const ended = await resultOfDeployment(context, release, request, { deployment, state, definition });
  return ended ?? (await proveAndRecord(context, release, request, deployed));
}

/** Verifies a complete deployment by its tasks, runs the smoke test, and records it in the ledger. */
async function proveAndRecord(
  context: ServiceContext,
  release: Release,
  request: ServiceRequest,
  { deployment, definition, verdict }: Deployed,
): Promise<ServiceResult> {
  const failedTest = release.report.smokeTest?.ok === false ? release.report.smokeTest : undefined;
  if (failedTest) return await endFailedTest(context, release, request, deployment, failedTest);
  release.stage = 'prove';
  const { taskDefinition } = deployment;
  const isNew = verdict === 'deployed';
  const proof = await proveRelease(context, release, request, { deployment, definition, isNew });
  if ('ended' in proof) return proof.ended;
  const { tasks, proven } = proof;
  const name = revisionName(taskDefinition);
  const serves = proven
    ? `${name} ${deployment.isRestart ? 'was restarted and serves' : 'serves'} with ${taskCount(tasks)}`
    : `${name} is deployed but not proven, because the desired count is 0`;
  release.logEvent(`${serves}.`);
  // Without a task there is nothing to test, and the release stays unproven.
  if (request.smokeTest && proven && isNew && !release.report.smokeTest) {
    release.stage = 'smoke-test';
    const tested = await testDeployment(context, release, request.smokeTest, deployment);
    if (!tested.ok) return await endFailedTest(context, release, request, deployment, tested);
  }
  release.stage = 'record';
  delete release.started.deployment;
  await recordInLedger(context, release, request, {
    definition,
    taskDefinition,
    digests: tasks.digests,
    proven: proven || (await wasProven(context, request, verdict)),
  });
  const already = proven
    ? `already serves with ${taskCount(tasks)}`
    : 'is already deployed, and the desired count is 0';
  const unchanged = `${name} ${already}. Nothing was changed. To restart its tasks, for example after a secret rotation, use update-service with command: restart.`;
  const reason = verdict === 'unchanged' ? unchanged : `${serves}.`;
  return release.end({ verdict, reason, taskDefinition: name });
}

/** Ends a complete deployment whose smoke test failed. */
async function endFailedTest(
  context: ServiceContext,
  release: Release,
  request: ServiceRequest,
  deployment: FollowedDeployment,
  smokeTest: SmokeTestResult,
): Promise<ServiceResult> {
  const back = await rollBackDeployment(context, release, request, deployment);
  const reason = `The smoke test failed: ${smokeTest.detail}. ${back}`;
  return release.end({ verdict: 'smoke-test-failed', reason, smokeTest });
}

function taskCount({ tasks, wanted }: ProvenTasks): string {
  return tasks < wanted ? outOf(tasks, wanted, 'task') : plural(tasks, 'task');
}

/** A service that was scaled to 0 after its release had served stays proven. */
async function wasProven(
  context: ServiceContext,
  { ledger }: ServiceRequest,
  verdict: Deployed['verdict'],
): Promise<boolean> {
  if (verdict !== 'unchanged' || !ledger) return false;
  return (await readRelease(context, ledger))?.proven === true;
}

function logTarget(release: Release, service: Service, { previous, changes }: TargetRevision): void {
  release.report.strategy = service.deploymentConfiguration?.strategy ?? 'ROLLING';
  release.report.previousTaskDefinition = revisionName(previous.arn);
  release.setTaskDefinition(previous.arn);
  release.report.changes = changes;
  if (changes.length === 0)
    release.logEvent(`The task definition is the same as ${revisionName(previous.arn)}.`);
  else release.logEvent(`The task definition differs from ${revisionName(previous.arn)}:`);
  for (const { path, before, after } of changes) {
    const line =
      before === undefined
        ? `+ ${path}: ${after ?? ''}`
        : after === undefined
          ? `- ${path}: ${before}`
          : `~ ${path}: ${before} → ${after}`;
    release.logEvent(`  ${line}`);
  }
}

/** Starts the deployment; undefined if another one started first. */
async function update(
  context: ServiceContext,
  release: Release,
  request: ServiceRequest,
  before: Service,
  taskDefinition: string,
): Promise<FollowedDeployment | undefined> {
  release.stage = 'update';
  const previous =
    before.taskDefinition === taskDefinition
      ? previousOf(before, taskDefinition)
      : (before.taskDefinition ?? '');
  const { desiredCount, forceNewDeployment, source } = request;
  const started: Release['started']['update'] = { taskDefinition, previous };
  release.started.update = started;
  const after = await updateService(context, request, {
    // A restart names no revision, so that it cannot undo a deployment that started in the meantime.
    ...(source.kind !== 'current' && { taskDefinition }),
    ...(desiredCount !== undefined && { desiredCount }),
    ...(forceNewDeployment && { forceNewDeployment }),
  });
  started.answered = true;
  const deployment = deploymentOf(after, request, { taskDefinition, previous });
  if (!deployment) return undefined;
  const isNew = deployment.id !== primaryDeployment(before)?.id;
  if (isNew && before.taskDefinition === taskDefinition) deployment.isRestart = true;
  release.started.deployment = deployment;
  release.report.deployment = deployment.id;
  if (isNew) await identify(context, release, after, deployment);
  release.logEvent(`Deployment ${release.report.deployment} of ${revisionName(taskDefinition)} started.`);
  return deployment;
}

/** Finds the service deployment, which has the most details. A finished one does not describe the current tasks. */
async function identify(
  context: ServiceContext,
  release: Release,
  service: Service,
  deployment: FollowedDeployment,
): Promise<void> {
  release.report.deployment = deployment.id;
  if (primaryDeployment(service)?.rolloutState === 'COMPLETED') return;
  const arn = await findServiceDeployment(context, deployment, service.currentServiceDeployment);
  if (arn === undefined) return;
  deployment.arn = arn;
  release.report.deployment = revisionName(arn);
}

/** The revision that a running deployment replaces. A failed one is never the target of a rollback. */
function previousOf({ deployments = [] }: Service, arn: string): string {
  const replaced = deployments.find(
    ({ taskDefinition, rolloutState }) => taskDefinition !== arn && rolloutState !== 'FAILED',
  );
  return replaced?.taskDefinition ?? arn;
}

/** A deployed revision, and how it was verified. */
interface ProvenRevision {
  definition: TaskDefinition;
  taskDefinition: string;
  digests: Readonly<Record<string, string>>;
  /** Whether a task was seen to run it. */
  proven: boolean;
}

/** Records a release in the ledger. */
async function recordInLedger(
  context: ServiceContext,
  release: Release,
  request: ServiceRequest,
  proven: ProvenRevision,
): Promise<void> {
  const { ledger } = request;
  if (!ledger || request.isUnrecorded === true) return;
  const image = await imageOf(context, request, proven);
  const at = new Date(context.clock.now()).toISOString();
  const { source = await sourceOfImage(context, ledger, image), ...origin } = request.origin;
  const older = release.allowedOlder && { allowOlder: true as const };
  const taskDefinition = revisionName(proven.taskDefinition);
  const proof = { at, proven: proven.proven, taskDefinition };
  const record = { ...source, ...origin, image, ...proof, ...older };
  await recordRelease(context, ledger, record);
  release.logEvent(`Recorded ${image} in the ledger ${ledger.image}.`);
}

/** The main container's image, by digest. */
async function imageOf(
  context: ServiceContext,
  target: ServiceTarget,
  { definition, digests }: ProvenRevision,
): Promise<string> {
  const service = await describeService(context, target);
  const { name, image } = mainContainer(
    definition,
    factsOf(service, target.service, target.container),
    'image',
  );
  if (digestIn(image) !== undefined) return image;
  const digest = digests[name];
  if (digest === undefined) {
    throw new PlatformError(
      'rollout-unproven',
      `the ledger needs a digest, but none is known for the image ${image}`,
    );
  }
  return `${parseReference(image)?.name ?? image}@${digest}`;
}
