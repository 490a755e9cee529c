import { ContinueServiceDeploymentCommand, type Service } from '@aws-sdk/client-ecs';
import { errorText } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { CancelledError, errorInfo, InputError, PlatformError, TimeoutError } from '../../core/errors.ts';
import type { OurDeployment } from '../../ecs/deployment.ts';
import { diagnose } from '../../ecs/diagnosis.ts';
import { ProofError } from '../../ecs/proof.ts';
import { type RolloutState, watchRollout } from '../../ecs/rollout.ts';
import { ServiceError } from '../../ecs/service.ts';
import { countTargets, targetGroupsOf, targetStates } from '../../ecs/targets.ts';
import { revisionName, type TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import type { RolloutFailure } from '../../ecs/diagnosis.ts';
import type { Release } from './release.ts';
import type { ServiceContext, ServiceTarget, SmokeTest } from './request.ts';
import type { ServiceEnd, ServiceResult, ServiceRollback, SmokeTestResult } from './result.ts';
import { runSmokeTest } from './smoke-test.ts';
import { goBack, undo } from './undo.ts';

/** Says which service's new tasks a request is for: what the test rule of templates/fargate.yml looks at. */
const TEST_HEADER = 'x-platform-test';

/** What a deployment is followed with. */
export interface Following {
  service: Service;
  definition: TaskDefinition;
  timeoutMs: number;
  smokeTest?: SmokeTest;
}

/** Follows a deployment to its end; explains it as soon as it fails, and answers its PAUSE hooks by the smoke test. */
export async function follow(
  context: ServiceContext,
  release: Release,
  deployment: OurDeployment,
  following: Following,
): Promise<RolloutState> {
  const groups = targetGroupsOf(following.service);
  return await watchRollout(context, deployment, {
    timeoutMs: following.timeoutMs,
    observer: {
      say: (line) => {
        release.say(line);
      },
      failing: async (state) => {
        await explainFailure(context, release, deployment, following.definition, state);
      },
      paused: (hookId, state) => decide(context, release, deployment, { hookId, state, following }),
      targets: async () => {
        if (groups.length === 0) return undefined;
        const states = await targetStates(context, groups).catch((error: unknown) => {
          context.signal.throwIfAborted();
          groups.length = 0;
          context.log.info(`The targets cannot be read, and are left out: ${errorText(error)}`);
          return [];
        });
        return groups.length === 0 ? undefined : countTargets(states);
      },
    },
  });
}

/** Finds out why a deployment fails, for the log at once, and for the report. */
export async function explainFailure(
  context: ServiceContext,
  release: Release,
  deployment: OurDeployment,
  definition: TaskDefinition,
  state?: RolloutState,
): Promise<void> {
  // What the smoke test found is the reason.
  if (release.report.smokeTest?.ok === false) return;
  const found = await diagnose(context, deployment, definition, state);
  if (!found) return;
  if (release.report.failure?.cause !== found.cause) release.say(`${found.cause}.`);
  for (const line of found.log?.lines ?? []) context.log.info(`  ${line}`);
  release.report.failure = richer(release.report.failure, found);
}

/** The first explanation stays, unless a later one knows more: a log that was not there yet. */
function richer(before: RolloutFailure | undefined, now: RolloutFailure): RolloutFailure {
  if (!before || before.cause === now.cause || before.groups.length === 0) return now;
  return now.log && !before.log ? now : before;
}

/** Without a smoke test the hook waits for somebody else, or for its own time-out. */
async function decide(
  context: ServiceContext,
  release: Release,
  deployment: OurDeployment,
  { hookId, state, following }: { hookId: string; state: RolloutState; following: Following },
): Promise<void> {
  const where = state.stage === undefined ? 'a PAUSE hook' : `the PAUSE hook at ${state.stage}`;
  if (!following.smokeTest) {
    const until = state.pause?.expiresAt ? `, until ${state.pause.expiresAt.toISOString()}` : '';
    release.say(`The deployment waits at ${where} for ContinueServiceDeployment${until}.`);
    return;
  }
  release.say(`The deployment waits at ${where}: the smoke test decides.`);
  const { ok: passed } = await smokeTest(context, release, following.smokeTest, deployment, {
    [TEST_HEADER]: deployment.service,
  });
  const action = passed ? 'CONTINUE' : 'ROLLBACK';
  const command = new ContinueServiceDeploymentCommand({
    serviceDeploymentArn: deployment.arn,
    hookId,
    action,
  });
  await send(await context.ecs(), command, context);
  release.say(passed ? 'ECS was told to continue.' : 'ECS was told to roll back.');
}

/** Runs the smoke test and reports it. A URL is asked with the headers. */
export async function smokeTest(
  context: ServiceContext,
  release: Release,
  test: SmokeTest,
  { cluster, service, taskDefinition }: Pick<OurDeployment, 'cluster' | 'service' | 'taskDefinition'>,
  headers: Readonly<Record<string, string>> = {},
): Promise<SmokeTestResult> {
  const variables = {
    SMOKE_TEST_CLUSTER: cluster,
    SMOKE_TEST_SERVICE: service,
    SMOKE_TEST_TASK_DEFINITION: revisionName(taskDefinition),
  };
  const result = await runSmokeTest(context, test, { variables, headers });
  release.report.smokeTest = result;
  release.say(`The smoke test ${result.ok ? 'passed' : 'failed'} (${result.detail}).`);
  return result;
}

/** Does the work within its time. Whatever ends it early, what it has begun is undone as the request asks. */
export async function bounded(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  work: (inner: ServiceContext) => Promise<ServiceResult>,
): Promise<ServiceResult> {
  const { timeoutMs, service } = target;
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort(new TimeoutError(`the release of ${service}`, timeoutMs));
  }, timeoutMs);
  const signal = AbortSignal.any([context.signal, limit.signal]);
  try {
    return await work({ ...context, signal });
  } catch (error) {
    clearTimeout(timer);
    const cause: unknown = signal.aborted ? signal.reason : error;
    const remains = await undo(context, release, target, cause);
    return release.end(failed(cause, [said(release, cause), remains].filter(Boolean).join(' ')));
  } finally {
    clearTimeout(timer);
  }
}

