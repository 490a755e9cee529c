import { Changes } from '../changes.ts';
import { partitionOf, type World } from '../world.ts';

/** A part of a request that is kept as it came, and given back as it was. */
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
  /** Settings, capacity providers and what else was given. */
  given: Given;
}

/** As much of a container definition as the sandbox reads. */
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
  /** The launch types that it is valid for. */
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

/** What a revision of a service is made of: a change of it is a deployment. */
export interface RevisionSettings {
  taskDefinition: TaskDefinition;
  loadBalancers: LoadBalancer[];
  networkConfiguration?: { awsvpcConfiguration?: { subnets?: string[] } };
  /** The others: capacity providers, service connect, volumes. */
  given: Given;
}

export interface Revision {
  arn: string;
  settings: RevisionSettings;
  containerImages: { containerName: string; image: string; imageDigest?: string }[];
  createdAt: Date;
  /** The target groups of its tasks; with traffic shifting, one of each pair. */
  targetGroups: string[];
  productionWeight: number;
  testWeight: number;
}

/** One line of a service's classic `deployments`: the tasks of one revision. */
export interface Deployment {
  id: string;
  status: 'PRIMARY' | 'ACTIVE';
  revision: Revision;
  /** How many tasks the scheduler is to keep. */
  wanted: number;
  /** Tasks that are not replaced at once, because one of them has just failed. */
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
  /** Before this it cannot be read: AWS may lag behind UpdateService. */
  visibleAt: Date;
  /** What stops it before its end. */
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
  /** What is neither of a revision nor named here. */
  given: Given;
  tags: Tag[];
  createdAt: Date;
  createdBy: string;
  /** The revision that the last CreateService or UpdateService asked for. */
  asked?: Revision;
  /** The revision that was last deployed to the end. */
  lastGood?: Revision;
  /** Newest first, as the two below. */
  events: { id: string; createdAt: Date; message: string }[];
  deployments: Deployment[];
  serviceDeployments: ServiceDeployment[];
  /** It looks for an instance for a task again. */
  isPlacing?: boolean;
  /** Those that have not stopped, oldest first. */
  tasks: Set<Task>;
}

/** An EC2 instance that is registered with a cluster. */
export interface ContainerInstance {
  /** The last part of its ARN. */
  id: string;
  ec2InstanceId: string;
  /** MiB. */
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
  /** Of a process that stands for its container: the port on 127.0.0.1. */
  realPort?: number;
  /** On EC2: where it is placed. */
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
  /** It runs, and every check that it has says so. */
  healthy: boolean;
  /** Ends its life; the reason is a TaskStop. */
  stop: AbortController;
}

/** Whether the service's deployments move traffic from one target group to another. */
export function shiftsTraffic(service: Service): boolean {
  return (service.configuration.strategy ?? 'ROLLING') !== 'ROLLING';
}

const ID_ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** ECS of one account and region: all that it holds, and the names that it gives. */
export class Ecs {
  readonly world: World;
  readonly account: string;
  readonly region: string;
  readonly clusters = new Map<string, Cluster>();
  /** The revisions of each family, oldest first. */
  readonly families = new Map<string, TaskDefinition[]>();
  /** These four by ARN. */
  readonly services = new Map<string, Service>();
  readonly serviceDeployments = new Map<string, ServiceDeployment>();
  readonly revisions = new Map<string, Revision>();
  readonly tasks = new Map<string, Task>();
  /** Of tasks, of services, and of the alarms that rollouts watch. */
  readonly changes = new Changes();

  constructor(world: World, account: string, region: string) {
    this.world = world;
    this.account = account;
    this.region = region;
  }

  arn(resource: string): string {
    return `arn:${partitionOf(this.region).id}:ecs:${this.region}:${this.account}:${resource}`;
  }

  /** 32 hex digits, as of a task. */
  newTaskId(): string {
    return this.world.random.text(32);
  }

  /** 19 digits, as of a deployment `ecs-svc/…` and of a service revision. */
  newNumber(): string {
    return `${this.world.random.text(1, '123456789')}${this.world.random.text(18, '0123456789')}`;
  }

  /** 21 letters and digits, as of a service deployment. */
  newDeploymentId(): string {
    return this.world.random.text(21, ID_ALPHABET);
  }
}

export function ecsOf(world: World, account: string, region: string): Ecs {
  return world.store(account, region, 'ecs', () => new Ecs(world, account, region));
}

const MOST = 100;

/** Adds to a service's events, of which AWS keeps the last hundred. */
export function addEvent(service: Service, text: string): void {
  const { world } = service.ecs;
  const event = {
    id: world.newUuid(),
    createdAt: world.clock.now(),
    message: `(service ${service.name}) ${text}`,
  };
  service.events.unshift(event);
  service.events.splice(MOST);
}
