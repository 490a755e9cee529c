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
import { deploymentOf, type OurDeployment, stopDeployment, updateService } from '../../ecs/deployment.ts';
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

/** A cancelled job has less time, and ends the calls by itself. */
const CANCEL_MS = 20_000;
/** Limit of a rollback, which starts when the time of the release is over. */
const ROLLBACK_MS = 15 * 60_000;

/**
 * Runs a command on a service within its time limit. When it is cancelled, times out or fails, what it started on AWS
 * is stopped, rolled back or kept, as `on-failure` says. Never throws.
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
    return sentence(
      `ECS has accepted the new revision, but the ledger could not be written: ${reasonOf(error)}`,
    );
  }
  const cause = error instanceof TimeoutError ? report.failure?.cause : undefined;
  return cause === undefined ? sentence(text) : `${sentence(text)} ${sentence(cause)}`;
}

/**
 * Ends what a release has started: a one-off task is stopped, a deployment is rolled back, stopped or kept. Never
 * throws. A cancelled job calls ECS and does not wait; otherwise the rollback is followed to its end.
 *
 * @returns the state that the service is left in, a sentence.
 */
async function stopStarted(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  cause: unknown,
): Promise<string> {
  // When the environment's time limit or lock ended the job, its signal ends every call too.
  const cancelled = cause instanceof CancelledError || context.signal.aborted;
  const signal = cancelled ? stopSignal(CANCEL_MS) : context.signal;
  const inner = { ...context, signal };
  try {
    if (release.stage === 'record') return 'The service keeps the new revision.';
    if (cause instanceof PlatformError && cause.code === 'credentials-expired') return goesOn(release, cause);
    const { oneOff, update } = release.started;
    if (oneOff) {
      const stopped = await orUnstopped(context, cancelled && taskCommand(context, oneOff), async () => {
        const tasks = await stopTasks(inner, oneOff);
        return tasks.length === 0
          ? 'Its task had not been started.'
          : `Its task ${tasks.join(', ')} was stopped.`;
      });
      return `${stopped}${untouchedService(release)}${registered(release)}`;
    }
    const notBegun = `The deployment had not begun.${registered(release)}`;
    if (update && !update.answered && isRefusal(cause)) return notBegun;
    const known = release.started.deployment;
    if (!known && !update) return untouched(release, cause);
    const unstopped = cancelled && rolloutCommand(context, target, { ...update, ...known });
    return await orUnstopped(context, unstopped, async () => {
      // The response of UpdateService may be lost: the service shows whether it has our deployment.
      const deployment =
        known?.arn !== undefined || !update ? known : await findStarted(inner, target, update);
      return deployment ? await endDeployment(inner, release, target, deployment, cancelled) : notBegun;
    });
  } catch (error) {
    const { rollback } = release.report;
    if (rollback?.state === 'in progress' && context.signal.aborted) {
      return `The rollback to ${rollback.to} continues on AWS.`;
    }
    const where = release.changesService
      ? `service ${target.service}`
      : `tasks of the cluster ${target.cluster}`;
    return `What was begun could not be ended (${reasonOf(error)}): look at the ${where}.`;
  }
}

/** Stops something; of a cancelled job, what is not stopped in time is listed with the command that ends it. */
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
  // No account id is shown.
  const shown = arn.replace(
    /(?<=:)\d{12}(?=:)/,
    '$(aws sts get-caller-identity --query Account --output text)',
  );
  const command = `aws ecs stop-service-deployment --service-deployment-arn "${shown}" --stop-type ${stopType} --region ${region}`;
  return { what, command };
}

/** What was started goes on without us: there is no right left to stop it. */
function goesOn(release: Release, cause: PlatformError): string {
  const { fix = '' } = cause;
  const { oneOff, update, deployment } = release.started;
  const name = release.report.taskDefinition ?? 'the revision';
  const what = oneOff
    ? `The task of the command continues on AWS.${untouchedService(release)}`
    : deployment
      ? `The deployment of ${name} continues on AWS: look at the service before you deploy again.`
      : update
        ? `The deployment of ${name} may have begun, and then continues on AWS: look at the service before you deploy again.`
        : untouched(release, cause);
  return `${what} ${fix}`.trim();
}

function untouchedService({ changesService }: Release): string {
  return changesService ? ' The service was not touched.' : '';
}

function registered({ started, report }: Release): string {
  return started.registration === 'done' ? ` ${report.taskDefinition ?? 'The revision'} is registered.` : '';
}

/** What remains of a release that had not begun to change the service. */
function untouched(release: Release, cause: unknown): string {
  switch (release.started.registration) {
    case 'done':
      return `${untouchedService(release)}${registered(release)}`.trim();
    case 'sent':
      // AWS may have registered it although its answer was lost, or was not waited for.
      return isRefusal(cause)
        ? 'Nothing was changed.'
        : `${untouchedService(release)} The revision may be registered.`.trim();
    default:
      return release.stage === 'pre-deploy' ? 'The service was not touched.' : 'Nothing was changed.';
  }
}

