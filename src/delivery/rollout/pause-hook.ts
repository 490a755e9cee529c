import { ContinueServiceDeploymentCommand } from '@aws-sdk/client-ecs';
import { servicePage } from '../../aws/console.ts';
import { send } from '../../aws/send.ts';
import { reasonOf } from '../../core/errors.ts';
import { describeServiceDeployment, type FollowedDeployment, stopDeployment } from '../../ecs/deployment.ts';
import { isEnd, type PauseHook, readRollout } from '../../ecs/rollout.ts';
import { nameOf } from '../../ecs/service.ts';
import type { Release } from '../release/release.ts';
import type { ServiceContext, SmokeTest } from '../release/request.ts';
import { testDeployment } from './smoke-test.ts';

/** The test rule of templates/fargate.yml routes requests with this header to the new tasks of the named service. */
const TEST_HEADER = 'x-platform-test';

/**
 * The stages at which test requests reach the new tasks. Earlier there are no new tasks, or no traffic to them.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html
 */
const TESTABLE_STAGES: ReadonlySet<string> = new Set([
  'POST_TEST_TRAFFIC_SHIFT',
  'PRE_PRODUCTION_TRAFFIC_SHIFT',
  'POST_PRODUCTION_TRAFFIC_SHIFT',
]);

/** How a hook is answered. */
interface AnswerOptions {
  pause: PauseHook;
  test: SmokeTest | undefined;
  /** Whether a failed test rolls the deployment back even if someone else has continued it. */
  rollsBack: boolean;
  /** When this job stops following, in milliseconds since the epoch. */
  deadlineMs: number;
}

/** Answers a PAUSE hook with the smoke test if the test can reach the new tasks. All other hooks wait for a user. */
export async function answerPauseHook(
  context: ServiceContext,
  release: Release,
  deployment: FollowedDeployment,
  options: AnswerOptions,
): Promise<void> {
  const { pause, test, rollsBack } = options;
  if (!test || !TESTABLE_STAGES.has(pause.stage ?? '')) {
    logWaitingHook(context, release, deployment, options);
    return;
  }
  release.logEvent(`The deployment waits at the PAUSE hook of ${pause.stage ?? ''}. Running the smoke test.`);
  const headers = { [TEST_HEADER]: deployment.service };
  const { ok } = await testDeployment(context, release, test, deployment, headers);
  const isAnswered = await continueDeployment(context, release, deployment, pause.hookId, ok);
  if (isAnswered || ok || !rollsBack) return;
  // Someone else continued it, and the test has since found that the new tasks do not work.
  try {
    await stopDeployment(context, deployment, 'ROLLBACK');
  } catch (error) {
    context.signal.throwIfAborted();
    // If it has completed by now, it is rolled back after the watch has seen its end.
    if (!isEnd((await readRollout(context, deployment)).phase)) throw error;
    return;
  }
  release.logEvent('Rolling the deployment back because the smoke test failed.');
}

/**
 * Answers a PAUSE hook of a rollback to a revision that served before. The smoke test is not needed; a hook for users
 * still waits for one.
 */
export async function answerHookOfRollback(
  context: ServiceContext,
  release: Release,
  rollback: FollowedDeployment,
  options: Omit<AnswerOptions, 'test' | 'rollsBack'> & { isTested: boolean },
): Promise<void> {
  const { pause, isTested, deadlineMs } = options;
  if (isTested && TESTABLE_STAGES.has(pause.stage ?? '')) {
    await continueDeployment(context, release, rollback, pause.hookId, true);
    return;
  }
  logWaitingHook(context, release, rollback, { pause, test: undefined, rollsBack: false, deadlineMs });
}

/**
 * Continues a deployment, or rolls it back. Returns false if the hook no longer waits, because a user answered it
 * during the test or it timed out. That is not a failure of the deployment, whose state is read separately.
 *
 * @throws the error of ContinueServiceDeployment if the hook still waits.
 */
async function continueDeployment(
  context: ServiceContext,
  release: Release,
  deployment: FollowedDeployment,
  hookId: string,
  ok: boolean,
): Promise<boolean> {
  const command = new ContinueServiceDeploymentCommand({
    serviceDeploymentArn: deployment.arn,
    hookId,
    action: ok ? 'CONTINUE' : 'ROLLBACK',
  });
  try {
    await send(await context.ecs(), command, context);
  } catch (error) {
    context.signal.throwIfAborted();
    const { lifecycleHookDetails = [] } = await describeServiceDeployment(context, deployment.arn ?? '');
    const hook = lifecycleHookDetails.find((one) => one.hookId === hookId);
    if (hook?.status === 'AWAITING_ACTION') throw error;
    const how = hook?.status === undefined ? '' : ` (${hook.status})`;
    release.addNote(
      `The PAUSE hook was answered before the smoke test finished${how}. The deployment was read again. AWS: ${reasonOf(error)}`,
    );
    return false;
  }
  release.logEvent(ok ? 'Continued the deployment.' : 'Rolling the deployment back at the PAUSE hook.');
  return true;
}

/** Logs which hook waits, since when and until when, what happens then, and how to continue it. */
function logWaitingHook(
  context: ServiceContext,
  release: Release,
  { cluster, service, arn = '' }: FollowedDeployment,
  { pause, test, deadlineMs }: AnswerOptions,
): void {
  const { hookId, stage, expiresAt, timeoutAction } = pause;
  const since = new Date(context.clock.now()).toISOString();
  const where = stage === undefined ? 'a PAUSE hook' : `the PAUSE hook of ${stage}`;
  const then = timeoutAction === 'CONTINUE' ? 'continues it' : 'rolls it back';
  const end = expiresAt ? ` ECS ${then} at ${expiresAt.toISOString()}.` : '';
  const command = `aws ecs continue-service-deployment --region ${context.region} --service-deployment-arn ${arn} --hook-id ${hookId} --action`;
  const lines = [
    `The deployment of ${service} has been waiting for a manual decision at ${where} since ${since}.${end}`,
    `Continue: ${command} CONTINUE`,
    `Roll back: ${command} ROLLBACK`,
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/continue-service-deployment.html: Take action.
    `Console: ${servicePage(context.region, nameOf(cluster), service)}`,
  ];
  if (expiresAt && expiresAt.getTime() > deadlineMs) {
    lines.push(
      `This job stops following at ${new Date(deadlineMs).toISOString()}, before the hook expires. Raise timeout, or answer the hook before then.`,
    );
  }
  if (test)
    lines.push(
      'The smoke test runs later, because it can reach the new tasks only from POST_TEST_TRAFFIC_SHIFT on.',
    );
  const [first = '', ...others] = lines;
  release.logEvent(first);
  for (const line of others) context.log.info(line);
  context.log.notice(lines.join('\n'), { title: `${service} waits for a manual decision` });
}
