import { classify, isRefusal } from '../../aws/errors.ts';
import { isStopSignal, stopSignal, type UnstoppedWork } from '../../core/cancellation.ts';
import { withTimeLimit } from '../../core/concurrency.ts';
import {
  CancelledError,
  errorInfo,
  InputError,
  PlatformError,
  reasonOf,
  stackOf,
  TimeoutError,
} from '../../core/errors.ts';
import { capitalize, sentence } from '../../core/text.ts';
import {
  deploymentOf,
  type FollowedDeployment,
  stopDeployment,
  updateService,
} from '../../ecs/deployment.ts';
import { stopTasks } from '../../ecs/one-off/one-off-task.ts';
import { isEnd, readRollout, watchRollout } from '../../ecs/rollout.ts';
import { describeService, primaryDeployment, ServiceError } from '../../ecs/service.ts';
import { TaskFailures } from '../../ecs/task-failures.ts';
import { readTaskDefinition } from '../../ecs/task-definition/revisions.ts';
import { revisionName } from '../../ecs/task-definition/task-definition.ts';
import { answerHookOfRollback } from '../rollout/pause-hook.ts';
import { explainFailure, Release } from './release.ts';
import type { ServiceContext, ServiceTarget } from './request.ts';
import type { ServiceEnd, ServiceResult } from './result.ts';

/** Time limit of the stop calls. A cancelled job has less and aborts them itself. */
const CANCEL_MS = 20_000;
/** Time limit of a rollback, which starts when the release's own time is up. */
const ROLLBACK_MS = 15 * 60_000;

/**
 * Runs a command on a service within its time limit. If it is cancelled, times out or fails, everything that it
 * started on AWS is stopped, rolled back or kept, according to `on-failure`. Never throws.
 */
export async function runRelease<T extends ServiceResult | undefined>(
  context: ServiceContext,
  target: ServiceTarget,
  work: (context: ServiceContext, release: Release) => Promise<T>,
): Promise<T | ServiceResult> {
  const release = new Release(context, target);
  const { what = `the release of ${target.service}`, timeoutMs } = target;
  try {
    return await withTimeLimit(context, { what, timeoutMs }, (signal) =>
      work({ ...context, signal }, release),
    );
  } catch (error) {
    context.log.debug(stackOf(error));
    const remains = await stopStarted(context, release, target, error);
    return release.end(failedEnd(error, `${failureReason(release, error)} ${remains}`));
  }
}

function failedEnd(cause: unknown, reason: string): ServiceEnd {
  const error = errorInfo(cause);
  if (cause instanceof CancelledError) return { verdict: 'cancelled', reason, error };
  return { verdict: cause instanceof TimeoutError ? 'timed-out' : 'failed', reason, error };
}

function failureReason({ report, stage }: Release, error: unknown): string {
  const isOver = error instanceof CancelledError || error instanceof TimeoutError;
  const named = error instanceof InputError || error instanceof ServiceError;
  const text = named ? error.message : capitalize(reasonOf(error));
  if (!isOver && !named && stage === 'record') {
    return sentence(`ECS accepted the new revision, but the ledger could not be written: ${reasonOf(error)}`);
  }
  const cause = error instanceof TimeoutError ? report.failure?.cause : undefined;
  return cause === undefined ? sentence(text) : `${sentence(text)} ${sentence(cause)}`;
}

/**
 * Ends what a release has started: a one-off task is stopped; a deployment is rolled back, stopped or kept. Never
 * throws. A cancelled job calls ECS without waiting; otherwise the rollback is followed until it completes.
 *
 * @returns a sentence that describes the resulting state of the service.
 */
