import { FilterLogEventsCommand, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteServiceCommand,
  DeregisterTaskDefinitionCommand,
  DescribeClustersCommand,
  DescribeServiceRevisionsCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListServicesCommand,
  ListTaskDefinitionsCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
  TagResourceCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import type { Task } from '@aws-sdk/client-ecs';
import { describe, expect, test } from '@jest/globals';
import { logsOf, refusal } from '../../clients.ts';
import { CLUSTER, EcsWorld, SERVICE } from '../ecs-world.ts';

const NETWORK = { awsvpcConfiguration: { subnets: ['subnet-1'] } };

async function run(ecs: EcsWorld, more: object = {}): Promise<Task> {
  const taskDefinition = await ecs.register();
  const command = new RunTaskCommand({
    cluster: CLUSTER,
    taskDefinition,
    launchType: 'FARGATE',
    networkConfiguration: NETWORK,
    ...more,
  });
  return (await ecs.client.send(command)).tasks![0]!;
}

function stopped(ecs: EcsWorld, { taskArn }: Task): Promise<Task> {
  const command = new DescribeTasksCommand({ cluster: CLUSTER, tasks: [taskArn!], include: ['TAGS'] });
  return ecs.until(
    async () => (await ecs.client.send(command)).tasks![0]!,
    ({ lastStatus }) => lastStatus === 'STOPPED',
  );
}

describe('a standalone task', () => {
  test('runs until it exits', async () => {
    const ecs = await EcsWorld.start();
    const overrides = { containerOverrides: [{ name: 'app', command: ['migrate'] }] };
    const task = await run(ecs, { overrides, startedBy: 'run-1', tags: [{ key: 'a', value: 'b' }] });
    expect(task).toMatchObject({
      lastStatus: 'PROVISIONING',
      desiredStatus: 'RUNNING',
      group: 'family:user-service',
      startedBy: 'run-1',
      overrides,
    });
    expect(await stopped(ecs, task)).toMatchObject({
      stopCode: 'EssentialContainerExited',
      stoppedReason: 'Essential container in task exited',
      containers: [{ exitCode: 0, lastStatus: 'STOPPED' }],
      tags: [{ key: 'a', value: 'b' }],
      pullStartedAt: expect.any(Date),
      pullStoppedAt: expect.any(Date),
      startedAt: expect.any(Date),
      stoppedAt: expect.any(Date),
    });
  });

  test('fails according to the scenario, and services do not', async () => {
    const rules = [
      { does: 'exit' as const, exitCode: 4, logs: ['migration failed'], match: { oneOff: true } },
    ];
    const ecs = await EcsWorld.withService({ scenario: { ecs: { rules } } });
    const task = await stopped(ecs, await run(ecs));
    expect(task.containers).toMatchObject([{ exitCode: 4 }]);
    const { events } = await logsOf(ecs.sandbox).send(
      new FilterLogEventsCommand({ logGroupName: '/services', filterPattern: '"migration failed"' }),
    );
    expect(events).toMatchObject([{ logStreamName: `ecs/app/${task.taskArn!.split('/').at(-1)!}` }]);
    expect((await ecs.deployment()).status).toBe('SUCCESSFUL');
  });

  test('is stopped by any caller', async () => {
    const ecs = await EcsWorld.start({ scenario: { ecs: { rules: [{ does: 'run', after: 3600 }] } } });
    const task = await run(ecs);
    await ecs.client.send(new StopTaskCommand({ cluster: CLUSTER, task: task.taskArn, reason: 'cancelled' }));
    expect(await stopped(ecs, task)).toMatchObject({ stopCode: 'UserInitiated', stoppedReason: 'cancelled' });
  });

  test.each([
    [{ networkConfiguration: undefined }, /^Network Configuration must be provided/],
    [{ count: 11 }, /count must be between/],
    [{ overrides: { containerOverrides: [{ name: 'other' }] } }, /container named other is not a container/],
  ])('is refused with %j', async (input, message) => {
    const ecs = await EcsWorld.start();
    expect(await refusal(run(ecs, input))).toMatchObject({
      name: 'InvalidParameterException',
      message: expect.stringMatching(message),
    });
  });
});

describe('a task of a service', () => {
  test('that is stopped is replaced', async () => {
    const ecs = await EcsWorld.withService();
    const [task] = await ecs.tasks();
    await ecs.client.send(new StopTaskCommand({ cluster: CLUSTER, task: task!.taskArn }));
    const tasks = await ecs.until(
      () => ecs.tasks(),
      (all) => all.length === 2 && all.every(({ lastStatus }) => lastStatus === 'RUNNING'),
    );
    expect(tasks.map(({ taskArn }) => taskArn)).not.toContain(task!.taskArn);
    expect(await ecs.list()).toHaveLength(1);
  });

  test("has the scheduler's reason if it is stopped", async () => {
    const ecs = await EcsWorld.withService();
    await ecs.update({ desiredCount: 1 });
    const [gone] = await ecs.until(
      () => ecs.tasks('STOPPED'),
      ({ length }) => length > 0,
    );
    expect(gone).toMatchObject({
      stopCode: 'ServiceSchedulerInitiated',
      stoppedReason: expect.stringMatching(/^Scaling activity initiated by \(deployment ecs-svc\/\d{19}\)$/),
    });
  });

  test('has a log that can be read from both ends', async () => {
    const rules = [{ does: 'run' as const, logs: ['1', '2', '3', '4', '5'] }];
    const ecs = await EcsWorld.withService({ scenario: { ecs: { rules } } });
    const [task] = await ecs.tasks();
    const logStreamName = `ecs/app/${task!.taskArn!.split('/').at(-1)!}`;
    const logs = logsOf(ecs.sandbox);
    const read = async (more: object) => {
      const command = new GetLogEventsCommand({
        logGroupName: '/services',
        logStreamName,
        limit: 2,
        ...more,
      });
      const { events, nextForwardToken } = await logs.send(command);
      return { lines: events?.map(({ message }) => message), nextToken: nextForwardToken };
    };
    expect((await read({})).lines).toEqual(['4', '5']);
    const first = await read({ startFromHead: true });
    expect(first.lines).toEqual(['1', '2']);
    const second = await read({ nextToken: first.nextToken });
    expect(second.lines).toEqual(['3', '4']);
    const third = await read({ nextToken: second.nextToken });
    expect(third.lines).toEqual(['5']);
    const end = await read({ nextToken: third.nextToken });
    expect(end).toEqual({ lines: [], nextToken: third.nextToken });
    const nowhere = logs.send(new GetLogEventsCommand({ logGroupName: '/services', logStreamName: 'x' }));
    expect(await refusal(nowhere)).toMatchObject({ name: 'ResourceNotFoundException' });
  });
});

describe('refused by ECS', () => {
  test('missing resources', async () => {
    const ecs = await EcsWorld.withService();
    const { client } = ecs;
    const calls: [Promise<unknown>, object][] = [
      [
        client.send(new DescribeServicesCommand({ cluster: 'none', services: ['s'] })),
        { name: 'ClusterNotFoundException', message: 'Cluster not found.' },
      ],
      [
        client.send(new UpdateServiceCommand({ cluster: CLUSTER, service: 'none' })),
        { name: 'ServiceNotFoundException', message: 'Service not found.' },
      ],
      [
        ecs.update({ taskDefinition: 'none' }),
        { name: 'ClientException', message: 'TaskDefinition not found.' },
      ],
      [
        client.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'none' })),
        { name: 'ClientException', message: 'Unable to describe task definition.' },
      ],
    ];
    for (const [call, error] of calls) expect(await refusal(call)).toMatchObject(error);
    const missing = await client.send(new DescribeServicesCommand({ cluster: CLUSTER, services: ['none'] }));
    expect(missing).toMatchObject({ services: [], failures: [{ reason: 'MISSING' }] });
    const revisions = new DescribeServiceRevisionsCommand({ serviceRevisionArns: ['arn:none'] });
    expect(await client.send(revisions)).toMatchObject({
      failures: [{ arn: 'arn:none', reason: 'MISSING' }],
    });
    const { clusters, failures } = await client.send(
      new DescribeClustersCommand({ clusters: [CLUSTER, 'none'] }),
    );
    expect(clusters).toMatchObject([{ clusterName: CLUSTER, activeServicesCount: 1, runningTasksCount: 2 }]);
    expect(failures).toMatchObject([{ reason: 'MISSING' }]);
  });

  test.each<[object, RegExp]>([
    [
      { loadBalancers: [{ targetGroupArn: 'arn:none', containerName: 'app', containerPort: 3000 }] },
      /target group arn:none does not exist/,
    ],
    [
      { loadBalancers: [{ targetGroupArn: 'x', containerName: 'web', containerPort: 3000 }] },
      /container web does not exist/,
    ],
    [
      { loadBalancers: [{ targetGroupArn: 'x', containerName: 'app', containerPort: 80 }] },
      /did not have a container port 80/,
    ],
    [{ networkConfiguration: undefined }, /Network Configuration must be provided/],
  ])('a service of %j', async (input, message) => {
    const ecs = await EcsWorld.start();
    expect(await refusal(ecs.create(input))).toMatchObject({
      name: 'InvalidParameterException',
      message: expect.stringMatching(message),
    });
    expect((await ecs.client.send(new ListServicesCommand({ cluster: CLUSTER }))).serviceArns).toEqual([]);
  });

  test('a cluster that is created again keeps its services', async () => {
    const ecs = await EcsWorld.withService();
    await ecs.client.send(new CreateClusterCommand({ clusterName: CLUSTER }));
    expect((await ecs.service()).serviceName).toBe(SERVICE);
  });

  test('a second service with the same name, and a task definition of a service with another controller', async () => {
    const ecs = await EcsWorld.withService({}, { deploymentController: { type: 'CODE_DEPLOY' } });
    expect((await refusal(ecs.create())).message).toBe('Creation of service was not idempotent.');
    expect((await refusal(ecs.deployNext())).message).toMatch(/CODE_DEPLOY deployment controller/);
    const moved = await ecs.deployNext({ deploymentController: { type: 'ECS' } });
    expect(moved.deploymentController).toEqual({ type: 'ECS' });
  });

  test.each([{ containerDefinitions: [] }, { family: 'a b' }])('a task definition of %j', async (input) => {
    const ecs = await EcsWorld.start();
    expect(await refusal(ecs.register(input))).toMatchObject({ name: 'ClientException' });
  });
});

