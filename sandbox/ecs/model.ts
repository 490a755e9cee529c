import { Changes } from '../changes.ts';
import { partitionOf, type World } from '../world.ts';

/** A part of a request that is stored and returned unchanged. */
export type Given = Record<string, unknown>;

export interface Tag {
  key: string;
  value: string;
}

export interface Cluster {
  arn: string;
  name: string;
  status: 'ACTIVE' | 'INACTIVE';
  tags: Tag[];
  /** Settings, capacity providers and other given values. */
  given: Given;
}

/** The part of a container definition that the sandbox uses. */
export interface ContainerDefinition extends Given {
  name: string;
  image: string;
  essential?: boolean;
  portMappings?: { containerPort?: number; hostPort?: number }[];
  healthCheck?: { interval?: number; retries?: number; startPeriod?: number };
  logConfiguration?: { logDriver?: string; options?: Record<string, string> };
  stopTimeout?: number;
}

export interface TaskDefinition {
  arn: string;
  family: string;
  revision: number;
  status: 'ACTIVE' | 'INACTIVE' | 'DELETE_IN_PROGRESS';
  containers: ContainerDefinition[];
  /** The request without its family, containers and tags. */
  given: Given;
  /** The supported launch types. */
  compatibilities: string[];
  tags: Tag[];
  registeredAt: Date;
  registeredBy: string;
  deregisteredAt?: Date;
}

export interface LoadBalancer extends Given {
  targetGroupArn?: string;
  containerName?: string;
  containerPort?: number;
  advancedConfiguration?: {
    alternateTargetGroupArn?: string;
    productionListenerRule?: string;
    testListenerRule?: string;
  };
}

type Strategy = 'ROLLING' | 'BLUE_GREEN' | 'CANARY' | 'LINEAR';

export interface LifecycleHook extends Given {
  targetType?: 'AWS_LAMBDA' | 'PAUSE';
  hookTargetArn?: string;
  lifecycleStages?: string[];
  timeoutConfiguration?: { timeoutInMinutes?: number; action?: 'CONTINUE' | 'ROLLBACK' };
}

export interface DeploymentConfiguration extends Given {
  strategy?: Strategy;
  minimumHealthyPercent?: number;
  maximumPercent?: number;
  bakeTimeInMinutes?: number;
  deploymentCircuitBreaker?: {
    enable?: boolean;
    rollback?: boolean;
    resetOnHealthyTask?: boolean;
    thresholdConfiguration?: { type?: string; value?: number };
  };
  alarms?: { enable?: boolean; rollback?: boolean; alarmNames?: string[] };
  lifecycleHooks?: LifecycleHook[];
  canaryConfiguration?: { canaryPercent?: number; canaryBakeTimeInMinutes?: number };
  linearConfiguration?: { stepPercent?: number; stepBakeTimeInMinutes?: number };
  earlySuccessCriteria?: {
    enable?: boolean;
    healthyPercent?: number;
    sourceServiceRevisionCleanup?: 'BLOCKING' | 'DEFERRED';
  };
}

/** The settings of a service's revision. A change of them starts a deployment. */
export interface RevisionSettings {
  taskDefinition: TaskDefinition;
  loadBalancers: LoadBalancer[];
  networkConfiguration?: { awsvpcConfiguration?: { subnets?: string[] } };
  /** Other settings: capacity providers, service connect, volumes. */
  given: Given;
}

export interface Revision {
  arn: string;
  settings: RevisionSettings;
  containerImages: { containerName: string; image: string; imageDigest?: string }[];
  createdAt: Date;
  /** The target groups of its tasks. With traffic shifting, one of each pair. */
  targetGroups: string[];
  productionWeight: number;
  testWeight: number;
}

/** An entry of a service's `deployments`: the tasks of one revision. */
export interface Deployment {
  id: string;
  status: 'PRIMARY' | 'ACTIVE';
  revision: Revision;
  /** The number of tasks that the scheduler keeps. */
  wanted: number;
  /** Tasks whose replacement is delayed, because one of them has just failed. */
  held: number;
  failedTasks: number;
  rolloutState: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  rolloutStateReason: string;
  createdAt: Date;
  updatedAt: Date;
}

export type ServiceDeploymentStatus =
  | 'PENDING'
  | 'IN_PROGRESS'
  | 'SUCCESSFUL'
  | 'STOP_REQUESTED'
  | 'STOPPED'
  | 'ROLLBACK_REQUESTED'
  | 'ROLLBACK_IN_PROGRESS'
  | 'ROLLBACK_SUCCESSFUL'
  | 'ROLLBACK_FAILED';

export interface HookDetail {
  hookId: string;
  targetType: 'AWS_LAMBDA' | 'PAUSE';
  targetArn?: string;
  status: 'AWAITING_ACTION' | 'IN_PROGRESS' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT';
  expiresAt: Date;
  timeoutAction: 'CONTINUE' | 'ROLLBACK';
}

type MonitorStatus = 'DISABLED' | 'MONITORING' | 'MONITORING_COMPLETE' | 'TRIGGERED';

