import { CreateServiceCommand, type CreateServiceCommandInput, RunTaskCommand } from '@aws-sdk/client-ecs';
import { describe, expect, test } from '@jest/globals';
import type { ServiceRequest } from '../../../../src/delivery/release/request.ts';
import { release } from '../../../support/in-process.ts';
import { NEXT } from '../../../support/service.ts';
import { CLUSTER, EcsWorld, IMAGE, SERVICE } from '../../sandbox/ecs/ecs-world.ts';

/** Services on EC2: network, capacity and counts in the calls of a release, and what ECS refuses. */

const SPEED = 100;
const INSTANCES = [{ memory: 2048 }, { memory: 2048 }];
const PRE_DEPLOY = { preDeploy: { command: ['migrate'], when: 'change' as const } };
const AWSVPC = { awsvpcConfiguration: { subnets: ['subnet-1'] } };
const EC2 = { launchType: 'EC2' as const };
const PROVIDER = { capacityProviderStrategy: [{ capacityProvider: 'fleet', weight: 1 }] };

interface Row {
  name: string;
  networkMode?: 'bridge' | 'host' | 'awsvpc';
  hostPort?: number;
  service: Partial<CreateServiceCommandInput>;
  /** The required input of RunTask besides the task. Without it, there is no command. */
  task?: object;
}

const ROWS: readonly Row[] = [
  { name: 'EC2, bridge', networkMode: 'bridge', service: EC2, task: EC2 },
  { name: 'EC2, no network mode', service: EC2, task: EC2 },
  {
    name: 'EC2, awsvpc',
    networkMode: 'awsvpc',
    service: { ...EC2, networkConfiguration: AWSVPC },
    task: { ...EC2, networkConfiguration: AWSVPC },
  },
  { name: 'a capacity provider, bridge', networkMode: 'bridge', service: PROVIDER, task: PROVIDER },
  {
    name: 'EC2 with constraints and a strategy',
    networkMode: 'bridge',
    service: {
      ...EC2,
      placementConstraints: [{ type: 'memberOf', expression: 'attribute:tier == web' }],
      placementStrategy: [{ type: 'binpack', field: 'memory' }],
    },
    task: {
      ...EC2,
      placementConstraints: [{ type: 'memberOf', expression: 'attribute:tier == web' }],
      placementStrategy: [{ type: 'binpack', field: 'memory' }],
    },
  },
  {
    name: 'a daemon on EC2, bridge',
    networkMode: 'bridge',
    service: { ...EC2, schedulingStrategy: 'DAEMON' },
    task: EC2,
  },
  {
    name: 'a daemon on EC2 with a fixed port, host',
    networkMode: 'host',
    hostPort: 3000,
    service: { ...EC2, schedulingStrategy: 'DAEMON' },
  },
];

async function createService(
  world: EcsWorld,
  taskDefinition: string,
  service: Partial<CreateServiceCommandInput>,
): Promise<void> {
  const command = new CreateServiceCommand({
    cluster: CLUSTER,
    serviceName: SERVICE,
    taskDefinition,
    ...(service.schedulingStrategy !== 'DAEMON' && { desiredCount: 2 }),
    ...service,
  });
  await world.client.send(command);
}

/** A service on two instances. Its task definition has no Fargate size and no CPU architecture. */
async function worldOf(
  { networkMode, hostPort, service }: Pick<Row, 'networkMode' | 'hostPort' | 'service'>,
  ecs = {},
): Promise<EcsWorld> {
  const world = await EcsWorld.start({ scenario: { ecs: { instances: INSTANCES, ...ecs } } });
  const taskDefinition = await world.register({
    networkMode,
    requiresCompatibilities: ['EC2'],
    cpu: undefined,
    memory: undefined,
    containerDefinitions: [
      {
        name: 'app',
        image: IMAGE,
        memory: 300,
        portMappings: [{ containerPort: 3000, ...(hostPort !== undefined && { hostPort }) }],
      },
    ],
  });
  await createService(world, taskDefinition, service);
  await world.settled();
  return world;
}

/** From the input of RunTask. */
function capacityOf(input: unknown): object {
  const others = ['clientToken', 'startedBy', 'count', 'cluster', 'taskDefinition', 'overrides'];
  return Object.fromEntries(Object.entries(input as object).filter(([key]) => !others.includes(key)));
}

describe.each(ROWS)('$name', (row) => {
  test('is deployed with a pre-deploy command, and restarted', async () => {
    const world = await worldOf(row);
    const { result, lines } = await release(world, row.task ? PRE_DEPLOY : {}, SPEED);
    expect({ ...result, lines }).toMatchObject({
      verdict: 'deployed',
      reason: 'user-service:2 serves with 2 tasks.',
      findings: [],
      lines: expect.not.arrayContaining([expect.stringMatching(/^::(?:warning|error)/)]),
    });
    expect(world.sandbox.calls.of('RunTask').map(({ input }) => capacityOf(input))).toEqual(
      row.task ? [row.task] : [],
    );
    for (const { input } of world.sandbox.calls.of('UpdateService')) {
      expect(Object.keys(input as object).sort()).toEqual(['cluster', 'service', 'taskDefinition']);
    }
    const restart: Partial<ServiceRequest> = { source: { kind: 'current' }, forceNewDeployment: true };
    expect((await release(world, restart, SPEED)).result).toMatchObject({ verdict: 'deployed' });
  });
});