function failed(cause: unknown, reason: string): ServiceEnd {
  if (!(cause instanceof PlatformError)) return { verdict: 'failed', reason };
  const error = errorInfo(cause);
  if (cause instanceof CancelledError) return { verdict: 'cancelled', reason, error };
  return { verdict: cause instanceof TimeoutError ? 'timed-out' : 'failed', reason, error };
}

function said({ report, stage }: Release, error: unknown): string {
  const text = sentence(messageOf(error, stage));
  const cause = report.failure?.cause;
  return error instanceof TimeoutError && cause !== undefined ? `${text} ${sentence(cause)}` : text;
}

function messageOf(error: unknown, stage: Release['stage']): string {
  if (error instanceof InputError || error instanceof ServiceError) return error.message;
  if (error instanceof CancelledError || error instanceof TimeoutError) return capital(error.message);
  if (error instanceof ProofError)
    return `The deployment is complete for ECS, and cannot be proven: ${error.message}`;
  if (stage === 'record')
    return `The revision serves, and the ledger could not be written: ${errorText(error)}`;
  if (error instanceof Error && error.name === 'Error') return capital(error.message);
  return errorText(error);
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A deployment that has ended. */
interface Ended {
  deployment: OurDeployment;
  state: RolloutState;
  definition: TaskDefinition;
}

/** What the end of a deployment means; undefined when it is complete. */
export async function endOf(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  { deployment, state, definition }: Ended,
): Promise<ServiceResult | undefined> {
  const { report } = release;
  const said = state.reason === undefined ? '' : ` ECS says: ${sentence(state.reason)}`;
  const other = state.other === undefined ? '' : revisionName(state.other);
  switch (state.phase) {
    case 'complete':
      return undefined;
    case 'rolled-back': {
      const to = other || revisionName(deployment.previous);
      const back = `The service was rolled back to ${to}.`;
      const { reason } = state;
      report.rollback = { to, state: 'complete', ...(reason !== undefined && { reason }) };
      return endRolledBack(release, report.rollback, `${why(release)} ${back}${said}`);
    }
    case 'rollback-failed':
      report.rollback = { to: other || revisionName(deployment.previous), state: 'failed' };
      return release.end({
        verdict: 'failed',
        reason: `${why(release)} The rollback failed too: look at the service at once.${said}`,
      });
    case 'failed': {
      if (!report.failure) await explainFailure(context, release, deployment, definition);
      const back = await goBack(context, release, target, deployment);
      const reason = `${why(release)} ${back}${said}`;
      const { rollback } = report;
      if (rollback?.state === 'complete') return endRolledBack(release, rollback, reason);
      return release.end({ verdict: 'failed', reason });
    }
    case 'superseded':
      return release.end({
        verdict: 'superseded',
        reason: `Another deployment, of ${other || 'another revision'}, took the place of this one before it was complete.`,
      });
    default:
      return release.end({
        verdict: 'stopped',
        reason: `The deployment was stopped before it was complete: the service may run both revisions.${said}`,
      });
  }
}

/** A rollback that the smoke test asked for has a verdict of its own. */
function endRolledBack(release: Release, rollback: ServiceRollback, reason: string): ServiceResult {
  const { smokeTest } = release.report;
  if (smokeTest?.ok === false) return release.end({ verdict: 'smoke-test-failed', reason, smokeTest });
  return release.end({ verdict: 'rolled-back', reason, rollback });
}

function why({ report }: Release): string {
  if (report.smokeTest?.ok === false) return sentence(`The smoke test failed: ${report.smokeTest.detail}`);
  return report.failure ? sentence(report.failure.cause) : 'The deployment failed.';
}
