import { ContinueServiceDeploymentCommand, type Service } from '@aws-sdk/client-ecs';
import { send } from '../../aws/send.ts';
import { reasonOf } from '../../core/errors.ts';
import { sentence } from '../../core/text.ts';
import type { OurDeployment } from '../../ecs/deployment.ts';
import { type RolloutState, watchRollout } from '../../ecs/rollout.ts';
import { countTargets, targetGroupsOf, targetStates } from '../../ecs/targets.ts';
import { revisionName, type TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import { rollBackDeployment } from './on-failure.ts';
import { explainFailure, type Release } from './release.ts';
import type { ServiceContext, ServiceTarget, SmokeTest } from './request.ts';
import type { ServiceResult, ServiceRollback, SmokeTestResult } from './result.ts';
import { runSmokeTest } from './smoke-test.ts';

/** Names the service whose new tasks a request is for: the test rule of templates/fargate.yml looks at it. */
const TEST_HEADER = 'x-platform-test';

/** What a deployment is followed with. */
export interface FollowOptions {
  service: Service;
  definition: TaskDefinition;
  timeoutMs: number;
  smokeTest?: SmokeTest;
}

/** Follows a deployment to its end, explains a failure as soon as it shows, and answers PAUSE hooks by the smoke test. */
export async function followDeployment(
  context: ServiceContext,
  release: Release,
  deployment: OurDeployment,
  options: FollowOptions,
): Promise<RolloutState> {
  const groups = targetGroupsOf(options.service);
  return await watchRollout(context, deployment, {
    timeoutMs: options.timeoutMs,
    observer: {
      onLine: (line) => {
        release.logEvent(line);
      },
      onFailing: async (state) => {
        await explainFailure(context, release, deployment, options.definition, state);
      },
      onPaused: (hookId, state) =>
        answerPauseHook(context, release, deployment, { hookId, state, test: options.smokeTest }),
      countTargets: async () => {
        if (groups.length === 0) return undefined;
        const states = await targetStates(context, groups).catch((error: unknown) => {
          context.signal.throwIfAborted();
          groups.length = 0;
          context.log.info(`The targets cannot be read, and are left out: ${reasonOf(error)}`);
          return [];
        });
        return groups.length === 0 ? undefined : countTargets(states);
      },
    },
  });
}

/** Without a smoke test the hook waits for another call of ContinueServiceDeployment, or for its own time-out. */
async function answerPauseHook(
  context: ServiceContext,
  release: Release,
  deployment: OurDeployment,
  { hookId, state, test }: { hookId: string; state: RolloutState; test: SmokeTest | undefined },
): Promise<void> {
  const where = state.stage === undefined ? 'a PAUSE hook' : `the PAUSE hook at ${state.stage}`;
  if (!test) {
    const until = state.pause?.expiresAt ? `, until ${state.pause.expiresAt.toISOString()}` : '';
    release.logEvent(`The deployment waits at ${where} for ContinueServiceDeployment${until}.`);
    return;
  }
  release.logEvent(`The deployment waits at ${where}: the smoke test decides.`);
  const headers = { [TEST_HEADER]: deployment.service };
  const { ok } = await testDeployment(context, release, test, deployment, headers);
  const command = new ContinueServiceDeploymentCommand({
    serviceDeploymentArn: deployment.arn,
    hookId,
    action: ok ? 'CONTINUE' : 'ROLLBACK',
  });
  await send(await context.ecs(), command, context);
  release.logEvent(ok ? 'ECS was told to continue.' : 'ECS was told to roll back.');
}

/**
 * Runs the smoke test against a deployment, for the log and the report.
 *
 * @param headers for the requests of a test by URL.
 */
export async function testDeployment(
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
  release.logEvent(`The smoke test ${result.ok ? 'passed' : 'failed'} (${result.detail}).`);
  return result;
}

/** A deployment that has ended. */
interface EndedDeployment {
  deployment: OurDeployment;
  state: RolloutState;
  definition: TaskDefinition;
}

/** The result of a deployment that did not complete; undefined for one that did. */
export async function resultOfDeployment(
  context: ServiceContext,
  release: Release,
  target: ServiceTarget,
  { deployment, state, definition }: EndedDeployment,
): Promise<ServiceResult | undefined> {
  const { report } = release;
  const ecsReason = state.reason === undefined ? '' : ` ECS says: ${sentence(state.reason)}`;
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
        reason: `${causeOf(release)} The rollback failed too: look at the service at once.${ecsReason}`,
      });
    case 'failed': {
      if (!report.failure) await explainFailure(context, release, deployment, definition);
      const back = await rollBackDeployment(context, release, target, deployment);
      const reason = `${causeOf(release)} ${back}${ecsReason}`;
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
        reason: `The deployment was stopped before it was complete: the service may run both revisions.${ecsReason}`,
      });
  }
}

/** A rollback after a failed smoke test has a verdict of its own. */
function endRolledBack(release: Release, rollback: ServiceRollback, reason: string): ServiceResult {
  const { smokeTest } = release.report;
  if (smokeTest?.ok === false) return release.end({ verdict: 'smoke-test-failed', reason, smokeTest });
  return release.end({ verdict: 'rolled-back', reason, rollback });
}

function causeOf({ report }: Release): string {
  if (report.smokeTest?.ok === false) return sentence(`The smoke test failed: ${report.smokeTest.detail}`);
  return report.failure ? sentence(report.failure.cause) : 'The deployment failed.';
}