test('a desired count is refused for a daemon before the first change', async () => {
  const world = await worldOf({ networkMode: 'bridge', service: { ...EC2, schedulingStrategy: 'DAEMON' } });
  const { result } = await release(world, { desiredCount: 3 }, SPEED);
  expect(result).toMatchObject({ verdict: 'failed' });
  expect(result.reason).toBe(
    'desired-count: expected no value, because user-service has the scheduling strategy DAEMON, got "3". It runs one task on each container instance. Nothing was changed.',
  );
  expect(world.sandbox.calls.of('RegisterTaskDefinition')).toHaveLength(1);
});

test('a command without a free host port fails with that reason', async () => {
  const service = { ...EC2, schedulingStrategy: 'DAEMON' as const };
  const world = await worldOf({ networkMode: 'host', hostPort: 3000, service });
  const { result } = await release(world, PRE_DEPLOY, SPEED);
  expect(result).toMatchObject({
    verdict: 'pre-deploy-failed',
    reason:
      'The pre-deploy command migrate failed: ECS could not start the task: RESOURCE:PORTS. Fix: Remove the fixed host ports from the task definition, or add a container instance where they are free. The service was not changed.',
  });
});

test("a fixed host port in use by the old tasks fails with ECS's message and a fix", async () => {
  const world = await worldOf({ networkMode: 'bridge', hostPort: 8080, service: EC2 });
  const { result } = await release(world, { timeoutMs: 120_000 }, SPEED);
  expect(result.verdict).toBe('timed-out');
  expect(result.failure).toMatchObject({
    cause: 'No container instance in the cluster can run the task',
    fix: expect.stringContaining('use hostPort 0, or a minimumHealthyPercent below 100'),
    awsMessage: expect.stringMatching(
      /because no container instance met all of its requirements\. The closest matching container-instance \w+ is already using a port/,
    ),
  });
});

test('a fixed port instead of a dynamic one is a change in bridge mode', async () => {
  const world = await worldOf({ networkMode: 'bridge', service: EC2 });
  const fixed = await world.register({
    networkMode: 'bridge',
    requiresCompatibilities: ['EC2'],
    cpu: undefined,
    memory: undefined,
    containerDefinitions: [
      { name: 'app', image: IMAGE, memory: 300, portMappings: [{ containerPort: 3000, hostPort: 3000 }] },
    ],
  });
  const request: Partial<ServiceRequest> = {
    source: { kind: 'revision', revision: fixed },
    timeoutMs: 60_000,
  };
  const { lines } = await release(world, request, SPEED);
  expect(lines.join('\n')).toContain('app.portMappings[0].hostPort');
});

test('failures before a healthy target of an instance do not count', async () => {
  const match = { image: NEXT };
  const rules = [
    { does: 'exit' as const, match, times: 2 },
    { does: 'run' as const, match },
  ];
  const world = await EcsWorld.start({ scenario: { ecs: { instances: INSTANCES, rules } } });
  const app = { name: 'app', image: IMAGE, memory: 300, portMappings: [{ containerPort: 3000 }] };
  const taskDefinition = await world.register({
    networkMode: 'bridge',
    requiresCompatibilities: ['EC2'],
    cpu: undefined,
    memory: undefined,
    containerDefinitions: [app],
  });
  await createService(world, taskDefinition, { ...EC2, loadBalancers: [world.balancer()] });
  await world.settled();
  expect((await release(world, {}, 40)).result).toMatchObject({ verdict: 'deployed' });
});

describe('the sandbox refuses the same as ECS', () => {
  const run = (world: EcsWorld, input: object) =>
    world.client.send(new RunTaskCommand({ cluster: CLUSTER, taskDefinition: 'user-service', ...input }));

  test('a network in bridge, two kinds of capacity, a platform version on EC2, a count for a daemon', async () => {
    const world = await worldOf({ networkMode: 'bridge', service: { ...EC2, schedulingStrategy: 'DAEMON' } });
    await expect(run(world, { ...EC2, networkConfiguration: AWSVPC })).rejects.toThrow(
      'Network Configuration is not valid for the given networkMode of this task definition.',
    );
    await expect(run(world, { ...EC2, ...PROVIDER })).rejects.toThrow('Specifying both a launch type and');
    await expect(run(world, { ...EC2, platformVersion: '1.4.0' })).rejects.toThrow(
      'The platform version must be null when specifying an EC2 launch type.',
    );
    await expect(world.update({ desiredCount: 3 })).rejects.toThrow(
      'The daemon scheduling strategy does not support a desired count for services.',
    );
  });
});