describe('kept by ECS', () => {
  test('revisions of a family, until they are deregistered', async () => {
    const ecs = await EcsWorld.start();
    const { client } = ecs;
    const first = await ecs.register({ tags: [{ key: 'commit', value: 'abc' }] });
    const second = await ecs.register();
    const described = await client.send(
      new DescribeTaskDefinitionCommand({ taskDefinition: first, include: ['TAGS'] }),
    );
    expect(described).toMatchObject({
      taskDefinition: {
        revision: 1,
        status: 'ACTIVE',
        registeredAt: expect.any(Date),
        compatibilities: ['EC2', 'FARGATE'],
      },
      tags: [{ key: 'commit', value: 'abc' }],
    });
    const list = async (more = {}) =>
      (await client.send(new ListTaskDefinitionsCommand({ familyPrefix: SERVICE, ...more })))
        .taskDefinitionArns;
    expect(await list({ sort: 'DESC' })).toEqual([second, first]);
    await client.send(new DeregisterTaskDefinitionCommand({ taskDefinition: second }));
    expect(await list()).toEqual([first]);
    expect(await list({ status: 'INACTIVE' })).toEqual([second]);
    const newest = await client.send(new DescribeTaskDefinitionCommand({ taskDefinition: SERVICE }));
    expect(newest.taskDefinition?.taskDefinitionArn).toBe(first);
    const third = await client.send(
      new RegisterTaskDefinitionCommand({
        ...newest.taskDefinition,
        family: SERVICE,
        containerDefinitions: newest.taskDefinition!.containerDefinitions,
      }),
    );
    expect(third.taskDefinition?.revision).toBe(3);
    expect((await refusal(ecs.create({ taskDefinition: second }))).message).toBe(
      'TaskDefinition is inactive',
    );
  });

  test('tags', async () => {
    const ecs = await EcsWorld.withService();
    const { serviceArn } = await ecs.service();
    await ecs.client.send(
      new TagResourceCommand({ resourceArn: serviceArn, tags: [{ key: 'team', value: 'shop' }] }),
    );
    expect((await ecs.service()).tags).toEqual([{ key: 'team', value: 'shop' }]);
  });

  test('a service that is deleted drains, and another may take its name', async () => {
    const ecs = await EcsWorld.withService();
    const remove = (force: boolean) =>
      ecs.client.send(new DeleteServiceCommand({ cluster: CLUSTER, service: SERVICE, force }));
    expect((await refusal(remove(false))).message).toMatch(/scaled above 0/);
    expect((await remove(true)).service?.status).toBe('DRAINING');
    const gone = await ecs.until(ecs.service.bind(ecs), ({ status }) => status === 'INACTIVE');
    expect(gone.runningCount).toBe(0);
    expect((await ecs.create()).status).toBe('ACTIVE');
  });

  test('separate data for each account', async () => {
    const ecs = await EcsWorld.withService();
    await ecs.client.send(new CreateClusterCommand({ clusterName: 'other' }));
    const list = new ListTasksCommand({ cluster: 'other' });
    expect((await ecs.client.send(list)).taskArns).toEqual([]);
    const create = new CreateServiceCommand({
      cluster: 'other',
      serviceName: 'a b',
      taskDefinition: SERVICE,
    });
    expect((await refusal(ecs.client.send(create))).message).toBe('Invalid service name.');
  });
});
