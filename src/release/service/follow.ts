import { ContinueServiceDeploymentCommand, type Service } from '@aws-sdk/client-ecs';
import { errorText } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import type { OurDeployment } from '../../ecs/deployment.ts';
import { diagnose } from '../../ecs/diagnosis.ts';
import { watchRollout } from '../../ecs/rollout.ts';
import type { RolloutState } from '../../ecs/rollout-state.ts';
import { revisionName } from '../../ecs/task-definition.ts';
import type { TaskDefinition } from '../../ecs/task-definition.ts';
import { countTargets, targetGroupsOf, targetStates } from '../../ecs/targets.ts';
import type { ReportedRolloutFailure } from '../../report/rollout.ts';
import type { ServiceContext } from './context.ts';
import type { Release } from './release.ts';
import type { SmokeTest } from './request.ts';
import { runSmokeTest } from './smoke-test.ts';

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
function richer(
  before: ReportedRolloutFailure | undefined,
  now: ReportedRolloutFailure,
): ReportedRolloutFailure {
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
  const passed = await smokeTest(context, release, following.smokeTest, deployment, {
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
): Promise<boolean> {
  const variables = {
    SMOKE_TEST_CLUSTER: cluster,
    SMOKE_TEST_SERVICE: service,
    SMOKE_TEST_TASK_DEFINITION: revisionName(taskDefinition),
  };
  const result = await runSmokeTest(context, test, { variables, headers });
  release.report.smokeTest = result;
  release.say(`The smoke test ${result.ok ? 'passed' : 'failed'} (${result.detail}).`);
  return result.ok;
}
