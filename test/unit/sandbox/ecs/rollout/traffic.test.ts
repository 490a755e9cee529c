import { ContinueServiceDeploymentCommand, StopServiceDeploymentCommand } from '@aws-sdk/client-ecs';
import type { DeploymentConfiguration } from '@aws-sdk/client-ecs';
import {
  DescribeRulesCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from '@jest/globals';
import { loadBalancingOf } from '../../../../../sandbox/elb/load-balancing.ts';
import type { Scenario } from '../../../../../sandbox/index.ts';
import { configOf, DEV, refusal } from '../../clients.ts';
import { EcsWorld } from '../ecs-world.ts';

const BLUE_GREEN: DeploymentConfiguration = { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 1 };
const PAUSE = { targetType: 'PAUSE' as const, lifecycleStages: ['POST_TEST_TRAFFIC_SHIFT' as const] };

/** A steady service with a deployment strategy. */
function serviceOf(
  deploymentConfiguration: DeploymentConfiguration,
  scenario: Scenario = {},
): Promise<EcsWorld> {
  return EcsWorld.withService({ scenario }, { deploymentConfiguration });
}

function weights(ecs: EcsWorld, rule: string): (number | undefined)[] {
  const [action] = loadBalancingOf(ecs.sandbox.world, DEV, 'eu-west-1').rules.get(rule)!.actions;
  return action!.ForwardConfig!.TargetGroups!.map(({ Weight }) => Weight);
}

describe('shifted traffic', () => {
  test('at once, through every stage, to the other target group and back again', async () => {
    // Long enough to be visible on a busy machine too.
    const ecs = await serviceOf({ ...BLUE_GREEN, bakeTimeInMinutes: 10 });
    expect(weights(ecs, 'production-rule')).toEqual([100, 0]);
    const stages = new Set<string | undefined>();
    await ecs.deployNext();
    const ended = await ecs.until(
      async () => {
        const deployment = await ecs.deployment();
        stages.add(deployment.lifecycleStage);
        return deployment;
      },
      ({ finishedAt }) => finishedAt !== undefined,
    );
    expect(ended).toMatchObject({
      status: 'SUCCESSFUL',
      targetServiceRevision: { requestedProductionTrafficWeight: 100, requestedTestTrafficWeight: 100 },
      sourceServiceRevisions: [{ requestedProductionTrafficWeight: 0 }],
    });
    expect([...stages]).toEqual(expect.arrayContaining(['BAKE_TIME']));
    expect(weights(ecs, 'production-rule')).toEqual([0, 100]);
    await ecs.deployNext();
    await ecs.ended();
    expect(weights(ecs, 'production-rule')).toEqual([100, 0]);
    expect(weights(ecs, 'test-rule')).toEqual([100, 0]);
  });

  test('as shown by the load balancer', async () => {
    const ecs = await serviceOf(BLUE_GREEN);
    await ecs.deployNext();
    await ecs.ended();
    const elb = new ElasticLoadBalancingV2Client(configOf(ecs.sandbox));
    const command = new DescribeRulesCommand({ RuleArns: ['production-rule'] });
    const { Rules = [] } = await elb.send(command);
    expect(Rules[0]?.Actions?.[0]?.ForwardConfig?.TargetGroups).toEqual([
      { TargetGroupArn: ecs.targetGroups[0], Weight: 0 },
      { TargetGroupArn: ecs.targetGroups[1], Weight: 100 },
    ]);
  });

  test('both revisions run, until the bake time is over', async () => {
    const ecs = await serviceOf({ ...BLUE_GREEN, bakeTimeInMinutes: 30 });
    await ecs.deployNext();
    const baking = await ecs.when(({ lifecycleStage }) => lifecycleStage === 'BAKE_TIME');
    expect(baking).toMatchObject({
      targetServiceRevision: { runningTaskCount: 2, requestedProductionTrafficWeight: 100 },
      sourceServiceRevisions: [{ runningTaskCount: 2, requestedProductionTrafficWeight: 0 }],
    });
  });

  test('a canary first', async () => {
    const ecs = await serviceOf({
      strategy: 'CANARY',
      canaryConfiguration: { canaryPercent: 20, canaryBakeTimeInMinutes: 5 },
    });
    await ecs.deployNext();
    const canary = await ecs.when(({ lifecycleStage }) => lifecycleStage === 'PRODUCTION_TRAFFIC_SHIFT');
    expect(canary).toMatchObject({
      targetServiceRevision: { requestedProductionTrafficWeight: 20 },
      sourceServiceRevisions: [{ requestedProductionTrafficWeight: 80 }],
    });
    expect((await ecs.ended()).targetServiceRevision?.requestedProductionTrafficWeight).toBe(100);
  });

  test('in equal steps', async () => {
    const ecs = await serviceOf({
      strategy: 'LINEAR',
      linearConfiguration: { stepPercent: 40, stepBakeTimeInMinutes: 3 },
    });
    const seen = new Set<number | undefined>();
    await ecs.deployNext();
    await ecs.until(
      async () => {
        const deployment = await ecs.deployment();
        seen.add(deployment.targetServiceRevision?.requestedProductionTrafficWeight);
        return deployment;
      },
      ({ finishedAt }) => finishedAt !== undefined,
    );
    expect([...seen]).toEqual([0, 40, 80, 100]);
  });
});

describe('a PAUSE hook', () => {
  async function paused(): Promise<{ ecs: EcsWorld; serviceDeploymentArn: string; hookId: string }> {
    const ecs = await serviceOf(BLUE_GREEN);
    await ecs.deployNext({
      deploymentConfiguration: { lifecycleHooks: [PAUSE] },
    });
    const { serviceDeploymentArn, lifecycleHookDetails, lifecycleStage } = await ecs.when(
      (one) => one.lifecycleHookDetails?.[0]?.status === 'AWAITING_ACTION',
    );
    expect(lifecycleStage).toBe('POST_TEST_TRAFFIC_SHIFT');
    expect(lifecycleHookDetails).toMatchObject([{ targetType: 'PAUSE', timeoutAction: 'ROLLBACK' }]);
    return { ecs, serviceDeploymentArn: serviceDeploymentArn!, hookId: lifecycleHookDetails![0]!.hookId! };
  }

  test('waits until CONTINUE', async () => {
    const { ecs, serviceDeploymentArn, hookId } = await paused();
    await ecs.client.send(
      new ContinueServiceDeploymentCommand({ serviceDeploymentArn, hookId, action: 'CONTINUE' }),
    );
    expect(await ecs.ended()).toMatchObject({
      status: 'SUCCESSFUL',
      lifecycleHookDetails: [{ hookId, status: 'SUCCEEDED' }],
    });
    const again = new ContinueServiceDeploymentCommand({ serviceDeploymentArn, hookId });
    expect((await refusal(ecs.client.send(again))).name).toBe('InvalidParameterException');
  });

  test.each([
    'PRE_SCALE_UP',
    'POST_SCALE_UP',
    'POST_TEST_TRAFFIC_SHIFT',
    'PRE_PRODUCTION_TRAFFIC_SHIFT',
    'POST_PRODUCTION_TRAFFIC_SHIFT',
  ] as const)('waits at %s', async (stage) => {
    const ecs = await serviceOf(BLUE_GREEN);
    await ecs.deployNext({
      deploymentConfiguration: { lifecycleHooks: [{ ...PAUSE, lifecycleStages: [stage] }] },
    });
    const { serviceDeploymentArn, lifecycleHookDetails, lifecycleStage, targetServiceRevision } =
      await ecs.when((one) => one.lifecycleHookDetails?.[0]?.status === 'AWAITING_ACTION');
    expect(lifecycleStage).toBe(stage);
    expect(targetServiceRevision?.runningTaskCount).toBe(stage === 'PRE_SCALE_UP' ? 0 : 2);
    const { hookId } = lifecycleHookDetails![0]!;
    await ecs.client.send(
      new ContinueServiceDeploymentCommand({ serviceDeploymentArn: serviceDeploymentArn!, hookId: hookId! }),
    );
    expect(await ecs.ended()).toMatchObject({ status: 'SUCCESSFUL' });
  });

  test.each(['TEST_TRAFFIC_SHIFT', 'PRODUCTION_TRAFFIC_SHIFT'] as const)(
    'cannot be at %s, where a Lambda function can',
    async (stage) => {
      const ecs = await serviceOf(BLUE_GREEN);
      const lifecycleStages = [stage];
      const wrong = { deploymentConfiguration: { lifecycleHooks: [{ ...PAUSE, lifecycleStages }] } };
      expect((await refusal(ecs.deployNext(wrong))).name).toBe('InvalidParameterException');
      const hookTargetArn = `arn:aws:lambda:eu-west-1:${DEV}:function:check`;
      await ecs.deployNext({
        deploymentConfiguration: { lifecycleHooks: [{ hookTargetArn, lifecycleStages }] },
      });
      expect(await ecs.ended()).toMatchObject({ status: 'SUCCESSFUL' });
    },
  );

  test('or ROLLBACK', async () => {
    const { ecs, serviceDeploymentArn, hookId } = await paused();
    const before = weights(ecs, 'production-rule');
    await ecs.client.send(
      new ContinueServiceDeploymentCommand({ serviceDeploymentArn, hookId, action: 'ROLLBACK' }),
    );
    expect(await ecs.ended()).toMatchObject({
      status: 'ROLLBACK_SUCCESSFUL',
      statusReason:
        'Service deployment rolled back because POST_TEST_TRAFFIC_SHIFT lifecycle hook(s) failed.',
    });
    expect(weights(ecs, 'production-rule')).toEqual(before);
    expect((await ecs.service()).deployments).toHaveLength(1);
  });

  test('or until its timeout', async () => {
    const timeoutConfiguration = { timeoutInMinutes: 1, action: 'ROLLBACK' as const };
    const ecs = await serviceOf(BLUE_GREEN);
    await ecs.deployNext({
      deploymentConfiguration: { lifecycleHooks: [{ ...PAUSE, timeoutConfiguration }] },
    });
    expect(await ecs.ended()).toMatchObject({
      status: 'ROLLBACK_SUCCESSFUL',
      lifecycleHookDetails: [{ status: 'TIMED_OUT' }],
    });
  });
});

describe('alarms', () => {
  const alarms = { enable: true, rollback: true, alarmNames: ['user-errors', 'user-latency'] };
  const cloudwatch = {
    alarms: [
      { name: 'user-errors', state: 'OK' as const },
      { name: 'user-latency', state: 'OK' as const },
    ],
  };

  test.each<[DeploymentConfiguration, string]>([
    [{ strategy: 'ROLLING' }, 'SCALE_UP'],
    [BLUE_GREEN, 'BAKE_TIME'],
  ])('that go into ALARM roll back: %j', async (configuration, stage) => {
    const rules = [{ alarm: 'errors', stage, match: { image: '2222' }, after: 3 }];
    const ecs = await serviceOf({ ...configuration, alarms }, { cloudwatch, ecs: { alarms: rules } });
    await ecs.deployNext();
    expect(await ecs.ended()).toMatchObject({
      status: 'ROLLBACK_SUCCESSFUL',
      statusReason: expect.stringContaining('user-errors'),
      alarms: { status: 'TRIGGERED', triggeredAlarmNames: ['user-errors'] },
    });
    expect((await ecs.service()).taskDefinition).toMatch(/:1$/);
  });

  test('that are already in ALARM are not watched', async () => {
    const red = { alarms: [{ name: 'user-errors', state: 'ALARM' as const }] };
    const ecs = await serviceOf({ alarms }, { cloudwatch: red });
    await ecs.deployNext();
    expect(await ecs.ended()).toMatchObject({ status: 'SUCCESSFUL', alarms: { status: 'DISABLED' } });
  });
});

describe('a rollout that is stopped', () => {
  const slow = { ecs: { rules: [{ does: 'run' as const, match: { image: '2222' }, bootSeconds: 3600 }] } };

  test.each(['ROLLING', 'BLUE_GREEN'] as const)('by a rollback: %s', async (strategy) => {
    const ecs = await serviceOf({ strategy }, slow);
    await ecs.deployNext();
    const { serviceDeploymentArn } = await ecs.when(
      (one) => one.targetServiceRevision?.runningTaskCount === 2,
    );
    await ecs.client.send(new StopServiceDeploymentCommand({ serviceDeploymentArn, stopType: 'ROLLBACK' }));
    expect((await ecs.deployment()).status).toMatch(/^ROLLBACK_/);
    expect(await ecs.ended()).toMatchObject({ status: 'ROLLBACK_SUCCESSFUL' });
    expect(await ecs.service()).toMatchObject({
      taskDefinition: expect.stringMatching(/:1$/),
      runningCount: 2,
    });
    const again = new StopServiceDeploymentCommand({ serviceDeploymentArn, stopType: 'ROLLBACK' });
    expect((await refusal(ecs.client.send(again))).name).toBe('ConflictException');
  });

  test('and left as it is', async () => {
    const ecs = await serviceOf({}, slow);
    await ecs.deployNext();
    const { serviceDeploymentArn } = await ecs.when(
      (one) => one.targetServiceRevision?.runningTaskCount === 2,
    );
    await ecs.client.send(new StopServiceDeploymentCommand({ serviceDeploymentArn, stopType: 'ABORT' }));
    expect(await ecs.ended()).toMatchObject({ status: 'STOPPED', stoppedAt: expect.any(Date) });
    expect((await ecs.service()).deployments).toHaveLength(2);
  });

  test('by a newer one', async () => {
    const ecs = await serviceOf({}, slow);
    await ecs.deployNext();
    const first = await ecs.when((one) => one.status === 'IN_PROGRESS');
    await ecs.update({ taskDefinition: `user-service:1` });
    expect(await ecs.ended()).toMatchObject({ status: 'SUCCESSFUL' });
    expect(await ecs.describe(first.serviceDeploymentArn!)).toMatchObject({
      status: 'STOPPED',
      statusReason: expect.stringContaining('newer service deployment'),
    });
  });

  test('by another caller, as in the scenario', async () => {
    const meanwhile = [{ does: 'deploy' as const, stage: 'SCALE_UP', match: { image: '2222' }, after: 10 }];
    const ecs = await serviceOf({}, { ecs: { meanwhile } });
    await ecs.deployNext();
    const [, ours] = await ecs.until(ecs.list.bind(ecs), (arns) => arns.length === 3);
    await ecs.ended();
    expect((await ecs.describe(ours!)).status).toBe('STOPPED');
    expect((await ecs.service()).taskDefinition).toMatch(/:1$/);
  });
});

describe('missing or delayed features of an endpoint', () => {
  test('service deployments', async () => {
    const ecs = await EcsWorld.start({ scenario: { ecs: { serviceDeployments: false } } });
    const service = await ecs.create();
    expect(service.currentServiceRevisions).toBeUndefined();
    expect((await refusal(ecs.deployment())).name).toBe('UnknownOperationException');
    const steady = await ecs.until(
      ecs.service.bind(ecs),
      (one) => one.deployments?.[0]?.rolloutState === 'COMPLETED',
    );
    expect(steady.runningCount).toBe(2);
  });

  test('a service deployment that is not visible yet', async () => {
    const ecs = await EcsWorld.withService({ scenario: { ecs: { deploymentLag: 60 } }, timeScale: 300 });
    await ecs.until(ecs.list.bind(ecs), (arns) => arns.length === 1);
    const { serviceDeploymentArn } = await ecs.deployment();
    const service = await ecs.deployNext();
    expect(service.currentServiceDeployment).toBeUndefined();
    expect((await ecs.deployment()).serviceDeploymentArn).toBe(serviceDeploymentArn);
    await ecs.when((one) => one.serviceDeploymentArn !== serviceDeploymentArn);
  });
});