async function stopStarted(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  cause: unknown,
): Promise<string> {
  // If the environment's time limit or lock ended the job, its signal aborts every call too.
  const cancelled = cause instanceof CancelledError || context.signal.aborted;
  const signal = cancelled ? stopSignal(CANCEL_MS) : context.signal;
  const inner = { ...context, signal };
  try {
    if (release.stage === 'record') return 'The service keeps the new revision.';
    if (cause instanceof PlatformError && cause.code === 'credentials-expired')
      return continuesOnAws(release, cause);
    const { oneOff, update } = release.started;
    if (oneOff) {
      const stopped = await orUnstopped(context, cancelled && taskCommand(context, oneOff), async () => {
        const tasks = await stopTasks(inner, oneOff);
        return tasks.length === 0 ? 'Its task was not started.' : `Stopped its task ${tasks.join(', ')}.`;
      });
      return `${stopped}${unchangedService(release)}${registered(release)}`;
    }
    const notStarted = `The deployment had not started.${registered(release)}`;
    if (update && !update.answered && isRefusal(cause)) return notStarted;
    const known = release.started.deployment;
    if (!known && !update) return unchangedState(release, cause);
    const unstopped = cancelled && rolloutCommand(context, target, { ...update, ...known });
    return await orUnstopped(context, unstopped, async () => {
      // The response of UpdateService may be lost; the service shows whether it has our deployment.
      const deployment =
        known?.arn !== undefined || !update ? known : await findStarted(inner, target, update);
      return deployment ? await endDeployment(inner, release, target, deployment, cancelled) : notStarted;
    });
  } catch (error) {
    const { rollback } = release.report;
    if (rollback?.state === 'in progress' && context.signal.aborted) {
      return `The rollback to ${rollback.to} continues on AWS.`;
    }
    const where = release.changesService ? `service ${target.service}` : `tasks of cluster ${target.cluster}`;
    return `The running operation could not be stopped (${reasonOf(error)}). Check the ${where}.`;
  }
}

/** Stops an operation. In a cancelled job, one that is not stopped in time is listed with the command that stops it. */
async function orUnstopped(
  { unstopped }: ServiceContext,
  work: UnstoppedWork | false,
  stop: () => Promise<string>,
): Promise<string> {
  return work ? await unstopped.during(work, stop) : await stop();
}

function taskCommand(
  { region }: ServiceContext,
  { cluster, startedBy }: { cluster: string; startedBy: string },
): UnstoppedWork {
  const at = `--cluster ${cluster} --region ${region}`;
  const task = `"$(aws ecs list-tasks ${at} --started-by ${startedBy} --query 'taskArns[0]' --output text)"`;
  return { what: `The task of the command on ${cluster}`, command: `aws ecs stop-task ${at} --task ${task}` };
}

function rolloutCommand(
  { region }: ServiceContext,
  { cluster, service, onFailure }: ServiceTarget,
  { arn, previous = '' }: { arn?: string; previous?: string },
): UnstoppedWork {
  const what = `The rollout of ${service}`;
  const stopType = onFailure === 'stop' ? 'ABORT' : 'ROLLBACK';
  if (arn === undefined) {
    const to = `--task-definition ${revisionName(previous)}`;
    const command = `aws ecs update-service --cluster ${cluster} --service ${service} ${to} --region ${region}`;
    return { what, command };
  }
  // Account IDs must not be shown.
  const shown = arn.replace(
    /(?<=:)\d{12}(?=:)/,
    '$(aws sts get-caller-identity --query Account --output text)',
  );
  const command = `aws ecs stop-service-deployment --service-deployment-arn "${shown}" --stop-type ${stopType} --region ${region}`;
  return { what, command };
}

/** The operation continues, because the credentials to stop it are gone. */
function continuesOnAws(release: Release, cause: PlatformError): string {
  const { fix = '' } = cause;
  const { oneOff, update, deployment } = release.started;
  const name = release.report.taskDefinition ?? 'the revision';
  const what = oneOff
    ? `The task of the command continues on AWS.${unchangedService(release)}`
    : deployment
      ? `The deployment of ${name} continues on AWS. Check the service before you deploy again.`
      : update
        ? `The deployment of ${name} may have started. If so, it continues on AWS. Check the service before you deploy again.`
        : unchangedState(release, cause);
  return `${what} ${fix}`.trim();
}

