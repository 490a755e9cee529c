import { FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DescribeTasksCommand, RunTaskCommand } from '@aws-sdk/client-ecs';
import { describe, expect } from '@jest/globals';
import type { Scenario } from '../../sandbox/index.ts';
import { realServiceUrl } from '../../sandbox/ecs/tasks/real-routes.ts';
import { ecsOf } from '../../sandbox/ecs/model.ts';
import { DEV, logsOf } from '../unit/sandbox/clients.ts';
import { CLUSTER, EcsWorld, SERVICE } from '../unit/sandbox/ecs/ecs-world.ts';
import { testWithServices } from '../support/services.ts';

const digest = (release: string): string => `sha256:${release.repeat(64)}`;
const image = (release: string): string => `registry.example.com/user-service@${digest(release)}`;
const ENVIRONMENT = [
  { name: 'APP_ENV', value: 'dev' },
  { name: 'DB_HOST', value: 'dev.cluster-c9.eu-west-1.rds.amazonaws.com' },
  { name: 'DB_NAME', value: 'platform' },
  { name: 'DB_AUTH', value: 'iam' },
  { name: 'DB_USER', value: SERVICE },
];
const scenario: Scenario = {
  ecs: {
    tasks: 'real',
    releases: {
      [digest('2')]: 'crashes-at-start',
      [digest('3')]: 'fails-health-check',
      [digest('4')]: 'fails-migration',
    },
  },
};
const BREAKER = {
  deploymentCircuitBreaker: {
    enable: true,
    rollback: true,
    resetOnHealthyTask: false,
    thresholdConfiguration: { type: 'COUNT' as const, value: 2 },
  },
};

/** A service whose tasks are processes, and its database. */
async function realService(): Promise<EcsWorld> {
  const ecs = await EcsWorld.start({ scenario, timeScale: 100 });
  const taskDefinition = await ecs.registerWith({ image: image('1'), environment: ENVIRONMENT });
  await ecs.create({ taskDefinition, deploymentConfiguration: BREAKER, desiredCount: 1 });
  await ecs.settled();
  return ecs;
}

async function version(ecs: EcsWorld): Promise<unknown> {
  const world = ecsOf(ecs.sandbox.world, DEV, 'eu-west-1');
  const url = realServiceUrl(world, world.clusters.get(CLUSTER)!, SERVICE);
  const answer = await fetch(`${url}/version`);
  return answer.status === 200 ? ((await answer.json()) as { digest?: string }).digest : answer.status;
}

describe('real tasks', () => {
  testWithServices('serve, and a version that cannot leaves the one before in place', async () => {
    const ecs = await realService();
    expect(await ecs.deployment()).toMatchObject({ status: 'SUCCESSFUL' });
    expect(await version(ecs)).toBe(digest('1'));

    await ecs.deployNext({}, { image: image('5'), environment: ENVIRONMENT });
    expect(await ecs.ended()).toMatchObject({ status: 'SUCCESSFUL' });
    expect(await version(ecs)).toBe(digest('5'));

    await ecs.deployNext({}, { image: image('2'), environment: ENVIRONMENT });
    expect(await ecs.ended()).toMatchObject({ status: 'ROLLBACK_SUCCESSFUL' });
    const crashed = (await ecs.tasks('STOPPED')).filter(({ containers }) => containers?.[0]?.exitCode === 1);
    expect(crashed.length).toBeGreaterThanOrEqual(2);
    const { events } = await logsOf(ecs.sandbox).send(
      new FilterLogEventsCommand({ logGroupName: '/services', filterPattern: '"PAYMENTS_URL: is not set"' }),
    );
    expect(events).not.toHaveLength(0);
    expect(await version(ecs)).toBe(digest('5'));

    await ecs.deployNext({}, { image: image('3'), environment: ENVIRONMENT });
    expect(await ecs.ended()).toMatchObject({ status: 'ROLLBACK_SUCCESSFUL' });
    const reasons = (await ecs.tasks('STOPPED')).map(({ stoppedReason }) => stoppedReason);
    expect(reasons).toContainEqual(expect.stringContaining('Task failed ELB health checks'));
    expect(await version(ecs)).toBe(digest('5'));
  });

  testWithServices.each<[string, number]>([
    ['1', 0],
    ['4', 1],
  ])('migrate: release %s ends with %d', async (release, exitCode) => {
    const ecs = await EcsWorld.start({ scenario, timeScale: 100 });
    const taskDefinition = await ecs.registerWith({ image: image(release), environment: ENVIRONMENT });
    const run = new RunTaskCommand({
      cluster: CLUSTER,
      taskDefinition,
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
      launchType: 'FARGATE',
      overrides: { containerOverrides: [{ name: 'app', command: ['node', 'dist/migrate.js'] }] },
    });
    const { tasks } = await ecs.client.send(run);
    const described = new DescribeTasksCommand({ cluster: CLUSTER, tasks: [tasks![0]!.taskArn!] });
    const ended = await ecs.until(
      async () => (await ecs.client.send(described)).tasks![0]!,
      ({ lastStatus }) => lastStatus === 'STOPPED',
    );
    expect(ended).toMatchObject({
      stopCode: 'EssentialContainerExited',
      containers: [{ exitCode }],
    });
  });
});