/** The deployment of our UpdateService, as the service shows it now; undefined when there is none of ours. */
async function findStarted(
  context: ServiceContext,
  target: ServiceTarget,
  update: { taskDefinition: string; previous: string },
): Promise<OurDeployment | undefined> {
  const service = await describeService(context, target);
  const found = deploymentOf(service, target, update);
  const arn = service.currentServiceDeployment;
  return found && { ...found, ...(arn !== undefined && { arn }) };
}

async function endDeployment(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  deployment: OurDeployment,
  cancelled: boolean,
): Promise<string> {
  const name = revisionName(deployment.taskDefinition);
  const { onFailure } = target;
  if (onFailure === 'keep') return `The deployment of ${name} continues on AWS, as on-failure asks.`;
  if (!cancelled && !release.report.failure) {
    const { definition } = await readTaskDefinition(context, deployment.taskDefinition);
    await explainFailure(context, release, deployment, definition);
  }
  if (onFailure === 'stop') return await abortDeployment(context, deployment, name);
  const started = await startRollback(context, deployment);
  const to = revisionName(deployment.previous);
  release.report.rollback = { to, state: 'in progress' };
  if (typeof started === 'string') return started;
  if (cancelled) return `Asked ECS to roll back to ${to}; the rollback continues on AWS.`;
  return await followRollback(context, release, started, to);
}

/**
 * Ends a deployment that continues on AWS though it has failed, as `on-failure` says, and follows a rollback to its end.
 *
 * @returns the state that the service is left in, a sentence.
 */
export async function endStarted(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  deployment: OurDeployment,
): Promise<string> {
  return await endDeployment(context, release, target, deployment, false);
}

async function abortDeployment(
  context: ServiceContext,
  deployment: OurDeployment,
  name: string,
): Promise<string> {
  try {
    const stopped = await stopDeployment(context, deployment, 'ABORT');
    if (stopped === 'unsupported') {
      return `This endpoint cannot stop a deployment: that of ${name} goes on.`;
    }
    return `The deployment of ${name} was stopped where it was: the service may run both revisions.`;
  } catch (error) {
    return await describeEnded(context, deployment, error);
  }
}

/** Starts the rollback of a deployment; a sentence when there is none to follow. */
async function startRollback(
  context: ServiceContext,
  deployment: OurDeployment,
): Promise<OurDeployment | string> {
  const { isRestart, previous, taskDefinition } = deployment;
  if (previous === taskDefinition && !isRestart) return 'There is no revision before this one to go back to.';
  // A cancelled job has no time for a read: ECS refuses to stop a deployment that has ended, and then it is read.
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
    // It ended in the meantime.
    const now = await readRollout(context, deployment);
    if (now.phase === 'rolling-back') return deployment;
    if (now.phase === 'complete' || now.phase === 'failed') {
      return isRestart ? keepsRevision(deployment) : await deployPrevious(context, deployment);
    }
    return await describeEnded(context, deployment, error);
  }
}

function keepsRevision({ taskDefinition }: OurDeployment): string {
  return `The service keeps ${revisionName(taskDefinition)}, which it ran before the restart.`;
}

/** Starts a deployment of the previous revision. */
async function deployPrevious(context: ServiceContext, deployment: OurDeployment): Promise<OurDeployment> {
  const { previous, taskDefinition } = deployment;
  const service = await updateService(context, deployment, { taskDefinition: previous });
  const back = deploymentOf(service, deployment, { taskDefinition: previous, previous: taskDefinition });
  if (!back) {
    throw new PlatformError('conflict', `the service did not take ${revisionName(previous)} back`);
  }
  const arn = service.currentServiceDeployment;
  return { ...back, ...(arn !== undefined && arn !== deployment.arn && { arn }) };
}

async function describeEnded(
  context: ServiceContext,
  deployment: OurDeployment,
  error: unknown,
): Promise<string> {
  const service = await describeService(context, deployment);
  const now = revisionName(primaryDeployment(service)?.taskDefinition ?? '');
  const why = error === undefined ? '' : ` (${reasonOf(error)})`;
  return `The deployment had ended already${why}: the service works towards ${now}.`;
}

/**
 * Rolls back a deployment that has ended, when `on-failure` says so, and follows that to its end.
 *
 * @returns the state that the service is left in, a sentence.
 */
export async function rollBackDeployment(
  context: ServiceContext,
  release: Release,
  { onFailure }: ServiceTarget,
  deployment: OurDeployment,
): Promise<string> {
  const name = revisionName(deployment.taskDefinition);
  if (onFailure !== 'rollback') return `The service keeps ${name}, as on-failure asks.`;
  const to = revisionName(deployment.previous);
  if (deployment.previous === deployment.taskDefinition)
    return `There is no revision before ${name} to go back to.`;
  release.logEvent(`Rolling back to ${to}.`);
  release.report.rollback = { to, state: 'in progress' };
  return await followRollback(context, release, await deployPrevious(context, deployment), to);
}

async function followRollback(
  context: ServiceContext,
  release: Release,
  rollback: OurDeployment,
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
    : `The rollback to ${to} failed: look at the service at once.`;
}
