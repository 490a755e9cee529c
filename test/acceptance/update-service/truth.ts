import type {
  CreateServiceCommandInput,
  DeploymentLifecycleHook,
  DeploymentLifecycleHookStage,
  DeploymentStrategy,
} from '@aws-sdk/client-ecs';
import type { Scenario } from '../../../sandbox/index.ts';
import { IMAGE } from '../../unit/sandbox/ecs/ecs-world.ts';
import { NEXT } from '../../support/service.ts';

/** A case of the truth table: what happens, and the only correct verdict. */
export interface Case {
  strategy: DeploymentStrategy;
  what: string;
  verdict: string;
  /** What the reason must contain. */
  reason: RegExp;
  ecs?: NonNullable<Scenario['ecs']>;
  service?: Partial<CreateServiceCommandInput>;
  /** Hooks that are added when the service is steady. */
  hooks?: DeploymentLifecycleHook[];
  inputs?: Record<string, string>;
  /** The final target revision of the service, if it is not the new one. */
  endsWith?: string;
  /** Whether the test waits for the service's first deployment. */
  fresh?: boolean;
  /** The response of the smoke test's URL. */
  answers?: number;
  /** The response to a request to the new tasks, as the load balancer's test rule routes it. */
  newTasksAnswer?: number;
  /** The weights of the two target groups in the production rule, set manually when the service is steady. */
  productionWeights?: readonly [number, number];
  /** Sent when the log contains this. */
  cancelAt?: RegExp;
}

type EcsScenario = NonNullable<Scenario['ecs']>;
type Rule = NonNullable<EcsScenario['rules']>[number];

const rule = (does: Rule['does'], more: Partial<Rule> = {}): EcsScenario => ({
  rules: [{ does, match: { image: NEXT }, ...more }],
});
const breaker = (rollback: boolean): Partial<CreateServiceCommandInput> => ({
  deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback } },
});
const alarms = {
  deploymentConfiguration: { alarms: { alarmNames: ['errors'], enable: true, rollback: true } },
};
const shifting = (
  strategy: 'BLUE_GREEN' | 'CANARY' | 'LINEAR',
  more: CreateServiceCommandInput['deploymentConfiguration'] = {},
): Partial<CreateServiceCommandInput> => ({
  deploymentConfiguration: {
    strategy,
    bakeTimeInMinutes: 1,
    deploymentCircuitBreaker: { enable: true, rollback: true },
    ...(strategy === 'CANARY' && { canaryConfiguration: { canaryPercent: 10, canaryBakeTimeInMinutes: 1 } }),
    ...(strategy === 'LINEAR' && { linearConfiguration: { stepPercent: 50, stepBakeTimeInMinutes: 1 } }),
    ...more,
  },
});
const pause = (
  timeoutInMinutes: number,
  action: 'CONTINUE' | 'ROLLBACK' = 'ROLLBACK',
  stage: DeploymentLifecycleHookStage = 'POST_TEST_TRAFFIC_SHIFT',
): DeploymentLifecycleHook[] => [
  {
    targetType: 'PAUSE',
    lifecycleStages: [stage],
    timeoutConfiguration: { timeoutInMinutes, action },
  },
];
const back = 'user-service:1';
const legacy = { serviceDeployments: false };
const noBreaker = {
  deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } },
};

