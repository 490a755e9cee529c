import { classify, errorText } from '../../aws/errors.ts';
import { deploymentOf, type OurDeployment, stopDeployment, updateService } from '../../ecs/deployment.ts';
import { stopTasks } from '../../ecs/one-off-task.ts';
import { isEnd, readRollout, watchRollout } from '../../ecs/rollout.ts';
import { describeService, primaryDeployment } from '../../ecs/service.ts';
import { revisionName } from '../../ecs/task-definition/task-definition.ts';
import { readTaskDefinition } from '../../ecs/task-definition/revisions.ts';
import { CancelledError } from '../../core/errors.ts';
import type { ServiceContext, ServiceTarget } from './request.ts';
import { explainFailure } from './follow.ts';
import type { Release } from './release.ts';
/** The runner kills a cancelled step 7.5 s after SIGINT: AWS must have been told before. */
const CANCEL_MS = 5000;
/** How long a rollback may take that nobody waits for by a limit of theirs. */
const ROLLBACK_MS = 15 * 60_000;

/**
 * Ends what a release has begun, as the request asks: a one-off task is stopped, a deployment rolled back, stopped or
 * kept. Never throws. A cancelled job tells AWS and does not wait; else the rollback is followed to its end.
 *
 * @returns what remains, for a person.
 */
export async function undo(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  cause: unknown,
): Promise<string> {
  // The time of a whole environment is over, or its lock is lost: no call is possible by this signal either.
  const cancelled = cause instanceof CancelledError || context.signal.aborted;
  const signal = cancelled ? AbortSignal.timeout(CANCEL_MS) : context.signal;
  const inner = { ...context, signal };
  try {
    if (release.stage === 'record') return 'The service keeps the new revision.';
    const { preDeploy, update } = release.begun;
    if (preDeploy) {
      const stopped = await stopTasks(inner, preDeploy);
      const tasks =
        stopped.length === 0 ? 'Its task had not been started' : `Its task ${stopped.join(', ')} was stopped`;
      return `${tasks}. The service was not touched.`;
    }
    const begun = release.begun.deployment;
    // Until its service deployment is known, ECS is asked for it once more.
    const deployment = begun?.arn !== undefined || !update ? begun : await current(inner, target, update);
    if (!deployment) return update ? 'The deployment had not begun.' : untouched(release);
    return await end(inner, release, target, deployment, cancelled);
  } catch (error) {
    const { rollback } = release.report;
    if (rollback?.state === 'in progress' && context.signal.aborted) {
      return `The rollback to ${rollback.to} goes on at AWS.`;
    }
    return `What was begun could not be ended (${errorText(error)}): look at the service ${target.service}.`;
  }
}

function untouched({ stage, report }: Release): string {
  if (!['register', 'pre-deploy', 'update'].includes(stage)) return 'Nothing was changed.';
  return `The service was not touched. ${report.taskDefinition ?? 'The revision'} is registered.`;
}

/** The deployment of our UpdateService, as the service shows it now; undefined when there is none of ours. */
async function current(
  context: ServiceContext,
  target: ServiceTarget,
  update: { taskDefinition: string; previous: string },
): Promise<OurDeployment | undefined> {
  const service = await describeService(context, target);
  const found = deploymentOf(service, target, update);
  const arn = service.currentServiceDeployment;
  return found && { ...found, ...(arn !== undefined && { arn }) };
}

async function end(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  deployment: OurDeployment,
  cancelled: boolean,
): Promise<string> {
  const name = revisionName(deployment.taskDefinition);
  const { onFailure } = target;
  if (onFailure === 'keep') return `The deployment of ${name} goes on at AWS, as on-failure asks.`;
  if (!cancelled && !release.report.failure) {
    const { definition } = await readTaskDefinition(context, deployment.taskDefinition);
    await explainFailure(context, release, deployment, definition);
  }
  if (onFailure === 'stop') return await abort(context, deployment, name);
  const started = await startRollback(context, deployment);
  const to = revisionName(deployment.previous);
  release.report.rollback = { to, state: 'in progress' };
  if (typeof started === 'string') return started;
  if (cancelled) return `ECS was told to roll back to ${to}, and goes on with it.`;
  return await followBack(context, release, started, to);
}

async function abort(context: ServiceContext, deployment: OurDeployment, name: string): Promise<string> {
  try {
    const told = await stopDeployment(context, deployment, 'ABORT');
    if (told === 'cannot') return `This endpoint cannot stop a deployment: that of ${name} goes on.`;
    return `The deployment of ${name} was stopped where it was: the service may run both revisions.`;
  } catch (error) {
    return await overAlready(context, deployment, error);
  }
}

/** Begins the way back; a text when there is none to follow. */
async function startRollback(
  context: ServiceContext,
  deployment: OurDeployment,
): Promise<OurDeployment | string> {
  if (deployment.previous === deployment.taskDefinition) {
    return 'There is no revision before this one to go back to.';
  }
  const state = await readRollout(context, deployment).catch(() => undefined);
  if (state?.phase === 'rolling-back') return deployment;
  if (state && isEnd(state.phase) && state.phase !== 'complete' && state.phase !== 'failed') {
    return await overAlready(context, deployment, undefined);
  }
  if (state?.phase === 'complete' || state?.phase === 'failed' || deployment.arn === undefined) {
    return await sendBack(context, deployment);
  }
  try {
    await stopDeployment(context, deployment, 'ROLLBACK');
    return deployment;
  } catch (error) {
    if (!['validation', 'conflict', 'not-found'].includes(classify(error))) throw error;
    // It ended meanwhile.
    const now = await readRollout(context, deployment);
    if (now.phase === 'complete') return await sendBack(context, deployment);
    return await overAlready(context, deployment, error);
  }
}

/** A new deployment, of what was there before. */
async function sendBack(context: ServiceContext, deployment: OurDeployment): Promise<OurDeployment> {
  const { previous, taskDefinition } = deployment;
  const service = await updateService(context, deployment, { taskDefinition: previous });
  const back = deploymentOf(service, deployment, { taskDefinition: previous, previous: taskDefinition });
  if (!back) throw new Error(`the service did not take ${revisionName(previous)} back`);
  const arn = service.currentServiceDeployment;
  return { ...back, ...(arn !== undefined && arn !== deployment.arn && { arn }) };
}

async function overAlready(
  context: ServiceContext,
  deployment: OurDeployment,
  error: unknown,
): Promise<string> {
  const service = await describeService(context, deployment);
  const now = revisionName(primaryDeployment(service)?.taskDefinition ?? '');
  const why = error === undefined ? '' : ` (${errorText(error)})`;
  return `The deployment had ended already${why}: the service works towards ${now}.`;
}

/** Brings a service whose new revision is not wanted back to the one before, and follows that to its end. */
export async function goBack(
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
  release.say(`Rolling back to ${to}.`);
  release.report.rollback = { to, state: 'in progress' };
  return await followBack(context, release, await sendBack(context, deployment), to);
}

async function followBack(
  context: ServiceContext,
  release: Release,
  back: OurDeployment,
  to: string,
): Promise<string> {
  const state = await watchRollout(context, back, {
    timeoutMs: ROLLBACK_MS,
    observer: {
      say: (line) => {
        release.say(line);
      },
      failing: () => Promise.resolve(),
      paused: () => Promise.resolve(),
      targets: () => Promise.resolve(undefined),
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
