import type {
  RegisterTaskDefinitionCommandInput,
  Service,
  ServiceDeployment,
  TaskDefinition,
} from '@aws-sdk/client-ecs';
import type { Clock } from '../../../src/core/clock.ts';

const ARN = 'arn:aws:ecs:eu-west-1:111111111111';
const CLUSTER = 'dev-platform';
const NAME = 'user-service';

interface Deployment {
  number: number;
  taskDefinition: string;
  startedAt: number;
  /** When it has replaced the tasks of the one before. */
  endsAt: number;
  superseded: boolean;
}

/** One ECS service with one task, whose rollouts all succeed after a while. */
export class EcsModel {
  readonly #clock: Clock;
  readonly #revisions: TaskDefinition[] = [];
  readonly #deployments: Deployment[] = [];
  /** How long the next rollout takes, in ms. */
  nextRolloutMs = 0;

  constructor(clock: Clock, image: string) {
    this.#clock = clock;
    this.#register(image);
    this.#deploy(this.#arnOf(1));
  }

  /** The image that the service works towards. */
  get image(): string {
    return this.#imageOf(this.#latest.taskDefinition);
  }

  get isRollingOut(): boolean {
    return this.#clock.now() < this.#latest.endsAt;
  }

  #imageOf(arn: string): string {
    const found = this.#revisions.find(({ taskDefinitionArn }) => taskDefinitionArn === arn);
    return found?.containerDefinitions?.[0]?.image ?? '';
  }

  readonly operations = {
    DescribeServices: () => ({ services: [this.#service()] }),
    DescribeTaskDefinition: ({ taskDefinition }: { taskDefinition: string }) => ({
      taskDefinition: this.#revisions.find(({ taskDefinitionArn = '' }) =>
        taskDefinitionArn.endsWith(taskDefinition),
      ),
    }),
    ListTaskDefinitions: () => ({
      taskDefinitionArns: this.#revisions.map(({ taskDefinitionArn }) => taskDefinitionArn).toReversed(),
    }),
    RegisterTaskDefinition: ({ containerDefinitions = [] }: RegisterTaskDefinitionCommandInput) => ({
      taskDefinition: this.#register(containerDefinitions[0]?.image ?? ''),
    }),
    UpdateService: ({ taskDefinition }: { taskDefinition: string }) => {
      this.#deploy(taskDefinition);
      return { service: this.#service() };
    },
    ListServiceDeployments: () => ({
      serviceDeployments: this.#deployments.map((deployment) => this.#brief(deployment)).toReversed(),
    }),
    DescribeServiceDeployments: ({ serviceDeploymentArns: [arn] }: { serviceDeploymentArns: string[] }) => ({
      serviceDeployments: this.#deployments
        .map((deployment) => this.#whole(deployment))
        .filter(({ serviceDeploymentArn }) => serviceDeploymentArn === arn),
    }),
    DescribeServiceRevisions: ({ serviceRevisionArns }: { serviceRevisionArns: string[] }) => ({
      serviceRevisions: this.#deployments
        .map(({ number, taskDefinition }) => ({ serviceRevisionArn: revisionArn(number), taskDefinition }))
        .filter(({ serviceRevisionArn }) => serviceRevisionArns.includes(serviceRevisionArn)),
    }),
    ListTasks: ({ desiredStatus }: { desiredStatus?: string }) => ({
      taskArns: desiredStatus === 'STOPPED' ? [] : [`${ARN}:task/${CLUSTER}/${this.#serving.number}`],
    }),
    DescribeTasks: () => ({ tasks: [this.#task()] }),
  };

  get #latest(): Deployment {
    return this.#deployments.at(-1) as Deployment;
  }

  /** The deployment whose task runs. */
  get #serving(): Deployment {
    const ended = this.#deployments.filter(
      ({ superseded, endsAt }) => !superseded && endsAt <= this.#clock.now(),
    );
    return ended.at(-1) ?? this.#latest;
  }

  #register(image: string): TaskDefinition {
    const revision = this.#revisions.length + 1;
    const made: TaskDefinition = {
      taskDefinitionArn: this.#arnOf(revision),
      family: NAME,
      revision,
      status: 'ACTIVE',
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      cpu: '256',
      memory: '512',
      containerDefinitions: [{ name: 'app', image, essential: true }],
    };
    this.#revisions.push(made);
    return made;
  }

  #arnOf(revision: number): string {
    return `${ARN}:task-definition/${NAME}:${revision}`;
  }

  #deploy(taskDefinition: string): void {
    const startedAt = this.#clock.now();
    const last = this.#deployments.at(-1);
    if (last && startedAt < last.endsAt) last.superseded = true;
    const endsAt = startedAt + this.nextRolloutMs;
    const number = this.#deployments.length + 1;
    this.#deployments.push({ number, taskDefinition, startedAt, endsAt, superseded: false });
  }

  #service(): Service {
    const [latest, serving] = [this.#latest, this.#serving];
    const one = (
      { number, taskDefinition, startedAt }: Deployment,
      status: string,
      runningCount: number,
    ) => ({
      id: `ecs-svc/${number}`,
      status,
      taskDefinition,
      desiredCount: 1,
      runningCount,
      pendingCount: 0,
      failedTasks: 0,
      rolloutState:
        runningCount === 1 || status === 'ACTIVE' ? ('COMPLETED' as const) : ('IN_PROGRESS' as const),
      createdAt: new Date(startedAt),
    });
    const isOver = latest === serving;
    return {
      serviceName: NAME,
      serviceArn: `${ARN}:service/${CLUSTER}/${NAME}`,
      clusterArn: `${ARN}:cluster/${CLUSTER}`,
      status: 'ACTIVE',
      taskDefinition: latest.taskDefinition,
      desiredCount: 1,
      runningCount: 1,
      pendingCount: 0,
      deploymentController: { type: 'ECS' },
      loadBalancers: [],
      deployments: isOver
        ? [one(latest, 'PRIMARY', 1)]
        : [one(latest, 'PRIMARY', 0), one(serving, 'ACTIVE', 1)],
      ...(!isOver && { currentServiceDeployment: deploymentArn(latest.number) }),
    };
  }

  #brief(deployment: Deployment) {
    const { number, startedAt } = deployment;
    return {
      serviceDeploymentArn: deploymentArn(number),
      targetServiceRevisionArn: revisionArn(number),
      status: this.#statusOf(deployment),
      createdAt: new Date(startedAt),
    };
  }

  #whole(deployment: Deployment): ServiceDeployment {
    const isOver = this.#statusOf(deployment) === 'SUCCESSFUL';
    return {
      ...this.#brief(deployment),
      targetServiceRevision: {
        arn: revisionArn(deployment.number),
        requestedTaskCount: 1,
        runningTaskCount: isOver ? 1 : 0,
        pendingTaskCount: 0,
      },
      deploymentCircuitBreaker: { status: 'MONITORING', failureCount: 0, threshold: 3 },
    };
  }

  #statusOf({ superseded, endsAt }: Deployment): 'STOPPED' | 'IN_PROGRESS' | 'SUCCESSFUL' {
    if (superseded) return 'STOPPED';
    return this.#clock.now() < endsAt ? 'IN_PROGRESS' : 'SUCCESSFUL';
  }

  #task() {
    const { number, taskDefinition } = this.#serving;
    const image = this.#imageOf(taskDefinition);
    return {
      taskArn: `${ARN}:task/${CLUSTER}/${number}`,
      taskDefinitionArn: taskDefinition,
      startedBy: `ecs-svc/${number}`,
      lastStatus: 'RUNNING',
      desiredStatus: 'RUNNING',
      containers: [{ name: 'app', image, imageDigest: image.split('@')[1], lastStatus: 'RUNNING' }],
    };
  }
}

function deploymentArn(number: number): string {
  return `${ARN}:service-deployment/${CLUSTER}/${NAME}/${number}`;
}

function revisionArn(number: number): string {
  return `${ARN}:service-revision/${CLUSTER}/${NAME}/${number}`;
}