/** `<url>` is replaced by the URL of a server with the response of the case. */
export const CASES: readonly Case[] = [
  {
    strategy: 'ROLLING',
    what: 'a new image',
    verdict: 'deployed',
    reason: /user-service:2 serves with 2 tasks/,
  },
  {
    strategy: 'ROLLING',
    what: 'the same image',
    verdict: 'unchanged',
    reason: /Nothing was changed/,
    inputs: { image: IMAGE },
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'exit 1, the breaker rolls back',
    verdict: 'rolled-back',
    reason: /exited with code 1.*rolled back to user-service:1/,
    ecs: rule('exit'),
    service: breaker(true),
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'exit 1, the breaker only stops; on-failure rollback',
    verdict: 'rolled-back',
    reason: /exited with code 1.*rolled back to user-service:1/,
    ecs: rule('exit'),
    service: breaker(false),
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'exit 1, the breaker only stops; on-failure keep',
    verdict: 'failed',
    reason: /exited with code 1.*keeps user-service:2/,
    ecs: rule('exit'),
    service: breaker(false),
    inputs: { 'on-failure': 'keep' },
  },
  {
    strategy: 'ROLLING',
    what: 'the host of the new tasks is repeatedly terminated',
    verdict: 'rolled-back',
    reason:
      /The container instance of the task was stopped, drained or terminated.*rolled back to user-service:1/,
    ecs: rule('lose-host'),
    service: breaker(true),
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'exit 1 always, no breaker',
    verdict: 'rolled-back',
    reason: /exited with code 1.*none became healthy.*no circuit breaker.*rolled back to user-service:1/,
    ecs: rule('exit'),
    service: noBreaker,
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'exit 1 always, no breaker; on-failure stop',
    verdict: 'failed',
    reason: /exited with code 1.*none became healthy.*Stopped the deployment of/,
    ecs: rule('exit'),
    service: noBreaker,
    inputs: { 'on-failure': 'stop' },
  },
  {
    strategy: 'ROLLING',
    what: 'exit 1 always, no breaker; on-failure keep',
    verdict: 'failed',
    reason: /exited with code 1.*none became healthy.*continues on AWS/,
    ecs: rule('exit'),
    service: noBreaker,
    inputs: { 'on-failure': 'keep' },
  },
  {
    strategy: 'ROLLING',
    what: 'two tasks fail, then they run, no breaker',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    ecs: {
      rules: [
        { does: 'exit', match: { image: NEXT }, times: 2 },
        { does: 'run', match: { image: NEXT } },
      ],
    },
    service: noBreaker,
  },
  {
    strategy: 'ROLLING',
    what: 'health checks always fail, no breaker, no service deployments',
    verdict: 'rolled-back',
    reason: /none became healthy.*rolled back to user-service:1/,
    ecs: { ...legacy, ...rule('fail-target-checks') },
    service: noBreaker,
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'scaled out as it completes',
    verdict: 'deployed',
    reason: /serves with 4 tasks/,
    ecs: {
      rules: [
        { does: 'run', match: { image: NEXT }, times: 2 },
        { does: 'run', match: { image: NEXT }, bootSeconds: 4000 },
      ],
      meanwhile: [{ does: 'scale', desiredCount: 4, stage: 'COMPLETED', match: { image: NEXT } }],
    },
  },
  {
    strategy: 'ROLLING',
    what: 'scaled out as it completes, and no more tasks start',
    verdict: 'deployed',
    reason: /serves with 2 of 4 tasks/,
    ecs: {
      rules: [
        { does: 'run', match: { image: NEXT }, times: 2 },
        { does: 'stay-pending', match: { image: NEXT } },
      ],
      meanwhile: [{ does: 'scale', desiredCount: 4, stage: 'COMPLETED', match: { image: NEXT } }],
    },
    inputs: { timeout: '20s' },
  },
  {
    strategy: 'ROLLING',
    what: 'a task is replaced as it completes',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    ecs: { meanwhile: [{ does: 'replace', stage: 'COMPLETED', match: { image: NEXT } }] },
  },
  {
    strategy: 'ROLLING',
    what: 'all tasks are replaced as it completes, and the new ones fail',
    verdict: 'failed',
    reason:
      /reported the deployment as complete, but then \d+ tasks.*failed in a row.*rolled back to user-service:1/,
    ecs: {
      rules: [
        { does: 'run', match: { image: NEXT }, times: 2 },
        { does: 'exit', match: { image: NEXT } },
      ],
      meanwhile: [{ does: 'replace', tasks: 2, stage: 'COMPLETED', match: { image: NEXT } }],
    },
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'another deployment as it completes',
    verdict: 'superseded',
    reason: /Another deployment \(user-service:1\) started after/,
    ecs: { meanwhile: [{ does: 'deploy', stage: 'COMPLETED', match: { image: NEXT } }] },
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'scaled to 0 after its tasks failed',
    verdict: 'failed',
    reason: /scaled to 0 after tasks of user-service:2 failed.*exited with code 1/,
    ecs: {
      rules: [
        { does: 'exit', match: { image: NEXT }, times: 2 },
        { does: 'stay-pending', match: { image: NEXT } },
      ],
      meanwhile: [{ does: 'scale', desiredCount: 0, stage: 'SCALE_UP', after: 4000, match: { image: NEXT } }],
    },
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'scaled to 0 while its tasks start',
    verdict: 'deployed',
    reason: /not proven, because the desired count is 0/,
    ecs: {
      ...rule('run', { bootSeconds: 4000 }),
      meanwhile: [{ does: 'scale', desiredCount: 0, stage: 'SCALE_UP', match: { image: NEXT } }],
    },
  },
  {
    strategy: 'ROLLING',
    what: 'a service with a desired count of 0',
    verdict: 'deployed',
    reason: /not proven, because the desired count is 0/,
    service: { desiredCount: 0 },
  },
  {
    strategy: 'ROLLING',
    what: 'the same image, with a desired count of 0',
    verdict: 'unchanged',
    reason: /the desired count is 0\. Nothing was changed/,
    service: { desiredCount: 0 },
    inputs: { image: IMAGE },
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'the tasks report a digest that another registry does not have',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    ecs: rule('run', { digest: `sha256:${'9'.repeat(64)}` }),
  },
  {
    strategy: 'ROLLING',
    what: 'pending forever; on-failure stop',
    verdict: 'timed-out',
    reason: /did not finish within 12 s.*Stopped the deployment of/,
    ecs: rule('stay-pending'),
    inputs: { timeout: '12s', 'on-failure': 'stop' },
  },
  {
    strategy: 'ROLLING',
    what: 'pending forever; on-failure keep',
    verdict: 'timed-out',
    reason: /did not finish within 12 s.*continues on AWS/,
    ecs: rule('stay-pending'),
    inputs: { timeout: '12s', 'on-failure': 'keep' },
  },
  {
    strategy: 'ROLLING',
    what: 'an alarm',
    verdict: 'rolled-back',
    reason: /alarm.*errors/,
    ecs: {
      ...rule('run', { bootSeconds: 4000 }),
      alarms: [{ alarm: 'errors', stage: 'SCALE_UP', match: { image: NEXT } }],
    },
    service: alarms,
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'another deployment meanwhile',
    verdict: 'superseded',
    reason: /Another deployment \(user-service:1\) replaced this one/,
    ecs: {
      ...rule('run', { bootSeconds: 4000 }),
      meanwhile: [{ does: 'deploy', stage: 'SCALE_UP', match: { image: NEXT } }],
    },
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'stopped by another caller',
    verdict: 'stopped',
    reason: /was stopped before it completed/,
    ecs: {
      ...rule('run', { bootSeconds: 4000 }),
      meanwhile: [{ does: 'stop', stage: 'SCALE_UP', match: { image: NEXT } }],
    },
  },
  {
    strategy: 'ROLLING',
    what: 'rolled back by another caller',
    verdict: 'rolled-back',
    reason: /user request/,
    ecs: {
      ...rule('run', { bootSeconds: 4000 }),
      meanwhile: [{ does: 'roll-back', stage: 'SCALE_UP', match: { image: NEXT } }],
    },
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'the service is deleted',
    verdict: 'failed',
    reason: /service user-service/,
    ecs: {
      ...rule('run', { bootSeconds: 4000 }),
      meanwhile: [{ does: 'delete', stage: 'SCALE_UP', match: { image: NEXT } }],
    },
    endsWith: '',
  },
  {
    strategy: 'ROLLING',
    what: 'no revision to roll back to',
    verdict: 'failed',
    reason: /The rollback failed too/,
    ecs: { rules: [{ does: 'exit' }] },
    service: breaker(true),
    fresh: true,
    endsWith: '*',
  },
  {
    strategy: 'ROLLING',
    what: 'the smoke test passes',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    inputs: { 'smoke-test': '<url>' },
    answers: 200,
  },
  {
    strategy: 'ROLLING',
    what: 'the smoke test fails',
    verdict: 'smoke-test-failed',
    reason: /HTTP 500, expected 200.*rolled back to user-service:1/,
    inputs: { 'smoke-test': '<url>', 'smoke-test-timeout': '5s' },
    answers: 500,
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'the smoke test fails; on-failure keep',
    verdict: 'smoke-test-failed',
    reason: /exit code 1.*keeps user-service:2/,
    inputs: { 'smoke-test': 'false', 'smoke-test-timeout': '5s', 'on-failure': 'keep' },
  },
  {
    strategy: 'ROLLING',
    what: 'the migration succeeds',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    inputs: { 'pre-deploy': 'node migrate.js' },
  },
  {
    strategy: 'ROLLING',
    what: 'the migration fails',
    verdict: 'pre-deploy-failed',
    reason: /exited with code 3.*was not changed/,
    ecs: rule('exit', { match: { image: NEXT, oneOff: true }, exitCode: 3 }),
    inputs: { 'pre-deploy': 'node migrate.js' },
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'a parameter that does not exist',
    verdict: 'failed',
    reason: /parameter \/shop\/dev\/none.*does not exist.*Nothing was changed/,
    inputs: { secrets: 'KEY=/shop/dev/none' },
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'a size that Fargate does not support',
    verdict: 'failed',
    reason: /No Fargate configuration exists for given values.*Nothing was changed/,
    inputs: { memory: '4 GB' },
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'the deployment is visible late',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    ecs: { deploymentLag: 4000 },
  },
  {
    strategy: 'ROLLING',
    what: 'the job is cancelled',
    verdict: 'cancelled',
    reason: /Requested a rollback to user-service:1/,
    ecs: rule('run', { bootSeconds: 8000 }),
    cancelAt: /Tasks:/,
    endsWith: '*',
  },
  {
    strategy: 'ROLLING',
    what: 'a new image, no service deployments',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    ecs: legacy,
  },
  {
    strategy: 'ROLLING',
    what: 'exit 1, no service deployments',
    verdict: 'rolled-back',
    reason: /exited with code 1.*rolled back to user-service:1/,
    ecs: { ...legacy, ...rule('exit') },
    service: breaker(true),
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'another deployment, no service deployments',
    verdict: 'superseded',
    reason: /replaced this one/,
    ecs: {
      ...legacy,
      ...rule('run', { bootSeconds: 4000 }),
      meanwhile: [{ does: 'deploy', stage: 'SCALE_UP', match: { image: NEXT } }],
    },
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'pending forever, no service deployments',
    verdict: 'timed-out',
    reason: /did not finish within 12 s.*rolled back to user-service:1/,
    ecs: { ...legacy, ...rule('stay-pending') },
    inputs: { timeout: '12s' },
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'command rollback',
    verdict: 'failed',
    reason: /no successful deployment .* Nothing was changed\. Fix: /,
    inputs: { command: 'rollback', image: '' },
    endsWith: back,
  },
  {
    strategy: 'ROLLING',
    what: 'command status',
    verdict: 'reported',
    reason: /user-service:1 serves with 2 of 2 tasks/,
    inputs: { command: 'status', image: '' },
    endsWith: back,
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'a new image',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    service: shifting('BLUE_GREEN'),
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'exit 1',
    verdict: 'rolled-back',
    reason: /exited with code 1.*rolled back to user-service:1/,
    ecs: rule('exit'),
    service: shifting('BLUE_GREEN'),
    endsWith: back,
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'PAUSE, the smoke test passes',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    service: shifting('BLUE_GREEN'),
    hooks: pause(1440),
    inputs: { 'smoke-test': '<url>' },
    answers: 503,
    newTasksAnswer: 200,
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'PAUSE, the smoke test fails',
    verdict: 'smoke-test-failed',
    reason: /HTTP 503, expected 200.*rolled back to user-service:1/,
    service: shifting('BLUE_GREEN'),
    hooks: pause(1440),
    inputs: { 'smoke-test': '<url>', 'smoke-test-timeout': '5s' },
    answers: 200,
    newTasksAnswer: 503,
    endsWith: back,
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'PAUSE, no answer',
    verdict: 'rolled-back',
    reason: /lifecycle hook/,
    service: shifting('BLUE_GREEN'),
    hooks: pause(60),
    endsWith: back,
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'PAUSE continues by itself',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    service: shifting('BLUE_GREEN'),
    hooks: pause(60, 'CONTINUE'),
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'PAUSE before the tasks start, a person continues it, the smoke test passes afterwards',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    ecs: {
      meanwhile: [{ does: 'continue', stage: 'PRE_SCALE_UP', after: 2000, match: { image: NEXT } }],
    },
    service: shifting('BLUE_GREEN'),
    hooks: pause(1440, 'ROLLBACK', 'PRE_SCALE_UP'),
    inputs: { 'smoke-test': '<url>', 'smoke-test-timeout': '5s' },
    answers: 200,
    newTasksAnswer: 500,
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'PAUSE before the test traffic, no answer',
    verdict: 'rolled-back',
    reason: /lifecycle hook/,
    service: shifting('BLUE_GREEN'),
    hooks: pause(60, 'ROLLBACK', 'POST_SCALE_UP'),
    inputs: { 'smoke-test': '<url>' },
    answers: 200,
    endsWith: back,
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'PAUSE, a person continues it while the smoke test runs',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    ecs: {
      meanwhile: [
        { does: 'continue', stage: 'POST_TEST_TRAFFIC_SHIFT', after: 4000, match: { image: NEXT } },
      ],
    },
    service: shifting('BLUE_GREEN', { bakeTimeInMinutes: 200 }),
    hooks: pause(1440),
    inputs: { 'smoke-test': 'sleep 4' },
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'PAUSE, the smoke test does not end',
    verdict: 'smoke-test-failed',
    reason: /stopped before it exited.*rolled back to user-service:1/,
    service: shifting('BLUE_GREEN'),
    hooks: pause(1440),
    inputs: { 'smoke-test': 'sleep 60', 'smoke-test-timeout': '5s' },
    endsWith: back,
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'the production rule forwards to no healthy target',
    verdict: 'failed',
    reason: /production listener rule production-rule sends requests to green.*Nothing was changed/,
    service: shifting('BLUE_GREEN'),
    productionWeights: [0, 100],
    endsWith: back,
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'exit 1 always, no breaker',
    verdict: 'rolled-back',
    reason: /exited with code 1.*none became healthy.*rolled back to user-service:1/,
    ecs: rule('exit'),
    service: shifting('BLUE_GREEN', noBreaker.deploymentConfiguration),
    endsWith: back,
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'scaled out as it completes',
    verdict: 'deployed',
    reason: /serves with 3 tasks/,
    ecs: {
      meanwhile: [{ does: 'scale', desiredCount: 3, stage: 'COMPLETED', match: { image: NEXT } }],
    },
    service: shifting('BLUE_GREEN'),
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'an alarm while it bakes',
    verdict: 'rolled-back',
    reason: /alarm.*errors/,
    ecs: { alarms: [{ alarm: 'errors', stage: 'BAKE_TIME', match: { image: NEXT } }] },
    service: shifting('BLUE_GREEN', { ...alarms.deploymentConfiguration, bakeTimeInMinutes: 60 }),
    endsWith: back,
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'another deployment meanwhile',
    verdict: 'superseded',
    reason: /replaced this one/,
    ecs: { meanwhile: [{ does: 'deploy', stage: 'BAKE_TIME', match: { image: NEXT } }] },
    service: shifting('BLUE_GREEN', { bakeTimeInMinutes: 60 }),
    endsWith: back,
  },
  {
    strategy: 'BLUE_GREEN',
    what: 'the job is cancelled while it bakes',
    verdict: 'cancelled',
    reason: /Requested a rollback to user-service:1/,
    service: shifting('BLUE_GREEN', { bakeTimeInMinutes: 600 }),
    cancelAt: /BAKE_TIME/,
    endsWith: '*',
  },
  {
    strategy: 'CANARY',
    what: 'a new image',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    service: shifting('CANARY'),
  },
  {
    strategy: 'CANARY',
    what: 'an alarm on the canary',
    verdict: 'rolled-back',
    reason: /alarm.*errors/,
    ecs: { alarms: [{ alarm: 'errors', stage: 'PRODUCTION_TRAFFIC_SHIFT', match: { image: NEXT } }] },
    service: shifting('CANARY', {
      ...alarms.deploymentConfiguration,
      canaryConfiguration: { canaryPercent: 10, canaryBakeTimeInMinutes: 60 },
    }),
    endsWith: back,
  },
  {
    strategy: 'CANARY',
    what: 'PAUSE after the production traffic, the smoke test fails',
    verdict: 'smoke-test-failed',
    reason: /HTTP 503, expected 200.*rolled back to user-service:1/,
    service: shifting('CANARY'),
    hooks: pause(1440, 'ROLLBACK', 'POST_PRODUCTION_TRAFFIC_SHIFT'),
    inputs: { 'smoke-test': '<url>', 'smoke-test-timeout': '5s' },
    answers: 200,
    newTasksAnswer: 503,
    endsWith: back,
  },
  {
    strategy: 'CANARY',
    what: 'another deployment as it completes',
    verdict: 'superseded',
    reason: /Another deployment \(user-service:1\) started after/,
    ecs: { meanwhile: [{ does: 'deploy', stage: 'COMPLETED', match: { image: NEXT } }] },
    service: shifting('CANARY'),
    endsWith: back,
  },
  {
    strategy: 'LINEAR',
    what: 'PAUSE before each step, the smoke test passes',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    service: shifting('LINEAR'),
    hooks: pause(1440, 'ROLLBACK', 'PRE_PRODUCTION_TRAFFIC_SHIFT'),
    inputs: { 'smoke-test': '<url>' },
    answers: 503,
    newTasksAnswer: 200,
  },
  {
    strategy: 'LINEAR',
    what: 'a task is replaced as it completes',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    ecs: { meanwhile: [{ does: 'replace', stage: 'COMPLETED', match: { image: NEXT } }] },
    service: shifting('LINEAR'),
  },
  {
    strategy: 'LINEAR',
    what: 'the image cannot be pulled, no breaker; on-failure keep',
    verdict: 'failed',
    reason: /cannot be pulled.*none became healthy.*continues on AWS/,
    ecs: rule('cannot-pull'),
    service: shifting('LINEAR', noBreaker.deploymentConfiguration),
    inputs: { 'on-failure': 'keep' },
  },
  {
    strategy: 'LINEAR',
    what: 'a service with a desired count of 0',
    verdict: 'deployed',
    reason: /not proven, because the desired count is 0/,
    service: { ...shifting('LINEAR'), desiredCount: 0 },
  },
  {
    strategy: 'LINEAR',
    what: 'a new image',
    verdict: 'deployed',
    reason: /serves with 2 tasks/,
    service: shifting('LINEAR'),
  },
  {
    strategy: 'LINEAR',
    what: 'exit 1',
    verdict: 'rolled-back',
    reason: /exited with code 1.*rolled back to user-service:1/,
    ecs: rule('exit'),
    service: shifting('LINEAR'),
    endsWith: back,
  },
  {
    strategy: 'LINEAR',
    what: 'stopped by another caller between two steps',
    verdict: 'stopped',
    reason: /was stopped before it completed/,
    ecs: { meanwhile: [{ does: 'stop', stage: 'PRODUCTION_TRAFFIC_SHIFT', match: { image: NEXT } }] },
    service: shifting('LINEAR', { linearConfiguration: { stepPercent: 50, stepBakeTimeInMinutes: 60 } }),
  },
];
