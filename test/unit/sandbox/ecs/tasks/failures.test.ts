import { GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DescribeTargetHealthCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from '@jest/globals';
import type { SandboxOptions, Scenario } from '../../../../../sandbox/index.ts';
import { elbOf, logsOf } from '../../clients.ts';
import { EcsWorld } from '../ecs-world.ts';

type Rule = NonNullable<NonNullable<Scenario['ecs']>['rules']>[number];

const NEW = '2'.repeat(64);
const BREAKER = {
  deploymentCircuitBreaker: {
    enable: true,
    rollback: true,
    resetOnHealthyTask: false,
    thresholdConfiguration: { type: 'COUNT' as const, value: 2 },
  },
};

/** A service whose next image behaves as a rule says. */
function failing(rule: Rule, options: SandboxOptions = {}): Promise<EcsWorld> {
  return EcsWorld.withService(
    { ...options, scenario: { ecs: { rules: [{ ...rule, match: { image: NEW } }] } } },
    { deploymentConfiguration: BREAKER },
  );
}

describe('failing tasks', () => {
  test.each<[Rule, object, object]>([
    [
      { does: 'exit', logs: ['no database'] },
      { stopCode: 'EssentialContainerExited', stoppedReason: 'Essential container in task exited' },
      { exitCode: 1 },
    ],
    [
      { does: 'run-out-of-memory' },
      { stopCode: 'EssentialContainerExited' },
      { exitCode: 137, reason: 'OutOfMemoryError: Container killed due to memory usage' },
    ],
    [{ does: 'segfault' }, { stopCode: 'EssentialContainerExited' }, { exitCode: 139 }],
    [{ does: 'exec-format-error' }, { stopCode: 'EssentialContainerExited' }, { exitCode: 255 }],
    [
      { does: 'cannot-pull' },
      {
        stopCode: 'TaskFailedToStart',
        stoppedReason: expect.stringMatching(/^CannotPullContainerError: .*: not found$/),
      },
      { reason: expect.stringContaining('CannotPullContainerError') },
    ],
    [
      { does: 'cannot-read-secrets' },
      {
        stopCode: 'TaskFailedToStart',
        stoppedReason: expect.stringMatching(/^ResourceInitializationError: .*secret:token .*AccessDenied/),
      },
      {},
    ],
    [
      { does: 'fail-target-checks' },
      {
        stopCode: 'ServiceSchedulerInitiated',
        stoppedReason: expect.stringMatching(/^Task failed ELB health checks in \(target-group arn:.*blue/),
      },
      { exitCode: 0 },
    ],
    [
      { does: 'find-no-capacity' },
      { stopCode: 'TaskFailedToStart', stoppedReason: expect.stringContaining('Capacity is unavailable') },
      {},
    ],
    [
      { does: 'find-no-address' },
      {
        stopCode: 'TaskFailedToStart',
        stoppedReason: expect.stringMatching(/subnet 'subnet-[12]': InsufficientFreeAddressesInSubnet$/),
      },
      {},
    ],
  ])('%j', async (rule, task, container) => {
    const ecs = await failing(rule);
    const before = await ecs.service();
    const service = await ecs.deployNext();
    expect(await ecs.ended()).toMatchObject({
      status: 'ROLLBACK_SUCCESSFUL',
      statusReason: 'Service deployment rolled back because the circuit breaker threshold was exceeded.',
      deploymentCircuitBreaker: { status: 'TRIGGERED', failureCount: 2, threshold: 2 },
      rollback: { serviceRevisionArn: expect.stringContaining(':service-revision/') },
    });
    const stopped = (await ecs.tasks('STOPPED')).filter(
      (one) => one.startedBy === service.deployments?.[0]?.id,
    );
    expect(stopped.length).toBeGreaterThanOrEqual(2);
    const failed = stopped.filter(({ stoppedReason }) => !stoppedReason?.startsWith('Scaling activity'));
    expect(failed[0]).toMatchObject({ ...task, containers: [container] });
    const after = await ecs.service();
    expect(after).toMatchObject({ taskDefinition: before.taskDefinition, runningCount: 2 });
    expect(after.events?.map(({ message }) => message)).toContain(
      `(service user-service) (deployment ${String(service.deployments?.[0]?.id)}) deployment failed: tasks failed to start.`,
    );
  });

  test.each([
    { minimumHealthyPercent: 100 },
    { minimumHealthyPercent: 50, maximumPercent: 150 },
    // The failed revision must not return while the alarms of the rollback are watched.
    { minimumHealthyPercent: 100, alarms: { enable: true, rollback: true, alarmNames: ['errors'] } },
  ])('leave the old tasks running, which keep serving: %j', async (percent) => {
    const ecs = await EcsWorld.withService(
      {
        scenario: {
          ecs: { rules: [{ does: 'exit', match: { image: NEW } }] },
          cloudwatch: { alarms: [{ name: 'errors', state: 'OK' }] },
        },
      },
      { deploymentConfiguration: { ...BREAKER, ...percent } },
    );
    const before = (await ecs.tasks()).map(({ taskArn }) => taskArn);
    await ecs.deployNext();
    await ecs.ended();
    const kept = (await ecs.tasks()).filter(({ taskArn }) => before.includes(taskArn));
    expect(kept).toHaveLength((2 * percent.minimumHealthyPercent) / 100);
  });

  test('write their last lines to the stream of their container', async () => {
    const ecs = await failing({ does: 'exit', exitCode: 3, logs: ['connecting', 'no database'] });
    await ecs.deployNext();
    await ecs.ended();
    const failed = (await ecs.tasks('STOPPED')).find(({ containers }) => containers?.[0]?.exitCode === 3);
    const id = failed!.taskArn!.split('/').at(-1)!;
    const { events } = await logsOf(ecs.sandbox).send(
      new GetLogEventsCommand({
        logGroupName: '/services',
        logStreamName: `ecs/app/${id}`,
        startFromHead: true,
      }),
    );
    expect(events?.map(({ message }) => message)).toEqual(['connecting', 'no database']);
  });

  test('have a health reason at the load balancer while they exist', async () => {
    const rule = { does: 'fail-target-checks' as const, reason: 'Target.Timeout' as const };
    const ecs = await failing(rule, { timeScale: 200 });
    await ecs.deployNext();
    const unhealthy = await ecs.until(
      async () => {
        const command = new DescribeTargetHealthCommand({ TargetGroupArn: ecs.targetGroups[0] });
        const { TargetHealthDescriptions } = await elbOf(ecs.sandbox).send(command);
        return TargetHealthDescriptions?.find(({ TargetHealth }) => TargetHealth?.State === 'unhealthy');
      },
      (found) => found !== undefined,
    );
    expect(unhealthy).toMatchObject({
      Target: { Port: 3000 },
      TargetHealth: { Reason: 'Target.Timeout', Description: 'Request timed out' },
    });
  });

  test('a container with its own health check', async () => {
    const ecs = await failing({ does: 'fail-container-checks' });
    await ecs.deployNext({}, { healthCheck: { command: ['CMD', 'true'], interval: 5, retries: 2 } });
    await ecs.ended();
    const failed = (await ecs.tasks('STOPPED')).find(
      ({ stoppedReason }) => stoppedReason === 'Task failed container health checks',
    );
    expect(failed).toMatchObject({ healthStatus: 'UNHEALTHY', containers: [{ healthStatus: 'UNHEALTHY' }] });
  });

  test('a pending task does not fail the rollout until it is stopped', async () => {
    const ecs = await failing({ does: 'stay-pending' });
    await ecs.deployNext();
    const stuck = await ecs.when(
      ({ targetServiceRevision }) => targetServiceRevision?.pendingTaskCount === 2,
    );
    expect(stuck).toMatchObject({ status: 'IN_PROGRESS', deploymentCircuitBreaker: { failureCount: 0 } });
  });

  test('a missing image of this registry cannot be pulled', async () => {
    const ecs = await EcsWorld.withService({}, { deploymentConfiguration: BREAKER });
    const image = `${new URL(ecs.sandbox.url).host}/111111111111/eu-west-1/user-service:v1`;
    await ecs.deployNext({}, { image });
    await ecs.ended();
    const reasons = (await ecs.tasks('STOPPED')).map(({ stoppedReason }) => stoppedReason);
    expect(reasons).toContain(
      `CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref ${image}: ${image}: not found`,
    );
  });

  test('a missing log group', async () => {
    const ecs = await EcsWorld.withService({}, { deploymentConfiguration: BREAKER });
    const options = {
      'awslogs-group': '/nowhere',
      'awslogs-region': 'eu-west-1',
      'awslogs-stream-prefix': 'ecs',
    };
    await ecs.deployNext({}, { logConfiguration: { logDriver: 'awslogs', options } });
    expect((await ecs.ended()).status).toBe('ROLLBACK_SUCCESSFUL');
    const reasons = (await ecs.tasks('STOPPED')).map(({ stoppedReason }) => stoppedReason);
    expect(reasons).toContainEqual(expect.stringContaining('The specified log group does not exist'));
  });

  test('a digest other than the requested one', async () => {
    const digest = `sha256:${'9'.repeat(64)}`;
    const ecs = await failing({ does: 'run', digest });
    await ecs.deployNext();
    expect((await ecs.ended()).status).toBe('SUCCESSFUL');
    expect((await ecs.tasks())[0]?.containers?.[0]?.imageDigest).toBe(digest);
  });
});

describe('the circuit breaker', () => {
  test('allows half of the tasks to fail, but three at least', async () => {
    const ecs = await EcsWorld.withService(
      {},
      { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } } },
    );
    expect((await ecs.deployment()).deploymentCircuitBreaker).toMatchObject({
      threshold: 3,
      status: 'MONITORING_COMPLETE',
    });
    await ecs.update({ desiredCount: 9, forceNewDeployment: true });
    expect((await ecs.deployment()).deploymentCircuitBreaker).toMatchObject({ threshold: 5 });
  });

  test('resets failures once a task is healthy, unless configured otherwise', async () => {
    const scenario = { ecs: { rules: [{ does: 'exit' as const, match: { image: NEW }, times: 2 }] } };
    const ecs = await EcsWorld.withService(
      { scenario },
      { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } } },
    );
    await ecs.deployNext();
    expect(await ecs.ended()).toMatchObject({
      status: 'SUCCESSFUL',
      deploymentCircuitBreaker: { failureCount: 0 },
    });
  });

  test('without rollback, the rollout stops and no new task is started', async () => {
    const scenario = { ecs: { rules: [{ does: 'exit' as const, match: { image: NEW } }] } };
    const ecs = await EcsWorld.withService(
      { scenario },
      { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } } },
    );
    await ecs.deployNext();
    expect(await ecs.ended()).toMatchObject({
      status: 'STOPPED',
      statusReason: expect.stringContaining('threshold was exceeded'),
    });
    const { deployments } = await ecs.service();
    expect(deployments).toMatchObject([
      {
        status: 'PRIMARY',
        rolloutState: 'FAILED',
        rolloutStateReason: 'ECS deployment circuit breaker: tasks failed to start.',
      },
      { status: 'ACTIVE', runningCount: 2 },
    ]);
  });

  test('a first deployment has nothing to roll back to', async () => {
    const scenario = { ecs: { rules: [{ does: 'exit' as const }] } };
    const ecs = await EcsWorld.withService({ scenario }, { deploymentConfiguration: BREAKER });
    expect(await ecs.deployment()).toMatchObject({
      status: 'ROLLBACK_FAILED',
      statusReason: 'No rollback candidate was found to run the rollback.',
    });
  });

  test('a rollback fails if its tasks fail too', async () => {
    const scenario = { ecs: { rules: [{ does: 'run' as const, times: 2 }, { does: 'exit' as const }] } };
    const deploymentConfiguration = { ...BREAKER, minimumHealthyPercent: 0, maximumPercent: 100 };
    const ecs = await EcsWorld.withService({ scenario }, { deploymentConfiguration });
    await ecs.deployNext();
    expect(await ecs.ended()).toMatchObject({ status: 'ROLLBACK_FAILED' });
  });
});

test('a task whose secret does not exist is not started', async () => {
  const secret = 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:api-key';
  const world = await EcsWorld.withService(
    { scenario: { missing: [secret] } },
    { deploymentConfiguration: BREAKER },
  );
  await world.deployNext({}, { secrets: [{ name: 'API_KEY', valueFrom: secret }] });
  await world.ended();
  const [task] = await world.tasks('STOPPED');
  expect(task).toMatchObject({
    stopCode: 'TaskFailedToStart',
    stoppedReason: expect.stringMatching(
      /^ResourceInitializationError: .*secret:api-key .*ResourceNotFoundException/,
    ),
  });
});
