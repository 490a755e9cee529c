import { ContinueServiceDeploymentCommand } from '@aws-sdk/client-ecs';
import { servicePage } from '../../aws/console.ts';
import { send } from '../../aws/send.ts';
import { reasonOf } from '../../core/errors.ts';
import { describeServiceDeployment, type OurDeployment, stopDeployment } from '../../ecs/deployment.ts';
import { isEnd, type PauseHook, readRollout } from '../../ecs/rollout.ts';
import { nameOf } from '../../ecs/service.ts';
import type { Release } from '../release/release.ts';
import type { ServiceContext, SmokeTest } from '../release/request.ts';
import { testDeployment } from './smoke-test.ts';

/** Names the service whose new tasks a request is for: the test rule of templates/fargate.yml looks at it. */
const TEST_HEADER = 'x-platform-test';

/**
 * The stages at which test requests reach the new tasks. Before them there are no new tasks, or no traffic to them.
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
  /** Whether a failed test takes the deployment back when somebody else has continued it. */
  rollsBack: boolean;
  /** When this job stops following, in ms since the epoch. */
  deadlineMs: number;
}

/** Answers a PAUSE hook by the smoke test where that reaches the new tasks; all other hooks wait for a person. */
export async function answerPauseHook(
  context: ServiceContext,
  release: Release,
  deployment: OurDeployment,
  options: AnswerOptions,
): Promise<void> {
  const { pause, test, rollsBack } = options;
  if (!test || !TESTABLE_STAGES.has(pause.stage ?? '')) {
    tellWaiting(context, release, deployment, options);
    return;
  }
  release.logEvent(`The deployment waits at the PAUSE hook of ${pause.stage ?? ''}: the smoke test decides.`);
  const headers = { [TEST_HEADER]: deployment.service };
  const { ok } = await testDeployment(context, release, test, deployment, headers);
  const isOurs = await continueDeployment(context, release, deployment, pause.hookId, ok);
  if (isOurs || ok || !rollsBack) return;
  // Somebody continued it, and the test has found out since that the new tasks do not work.
  try {
    await stopDeployment(context, deployment, 'ROLLBACK');
  } catch (error) {
    context.signal.throwIfAborted();
    // What is complete by now is taken back when the watch has seen its end.
    if (!isEnd((await readRollout(context, deployment)).phase)) throw error;
    return;
  }
  release.logEvent('Rolling the deployment back: the smoke test failed.');
}

/**
 * Answers a PAUSE hook of our own deployment back to a revision that served before: what the smoke test would decide is
 * decided, and a hook for people still waits for one.
 */
export async function answerHookOfRollback(
  context: ServiceContext,
  release: Release,
  rollback: OurDeployment,
  options: Omit<AnswerOptions, 'test' | 'rollsBack'> & { isTested: boolean },
): Promise<void> {
  const { pause, isTested, deadlineMs } = options;
  if (isTested && TESTABLE_STAGES.has(pause.stage ?? '')) {
    await continueDeployment(context, release, rollback, pause.hookId, true);
    return;
  }
  tellWaiting(context, release, rollback, { pause, test: undefined, rollsBack: false, deadlineMs });
}

/**
 * Continues a deployment, or rolls it back. False when the hook does not wait any more: a person has answered it while
 * the test ran, or its time ran out. That is no failure of the deployment, whose state the watch reads.
 *
 * @throws the error of ContinueServiceDeployment while the hook still waits.
 */
async function continueDeployment(
  context: ServiceContext,
  release: Release,
  deployment: OurDeployment,
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
      `The PAUSE hook was answered before the smoke test had ended${how}: the deployment was read again. AWS: ${reasonOf(error)}`,
    );
    return false;
  }
  release.logEvent(ok ? 'Continued the deployment.' : 'Rolling the deployment back at the PAUSE hook.');
  return true;
}

/** Says which hook waits, since when, until when, what happens then, and how a person continues it. */
function tellWaiting(
  context: ServiceContext,
  release: Release,
  { cluster, service, arn = '' }: OurDeployment,
  { pause, test, deadlineMs }: AnswerOptions,
): void {
  const { hookId, stage, expiresAt, timeoutAction } = pause;
  const since = new Date(context.clock.now()).toISOString();
  const where = stage === undefined ? 'a PAUSE hook' : `the PAUSE hook of ${stage}`;
  const then = timeoutAction === 'CONTINUE' ? 'continues it' : 'rolls it back';
  const until = expiresAt ? ` until ${expiresAt.toISOString()}; then ECS ${then}` : '';
  const command = `aws ecs continue-service-deployment --region ${context.region} --service-deployment-arn ${arn} --hook-id ${hookId} --action`;
  const lines = [
    `The deployment of ${service} waits at ${where} for a person, since ${since}${until}.`,
    `Continue: ${command} CONTINUE`,
    `Roll back: ${command} ROLLBACK`,
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/continue-service-deployment.html: Take action.
    `Console: ${servicePage(context.region, nameOf(cluster), service)}`,
  ];
  if (expiresAt && expiresAt.getTime() > deadlineMs) {
    lines.push(
      `This job stops following at ${new Date(deadlineMs).toISOString()}, before the hook expires: raise timeout, or answer the hook before that.`,
    );
  }
  if (test)
    lines.push('The smoke test reaches the new tasks from POST_TEST_TRAFFIC_SHIFT on, and runs later.');
  const [first = '', ...others] = lines;
  release.logEvent(first);
  for (const line of others) context.log.info(line);
  context.log.notice(lines.join('\n'), { title: `${service} waits for a person` });
}