function unchangedService({ changesService }: Release): string {
  return changesService ? ' The service was not changed.' : '';
}

function registered({ started, report }: Release): string {
  return started.registration === 'done' ? ` ${report.taskDefinition ?? 'The revision'} is registered.` : '';
}

/** The state after a release that had not started to change the service. */
function unchangedState(release: Release, cause: unknown): string {
  switch (release.started.registration) {
    case 'done':
      return `${unchangedService(release)}${registered(release)}`.trim();
    case 'sent':
      // AWS may have registered it although the response was lost, or the job did not wait for it.
      return isRefusal(cause)
        ? 'Nothing was changed.'
        : `${unchangedService(release)} The revision may be registered.`.trim();
    default:
      return release.stage === 'pre-deploy' ? 'The service was not changed.' : 'Nothing was changed.';
  }
}

/** The deployment that our UpdateService call started, from the service; undefined if there is none. */
async function findStarted(
  context: ServiceContext,
  target: ServiceTarget,
  update: { taskDefinition: string; previous: string },
): Promise<FollowedDeployment | undefined> {
  const service = await describeService(context, target);
  const found = deploymentOf(service, target, update);
  const arn = service.currentServiceDeployment;
  return found && { ...found, ...(arn !== undefined && { arn }) };
}

async function endDeployment(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  deployment: FollowedDeployment,
  cancelled: boolean,
): Promise<string> {
  const name = revisionName(deployment.taskDefinition);
  const { onFailure } = target;
  if (onFailure === 'keep') return `The deployment of ${name} continues on AWS because on-failure is keep.`;
  if (!cancelled && !release.report.failure) {
    const { definition } = await readTaskDefinition(context, deployment.taskDefinition);
    await explainFailure(context, release, deployment, definition);
  }
  if (onFailure === 'stop') return await abortDeployment(context, deployment, name);
  const started = await startRollback(context, deployment);
  const to = revisionName(deployment.previous);
  release.report.rollback = { to, state: 'in progress' };
  if (typeof started === 'string') return started;
  if (cancelled) return `Requested a rollback to ${to}; it continues on AWS.`;
  return await followRollback(context, release, started, to);
}

/**
 * Ends a deployment that has failed but continues on AWS, according to `on-failure`, and follows a rollback until it
 * completes.
 *
 * @returns a sentence that describes the resulting state of the service.
 */
export async function endStarted(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  deployment: FollowedDeployment,
): Promise<string> {
  return await endDeployment(context, release, target, deployment, false);
}

async function abortDeployment(
  context: ServiceContext,
  deployment: FollowedDeployment,
  name: string,
): Promise<string> {
  try {
    const stopped = await stopDeployment(context, deployment, 'ABORT');
    if (stopped === 'unsupported') {
      return `This endpoint cannot stop deployments; the deployment of ${name} continues.`;
    }
    return `Stopped the deployment of ${name}. The service may run both revisions.`;
  } catch (error) {
    return await describeEnded(context, deployment, error);
  }
}

/** Starts the rollback of a deployment. Returns a sentence if there is no rollback to follow. */
async function startRollback(
  context: ServiceContext,
  deployment: FollowedDeployment,
): Promise<FollowedDeployment | string> {
  const { isRestart, previous, taskDefinition } = deployment;
  if (previous === taskDefinition && !isRestart) return 'There is no previous revision to roll back to.';
  // A cancelled job has no time to read the state first. ECS refuses to stop a finished deployment; then it is read.
  const state = isStopSignal(context.signal)
    ? undefined
    : await readRollout(context, deployment).catch(() => undefined);
  if (state?.phase === 'rolling-back') return deployment;
  if (state && isEnd(state.phase) && state.phase !== 'complete' && state.phase !== 'failed') {
    return await describeEnded(context, deployment, undefined);
  }
  if (state?.phase === 'complete' || state?.phase === 'failed' || deployment.arn === undefined) {
    return isRestart ? keepsRevision(deployment) : await deployPrevious(context, deployment);
  }
  try {
    await stopDeployment(context, deployment, 'ROLLBACK');
    return deployment;
  } catch (error) {
    if (!['validation', 'conflict', 'not-found'].includes(classify(error))) throw error;
    // It finished in the meantime.
    const now = await readRollout(context, deployment);
    if (now.phase === 'rolling-back') return deployment;
    if (now.phase === 'complete' || now.phase === 'failed') {
      return isRestart ? keepsRevision(deployment) : await deployPrevious(context, deployment);
    }
    return await describeEnded(context, deployment, error);
  }
}

