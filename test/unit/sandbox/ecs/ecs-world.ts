import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServiceDeploymentsCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import type {
  CreateServiceCommandInput,
  RegisterTaskDefinitionCommandInput,
  Service,
  ServiceDeployment,
  Task,
  UpdateServiceCommandInput,
} from '@aws-sdk/client-ecs';
import { logGroupsOf } from '../../../../sandbox/logs/log-groups.ts';
import type { Sandbox, SandboxOptions } from '../../../../sandbox/index.ts';
import { loadBalancingOf } from '../../../../sandbox/elb/load-balancing.ts';
import { configOf, DEV, sandboxOf } from '../clients.ts';

export const CLUSTER = 'dev-platform';
export const SERVICE = 'user-service';
export const IMAGE = `registry.example.com/user-service@sha256:${'1'.repeat(64)}`;
const TIME_SCALE = 2000;
/** The pause between two reads of a final state, each of which takes more than a millisecond. */
const END_PAUSE_MS = 10;
const REGION = 'eu-west-1';

/** An ECS with one cluster and one service behind a load balancer, and common operations of tests. */
export class EcsWorld {
  readonly sandbox: Sandbox;
  readonly client: ECSClient;
  /** The serving target group, and the alternate one if traffic is shifted. */
  readonly targetGroups: readonly [string, string];

  constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
    this.client = new ECSClient(configOf(sandbox));
    this.targetGroups = [addTargetGroup(sandbox, 'blue'), addTargetGroup(sandbox, 'green')];
    addRules(sandbox, this.targetGroups);
    logGroupsOf(sandbox.world, DEV, REGION).put('/services');
  }

  static async start(options: SandboxOptions = {}): Promise<EcsWorld> {
    const ecs = new EcsWorld(await sandboxOf({ timeScale: TIME_SCALE, ...options }));
    await ecs.client.send(new CreateClusterCommand({ clusterName: CLUSTER }));
    return ecs;
  }

  /** Starts it with a steady service. */
  static async withService(
    options: SandboxOptions = {},
    service: Partial<CreateServiceCommandInput> = {},
  ): Promise<EcsWorld> {
    const ecs = await EcsWorld.start(options);
    await ecs.create(service);
    await ecs.settled();
    return ecs;
  }

  /** Resolves once the service's primary deployment is no longer in progress. */
  async settled(): Promise<Service> {
    return this.until(
      () => this.service(),
      ({ deployments }) => deployments?.[0]?.rolloutState !== 'IN_PROGRESS',
      END_PAUSE_MS,
    );
  }

  async register(changes: Partial<RegisterTaskDefinitionCommandInput> = {}): Promise<string> {
    const command = new RegisterTaskDefinitionCommand({ ...definition(), ...changes });
    return (await this.client.send(command)).taskDefinition!.taskDefinitionArn!;
  }

  async create(changes: Partial<CreateServiceCommandInput> = {}): Promise<Service> {
    const taskDefinition = await this.register();
    const command = new CreateServiceCommand({
      cluster: CLUSTER,
      serviceName: SERVICE,
      taskDefinition,
      desiredCount: 2,
      ...(changes.capacityProviderStrategy === undefined && { launchType: 'FARGATE' }),
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1', 'subnet-2'] } },
      loadBalancers: [this.balancer()],
      ...changes,
    });
    return (await this.client.send(command)).service!;
  }

  balancer() {
    const [targetGroupArn, alternateTargetGroupArn] = this.targetGroups;
    return {
      targetGroupArn,
      containerName: 'app',
      containerPort: 3000,
      advancedConfiguration: {
        alternateTargetGroupArn,
        productionListenerRule: 'production-rule',
        testListenerRule: 'test-rule',
        roleArn: `arn:aws:iam::${DEV}:role/traffic`,
      },
    };
  }

  async update(changes: Partial<UpdateServiceCommandInput> = {}): Promise<Service> {
    const command = new UpdateServiceCommand({ cluster: CLUSTER, service: SERVICE, ...changes });
    return (await this.client.send(command)).service!;
  }

  /** Starts the rollout of a new revision of the task definition. */
  async deployNext(changes: Partial<UpdateServiceCommandInput> = {}, container = {}): Promise<Service> {
    const taskDefinition = await this.registerWith({ image: IMAGE.replaceAll('1', '2'), ...container });
    return this.update({ taskDefinition, ...changes });
  }

  /** A task definition with changes to its container. */
  async registerWith(container: object): Promise<string> {
    const {
      containerDefinitions: [app],
    } = definition();
    return this.register({ containerDefinitions: [{ ...app!, ...container }] });
  }

  async service(): Promise<Service> {
    const command = new DescribeServicesCommand({ cluster: CLUSTER, services: [SERVICE], include: ['TAGS'] });
    return (await this.client.send(command)).services![0]!;
  }

  /** The latest rollout. */
  async deployment(): Promise<ServiceDeployment> {
    const [arn] = await this.list();
    return this.describe(arn!);
  }

  /** The ARNs of all rollouts, newest first. */
  async list(): Promise<string[]> {
    const command = new ListServiceDeploymentsCommand({ cluster: CLUSTER, service: SERVICE });
    const { serviceDeployments = [] } = await this.client.send(command);
    return serviceDeployments.map(({ serviceDeploymentArn }) => serviceDeploymentArn!);
  }

  async describe(arn: string): Promise<ServiceDeployment> {
    const command = new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [arn] });
    return (await this.client.send(command)).serviceDeployments![0]!;
  }

  /** The latest rollout once it has ended. */
  async ended(): Promise<ServiceDeployment> {
    return this.until(
      () => this.deployment(),
      ({ finishedAt }) => finishedAt !== undefined,
      END_PAUSE_MS,
    );
  }

  /** The latest rollout, as soon as it meets a condition. */
  async when(wanted: (deployment: ServiceDeployment) => boolean): Promise<ServiceDeployment> {
    return this.until(() => this.deployment(), wanted);
  }

  async tasks(desiredStatus: 'RUNNING' | 'STOPPED' = 'RUNNING'): Promise<Task[]> {
    const list = new ListTasksCommand({ cluster: CLUSTER, serviceName: SERVICE, desiredStatus });
    const { taskArns = [] } = await this.client.send(list);
    if (taskArns.length === 0) return [];
    return (await this.client.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks: taskArns }))).tasks!;
  }

  /** Reads often enough to see intermediate states, until the result matches. Fails after a minute. */
  async until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean, pauseMs = 2): Promise<T> {
    for (const end = Date.now() + 300_000; ;) {
      const answer = await ask();
      if (wanted(answer)) return answer;
      if (Date.now() > end) throw new Error(`still ${JSON.stringify(answer)}`);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

function definition() {
  return {
    family: SERVICE,
    networkMode: 'awsvpc' as const,
    requiresCompatibilities: ['FARGATE' as const],
    cpu: '256',
    memory: '512',
    executionRoleArn: `arn:aws:iam::${DEV}:role/execution`,
    containerDefinitions: [
      {
        name: 'app',
        image: IMAGE,
        portMappings: [{ containerPort: 3000 }],
        secrets: [{ name: 'TOKEN', valueFrom: `arn:aws:secretsmanager:${REGION}:${DEV}:secret:token` }],
        logConfiguration: {
          logDriver: 'awslogs' as const,
          options: { 'awslogs-group': '/services', 'awslogs-region': REGION, 'awslogs-stream-prefix': 'ecs' },
        },
      },
    ],
  };
}

function addTargetGroup(sandbox: Sandbox, name: string): string {
  const arn = `arn:aws:elasticloadbalancing:${REGION}:${DEV}:targetgroup/${name}/0123456789abcdef`;
  loadBalancingOf(sandbox.world, DEV, REGION).targetGroups.set(arn, {
    arn,
    name,
    given: { Port: 3000, Protocol: 'HTTP', HealthCheckPath: '/health' },
    intervalSeconds: 5,
    unhealthyThreshold: 3,
    drainSeconds: 10,
    targets: new Map(),
  });
  return arn;
}

function addRules(sandbox: Sandbox, [blue, green]: readonly [string, string]): void {
  const elb = loadBalancingOf(sandbox.world, DEV, REGION);
  const listenerArn = 'listener';
  elb.listeners.set(listenerArn, {
    arn: listenerArn,
    loadBalancerArn: 'balancer',
    given: {},
    defaultActions: [],
  });
  for (const [arn, priority] of [
    ['production-rule', '4100'],
    ['test-rule', '3100'],
  ] as const) {
    const TargetGroups = [
      { TargetGroupArn: blue, Weight: 1 },
      { TargetGroupArn: green, Weight: 0 },
    ];
    const actions = [{ Type: 'forward', ForwardConfig: { TargetGroups } }];
    elb.rules.set(arn, { arn, listenerArn, priority, conditions: [], actions });
  }
}
