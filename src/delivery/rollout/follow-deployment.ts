import type { Service } from '@aws-sdk/client-ecs';
import { reasonOf } from '../../core/errors.ts';
import { sentence } from '../../core/text.ts';
import type { FollowedDeployment } from '../../ecs/deployment.ts';
import { type RolloutState, watchRollout } from '../../ecs/rollout.ts';
import { countTargets, targetGroupsOf, targetStates } from '../../ecs/targets.ts';
import { TaskFailures } from '../../ecs/task-failures.ts';
import { revisionName, type TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import { endStarted, rollBackDeployment } from '../release/on-failure.ts';
import { answerPauseHook } from './pause-hook.ts';
import { explainFailure, type Release } from '../release/release.ts';
import type { ServiceContext, ServiceTarget, SmokeTest } from '../release/request.ts';
import type { ServiceResult, ServiceRollback } from '../release/result.ts';

/** Options for following a deployment. */
export interface FollowOptions {
  service: Service;
  definition: TaskDefinition;
  timeoutMs: number;
  smokeTest?: SmokeTest;
  /** What happens to a failed deployment; `keep` if a stack decides. */
  onFailure: ServiceTarget['onFailure'];
}

/**
 * Follows a deployment until it ends, explains a failure as soon as it appears, and answers PAUSE hooks with the smoke
 * test.
 */
export async function followDeployment(
  context: ServiceContext,
  release: Release,
  deployment: FollowedDeployment,
  options: FollowOptions,
): Promise<RolloutState> {
  const groups = targetGroupsOf(options.service);
  const failures = new TaskFailures(context, deployment, options.definition);
  release.failures = failures;
  release.isTested = options.smokeTest !== undefined;
  const deadlineMs = release.startedAt + options.timeoutMs;
  return await watchRollout(context, deployment, {
    timeoutMs: options.timeoutMs,
    failures,
    observer: {
      onLine: (line) => {
        release.logEvent(line);
      },
      onFailing: async (state) => {
        await explainFailure(context, release, deployment, options.definition, state);
      },
      onPaused: (pause, ended) =>
        answerPauseHook(
          { ...context, signal: AbortSignal.any([context.signal, ended]) },
          release,
          deployment,
          { pause, test: options.smokeTest, rollsBack: options.onFailure === 'rollback', deadlineMs },
        ),
      countTargets: async () => {
        if (groups.length === 0) return undefined;
        const states = await targetStates(context, groups).catch((error: unknown) => {
          context.signal.throwIfAborted();
          groups.length = 0;
          context.log.info(`Cannot read the targets, continuing without them: ${reasonOf(error)}`);
          return [];
        });
        return groups.length === 0 ? undefined : countTargets(states);
      },
    },
  });
}

/** A finished deployment. */
interface EndedDeployment {
  deployment: FollowedDeployment;
  state: RolloutState;
  definition: TaskDefinition;
}

/** The result of a deployment that did not complete; undefined if it did. */
export async function resultOfDeployment(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  { deployment, state, definition }: EndedDeployment,
): Promise<ServiceResult | undefined> {
  const { report } = release;
  const ecsReason = state.reason === undefined ? '' : ` ECS reported: ${sentence(state.reason)}`;
  const other = state.other === undefined ? '' : revisionName(state.other);
  switch (state.phase) {
    case 'complete':
      return undefined;
    case 'rolled-back': {
      const to = other || revisionName(deployment.previous);
      const back = `The service was rolled back to ${to}.`;
      const { reason } = state;
      report.rollback = { to, state: 'complete', ...(reason !== undefined && { reason }) };
      return endRolledBack(release, report.rollback, `${causeOf(release)} ${back}${ecsReason}`);
    }
    case 'rollback-failed':
      report.rollback = { to: other || revisionName(deployment.previous), state: 'failed' };
      return release.end({
        verdict: 'failed',
        reason: `${causeOf(release)} The rollback failed too. Check the service immediately.${ecsReason}`,
      });
    case 'failed': {
      if (!report.failure) await explainFailure(context, release, deployment, definition);
      const back = await rollBackDeployment(context, release, target, deployment);
      const reason = `${causeOf(release)} ${back}${ecsReason}`;
      const { rollback } = report;
      if (rollback?.state === 'complete') return endRolledBack(release, rollback, reason);
      return release.end({ verdict: 'failed', reason });
    }
    case 'tripped': {
      if (!report.failure) await explainFailure(context, release, deployment, definition);
      const back = await endStarted(context, release, target, deployment);
      const why = `${causeOf(release)} ${sentence(state.reason ?? '')}`;
      const { rollback } = report;
      if (rollback?.state === 'complete') return endRolledBack(release, rollback, `${why} ${back}`);
      return release.end({ verdict: 'failed', reason: `${why} ${back}` });
    }
    case 'superseded':
      return release.end({
        verdict: 'superseded',
        reason: `Another deployment (${other || 'of another revision'}) replaced this one before it completed.`,
      });
    default:
      return release.end({
        verdict: 'stopped',
        reason: `The deployment was stopped before it completed. The service may run both revisions.${ecsReason}`,
      });
  }
}

/** A rollback after a failed smoke test has its own verdict. */
function endRolledBack(release: Release, rollback: ServiceRollback, reason: string): ServiceResult {
  const { smokeTest } = release.report;
  if (smokeTest?.ok === false) return release.end({ verdict: 'smoke-test-failed', reason, smokeTest });
  return release.end({ verdict: 'rolled-back', reason, rollback });
}

function causeOf({ report }: Release): string {
  if (report.smokeTest?.ok === false) return sentence(`The smoke test failed: ${report.smokeTest.detail}`);
  return report.failure ? sentence(report.failure.cause) : 'The deployment failed.';
}