/** One rollout, from a revision to another. */
export interface ServiceDeployment {
  arn: string;
  service: Service;
  status: ServiceDeploymentStatus;
  statusReason?: string;
  lifecycleStage?: string;
  sources: Revision[];
  target: Revision;
  configuration: DeploymentConfiguration;
  hooks: HookDetail[];
  breaker: { status: MonitorStatus; failureCount: number; threshold: number };
  alarms: { status: MonitorStatus; alarmNames: string[]; triggeredAlarmNames: string[] };
  rollback?: { reason: string; startedAt: Date; serviceRevisionArn?: string };
  createdAt: Date;
  updatedAt: Date;
  startedAt?: Date;
  finishedAt?: Date;
  stoppedAt?: Date;
  /** Not visible before this time: AWS may lag behind UpdateService. */
  visibleAt: Date;
  /** Stops it early. */
  stop: AbortController;
}

export interface Service {
  ecs: Ecs;
  arn: string;
  name: string;
  cluster: Cluster;
  status: 'ACTIVE' | 'DRAINING' | 'INACTIVE';
  desiredCount: number;
  configuration: DeploymentConfiguration;
  graceSeconds: number;
  controller: string;
  /** Other fields that are not part of a revision. */
  given: Given;
  tags: Tag[];
  createdAt: Date;
  createdBy: string;
  /** The revision that the last CreateService or UpdateService requested. */
  requested?: Revision;
  /** The revision of the last completed deployment. */
  lastGood?: Revision;
  /** Newest first, like the two below. */
  events: { id: string; createdAt: Date; message: string }[];
  deployments: Deployment[];
  serviceDeployments: ServiceDeployment[];
  /** Tries again to place a task on an instance. */
  isPlacing?: boolean;
  /** Tasks that have not stopped, oldest first. */
  tasks: Set<Task>;
}

/** An EC2 instance that is registered with a cluster. */
export interface ContainerInstance {
  /** The last part of its ARN. */
  id: string;
  ec2InstanceId: string;
  /** In MiB. */
  memory: number;
}

export interface Container {
  definition: ContainerDefinition;
  arn: string;
  image: string;
  imageDigest?: string;
  lastStatus: string;
  exitCode?: number;
  reason?: string;
  healthStatus: 'HEALTHY' | 'UNHEALTHY' | 'UNKNOWN';
}

export interface Task {
  ecs: Ecs;
  arn: string;
  id: string;
  cluster: Cluster;
  definition: TaskDefinition;
  service?: Service;
  deployment?: Deployment;
  group: string;
  startedBy?: string;
  lastStatus: string;
  desiredStatus: 'RUNNING' | 'STOPPED';
  containers: Container[];
  address: string;
  subnet: string;
  /** For a process that represents its container: its port on 127.0.0.1. */
  realPort?: number;
  /** On EC2: its instance. */
  instance?: ContainerInstance;
  interfaceId: string;
  attachmentId: string;
  overrides: Given;
  tags: Tag[];
  given: Given;
  createdAt: Date;
  pullStartedAt?: Date;
  pullStoppedAt?: Date;
  startedAt?: Date;
  stoppingAt?: Date;
  stoppedAt?: Date;
  executionStoppedAt?: Date;
  stopCode?: string;
  stoppedReason?: string;
  /** Whether it is running and passes all checks. */
  healthy: boolean;
  /** Ends the task. The reason is a TaskStop. */
  stop: AbortController;
}

/** Whether the service's deployments move traffic from one target group to another. */
export function shiftsTraffic(service: Service): boolean {
  return (service.configuration.strategy ?? 'ROLLING') !== 'ROLLING';
}

const ID_ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** The state of ECS in an account and region, and its id generator. */
export class Ecs {
  readonly world: World;
  readonly account: string;
  readonly region: string;
  readonly clusters = new Map<string, Cluster>();
  /** The revisions of each family, oldest first. */
  readonly families = new Map<string, TaskDefinition[]>();
  /** The next four are by ARN. */
  readonly services = new Map<string, Service>();
  readonly serviceDeployments = new Map<string, ServiceDeployment>();
  readonly revisions = new Map<string, Revision>();
  readonly tasks = new Map<string, Task>();
  /** Notifies of changes of tasks, services, and the alarms that rollouts watch. */
  readonly changes = new Changes();

  constructor(world: World, account: string, region: string) {
    this.world = world;
    this.account = account;
    this.region = region;
  }

  arn(resource: string): string {
    return `arn:${partitionOf(this.region).id}:ecs:${this.region}:${this.account}:${resource}`;
  }

  /** 32 hex digits, such as a task id. */
  newTaskId(): string {
    return this.world.random.text(32);
  }

  /** 19 digits, such as in a deployment `ecs-svc/…` and in a service revision. */
  newNumber(): string {
    return `${this.world.random.text(1, '123456789')}${this.world.random.text(18, '0123456789')}`;
  }

  /** 21 letters and digits, such as in a service deployment. */
  newDeploymentId(): string {
    return this.world.random.text(21, ID_ALPHABET);
  }
}

export function ecsOf(world: World, account: string, region: string): Ecs {
  return world.store(account, region, 'ecs', () => new Ecs(world, account, region));
}

const MAX_EVENTS = 100;

/** Adds to a service's events. AWS keeps the last hundred. */
export function addEvent(service: Service, text: string): void {
  const { world } = service.ecs;
  const event = {
    id: world.newUuid(),
    createdAt: world.clock.now(),
    message: `(service ${service.name}) ${text}`,
  };
  service.events.unshift(event);
  service.events.splice(MAX_EVENTS);
}
