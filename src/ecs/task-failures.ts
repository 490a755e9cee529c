import type { Service, Task } from '@aws-sdk/client-ecs';
import type { OurDeployment } from './deployment.ts';
import { describeService, type EcsContext } from './service.ts';
import { targetGroupsOf, targetStates } from './targets.ts';
import { describeTasks, isOf, isTargetOf, listTasks, tasksOf } from './tasks.ts';
import type { TaskDefinition } from './task-definition/task-definition.ts';

const LEAST = 3;
const MOST = 200;
const SHARE = 0.5;
/**
 * After this long a task without any health check counts as healthy.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
 */
const UNCHECKED_MS = 40_000;

/**
 * How many failed tasks in a row fail a deployment, as ECS's own circuit breaker counts by default: "Minimum threshold
 * (3) <= (50/100) * desired task count => Maximum threshold (200)", rounded up.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html#failure-threshold
 */
export function failureThreshold(desiredCount: number): number {
  return Math.min(MOST, Math.max(LEAST, Math.ceil(SHARE * desiredCount)));
}

/** Whether ECS itself stops a deployment whose tasks fail. */
export function hasCircuitBreaker({ deploymentConfiguration }: Service): boolean {
  return deploymentConfiguration?.deploymentCircuitBreaker?.enable === true;
}

/**
 * Whether a stopped task tells something about its revision. It does not when the scheduler scaled it in, a person
 * stopped it, Spot capacity was reclaimed, or Fargate retired its host.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
 */
export function isTaskFailure({ stopCode, stoppedReason = '' }: Task): boolean {
  if (stopCode === 'UserInitiated' || stopCode === 'SpotInterruption' || stopCode === 'TerminationNotice') {
    return false;
  }
  return !/^Scaling activity initiated by|spot .*interrupt|performing maintenance/i.test(stoppedReason);
}

/**
 * Counts the failed tasks of one deployment as ECS's circuit breaker does, for a service that has none: "the failure
 * count resets to 0 each time a task reaches a healthy state; only consecutive failures count". A failure is a task
 * that stopped before it was healthy: it could not be placed or started, it exited, or a health check failed.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html#failure-counting-mode
 */
export class TaskFailures {
  readonly #context: EcsContext;
  readonly #deployment: OurDeployment;
  readonly #definition: TaskDefinition;
  readonly #seen = new Set<string>();
  #count = 0;
  #total = 0;
  #wasHealthy = false;
  #threshold = LEAST;

  constructor(context: EcsContext, deployment: OurDeployment, definition: TaskDefinition) {
    this.#context = context;
    this.#deployment = deployment;
    this.#definition = definition;
  }

  /** Failed tasks since the last healthy one, as of the last look. */
  get count(): number {
    return this.#count;
  }

  /** All failed tasks, as of the last look. */
  get total(): number {
    return this.#total;
  }

  /** As of the last look at failed tasks. */
  get threshold(): number {
    return this.#threshold;
  }

  get isTripped(): boolean {
    return this.#count >= this.#threshold;
  }

  /** Tasks failed, and none was ever seen healthy. */
  get onlyFailed(): boolean {
    return this.#total > 0 && !this.#wasHealthy;
  }

  /** Reads what has stopped since the last look, and whether a task is healthy. One call while none has failed. */
  async look(): Promise<void> {
    const stopped = await this.#newlyStopped();
    const own = stopped.filter((task) => isOf(this.#deployment, task));
    const failed = own.filter(isTaskFailure).length;
    this.#wasHealthy ||= own.some((task) => wasHealthy(task, this.#definition));
    if (failed === 0 && this.#count === 0) return;
    this.#count += failed;
    this.#total += failed;
    const service = await describeService(this.#context, this.#deployment);
    this.#threshold = failureThreshold(service.desiredCount ?? 0);
    if (!(await this.#hasHealthyTask(service))) return;
    this.#count = 0;
    this.#wasHealthy = true;
  }

  /** A task that has just begun to stop may not say why yet: it is read again with the next look. */
  async #newlyStopped(): Promise<Task[]> {
    const arns = await listTasks(this.#context, this.#deployment, 'STOPPED');
    const unseen = arns.filter((arn) => !this.#seen.has(arn));
    const found = await describeTasks(this.#context, this.#deployment.cluster, unseen);
    const known = found.filter(({ stopCode, stoppedReason }) => (stopCode ?? stoppedReason) !== undefined);
    for (const { taskArn = '' } of known) this.#seen.add(taskArn);
    return known;
  }

  async #hasHealthyTask(service: Service): Promise<boolean> {
    const running = (await tasksOf(this.#context, this.#deployment, 'RUNNING')).filter(
      (task) => isOf(this.#deployment, task) && task.lastStatus === 'RUNNING',
    );
    if (running.length === 0) return false;
    const groups = targetGroupsOf(service);
    const targets = groups.length === 0 ? undefined : await targetStates(this.#context, groups);
    const healthy = targets?.filter(({ state }) => state === 'healthy') ?? [];
    const now = this.#context.clock.now();
    return running.some((task) => {
      if (isChecked(this.#definition) && task.healthStatus !== 'HEALTHY') return false;
      if (targets) return healthy.some((target) => isTargetOf(target, task));
      return isChecked(this.#definition) || now - (task.startedAt?.getTime() ?? now) >= UNCHECKED_MS;
    });
  }
}

/** Whether a stopped task was healthy as far as its own record tells: its load balancer's opinion is gone. */
function wasHealthy(task: Task, definition: TaskDefinition): boolean {
  if (isChecked(definition)) return task.healthStatus === 'HEALTHY';
  const ended = task.stoppingAt ?? task.stoppedAt;
  const ranMs = task.startedAt && ended ? ended.getTime() - task.startedAt.getTime() : 0;
  return !isTaskFailure(task) && ranMs >= UNCHECKED_MS;
}

function isChecked({ containerDefinitions }: TaskDefinition): boolean {
  return containerDefinitions.some(({ essential, healthCheck }) => essential !== false && healthCheck);
}