function keepsRevision({ taskDefinition }: FollowedDeployment): string {
  return `The service keeps ${revisionName(taskDefinition)}, which it ran before the restart.`;
}

/** Deploys the previous revision. */
async function deployPrevious(
  context: ServiceContext,
  deployment: FollowedDeployment,
): Promise<FollowedDeployment> {
  const { previous, taskDefinition } = deployment;
  const service = await updateService(context, deployment, { taskDefinition: previous });
  const back = deploymentOf(service, deployment, { taskDefinition: previous, previous: taskDefinition });
  if (!back) {
    throw new PlatformError('conflict', `the service did not return to ${revisionName(previous)}`);
  }
  const arn = service.currentServiceDeployment;
  return { ...back, ...(arn !== undefined && arn !== deployment.arn && { arn }) };
}

async function describeEnded(
  context: ServiceContext,
  deployment: FollowedDeployment,
  error: unknown,
): Promise<string> {
  const service = await describeService(context, deployment);
  const now = revisionName(primaryDeployment(service)?.taskDefinition ?? '');
  const why = error === undefined ? '' : ` (${reasonOf(error)})`;
  return `The deployment had already finished${why}. The service is deploying or running ${now}.`;
}

/**
 * Rolls back a finished deployment, if `on-failure` is `rollback`, and follows the rollback until it completes.
 *
 * @returns a sentence that describes the resulting state of the service.
 */
export async function rollBackDeployment(
  context: ServiceContext,
  release: Release,
  { onFailure }: ServiceTarget,
  deployment: FollowedDeployment,
): Promise<string> {
  const name = revisionName(deployment.taskDefinition);
  if (onFailure !== 'rollback') return `The service keeps ${name} because on-failure is ${onFailure}.`;
  const to = revisionName(deployment.previous);
  if (deployment.previous === deployment.taskDefinition)
    return `There is no revision before ${name} to roll back to.`;
  release.logEvent(`Rolling back to ${to}.`);
  release.report.rollback = { to, state: 'in progress' };
  return await followRollback(context, release, await deployPrevious(context, deployment), to);
}

async function followRollback(
  context: ServiceContext,
  release: Release,
  rollback: FollowedDeployment,
  to: string,
): Promise<string> {
  const deadlineMs = context.clock.now() + ROLLBACK_MS;
  const { definition } = await readTaskDefinition(context, rollback.taskDefinition);
  const state = await watchRollout(context, rollback, {
    timeoutMs: ROLLBACK_MS,
    failures: new TaskFailures(context, rollback, definition),
    observer: {
      onLine: (line) => {
        release.logEvent(line);
      },
      onFailing: () => Promise.resolve(),
      onPaused: (pause, ended) =>
        answerHookOfRollback(
          { ...context, signal: AbortSignal.any([context.signal, ended]) },
          release,
          rollback,
          { pause, isTested: release.isTested, deadlineMs },
        ),
      countTargets: () => Promise.resolve(undefined),
    },
  });
  const done = state.phase === 'complete' || state.phase === 'rolled-back';
  release.report.rollback = {
    to,
    state: done ? 'complete' : 'failed',
    ...(state.reason !== undefined && { reason: state.reason }),
  };
  return done
    ? `The service was rolled back to ${to}.`
    : `The rollback to ${to} failed. Check the service immediately.`;
}
