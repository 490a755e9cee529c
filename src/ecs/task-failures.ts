import type { Service, Task } from '@aws-sdk/client-ecs';
import type { FollowedDeployment } from './deployment.ts';
import { describeService, type EcsContext } from './service.ts';
import { targetGroupsOf, targetStates } from './targets.ts';
import { describeTasks, belongsTo, isTargetOf, listTasks, tasksOf } from './tasks.ts';
import type { TaskDefinition } from './task-definition/task-definition.ts';

const MIN_THRESHOLD = 3;
const MAX_THRESHOLD = 200;
const THRESHOLD_RATIO = 0.5;
/**
 * After this time, a task without a health check counts as healthy.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
 */
const HEALTHY_AFTER_MS = 40_000;

/**
 * Number of consecutive failed tasks at which ECS's circuit breaker fails a deployment by default: "Minimum threshold
 * (3) <= (50/100) * desired task count => Maximum threshold (200)", rounded up.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html#failure-threshold
 */
export function failureThreshold(desiredCount: number): number {
  return Math.min(MAX_THRESHOLD, Math.max(MIN_THRESHOLD, Math.ceil(THRESHOLD_RATIO * desiredCount)));
}

/** Whether ECS stops a deployment whose tasks fail. */
export function hasCircuitBreaker({ deploymentConfiguration }: Service): boolean {
  return deploymentConfiguration?.deploymentCircuitBreaker?.enable === true;
}

/**
 * Whether a task stopped because of a failure, not because the scheduler scaled it in, a user stopped it, Spot capacity
 * was reclaimed, or Fargate retired its host.
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
 * Counts the failed tasks of a deployment like ECS's circuit breaker, for a service without one: "the failure count
 * resets to 0 each time a task reaches a healthy state; only consecutive failures count". A failure is a task that
 * stopped before it was healthy: it could not be placed or started, it exited, or a health check failed.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html#failure-counting-mode
 */
export class TaskFailures {
  readonly #context: EcsContext;
  readonly #deployment: FollowedDeployment;
  readonly #definition: TaskDefinition;
  readonly #seen = new Set<string>();
  #count = 0;
  #total = 0;
  #wasHealthy = false;
  #threshold = MIN_THRESHOLD;

  constructor(context: EcsContext, deployment: FollowedDeployment, definition: TaskDefinition) {
    this.#context = context;
    this.#deployment = deployment;
    this.#definition = definition;
  }

  /** Failed tasks since the last healthy one, as of the last update. */
  get count(): number {
    return this.#count;
  }

  /** All failed tasks, as of the last update. */
  get total(): number {
    return this.#total;
  }

  /** As of the last update with failed tasks. */
  get threshold(): number {
    return this.#threshold;
  }

  get isTripped(): boolean {
    return this.#count >= this.#threshold;
  }

  /** Whether tasks failed and none was ever seen healthy. */
  get onlyFailed(): boolean {
    return this.#total > 0 && !this.#wasHealthy;
  }

  /** Reads the tasks that have stopped since the last update, and whether one is healthy. One call if none has failed. */
  async update(): Promise<void> {
    const stopped = await this.#newlyStopped();
    const own = stopped.filter((task) => belongsTo(this.#deployment, task));
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

  /** A task that has just started to stop may not have a reason yet. It is read again by the next update. */
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
      (task) => belongsTo(this.#deployment, task) && task.lastStatus === 'RUNNING',
    );
    if (running.length === 0) return false;
    const groups = targetGroupsOf(service);
    const targets = groups.length === 0 ? undefined : await targetStates(this.#context, groups);
    const healthy = targets?.filter(({ state }) => state === 'healthy') ?? [];
    const now = this.#context.clock.now();
    return running.some((task) => {
      if (isChecked(this.#definition) && task.healthStatus !== 'HEALTHY') return false;
      if (targets) return healthy.some((target) => isTargetOf(target, task));
      return isChecked(this.#definition) || now - (task.startedAt?.getTime() ?? now) >= HEALTHY_AFTER_MS;
    });
  }
}

/** Whether a stopped task was healthy according to ECS. Its state in the load balancer is no longer available. */
function wasHealthy(task: Task, definition: TaskDefinition): boolean {
  if (isChecked(definition)) return task.healthStatus === 'HEALTHY';
  const ended = task.stoppingAt ?? task.stoppedAt;
  const ranMs = task.startedAt && ended ? ended.getTime() - task.startedAt.getTime() : 0;
  return !isTaskFailure(task) && ranMs >= HEALTHY_AFTER_MS;
}

function isChecked({ containerDefinitions }: TaskDefinition): boolean {
  return containerDefinitions.some(({ essential, healthCheck }) => essential !== false && healthCheck);
}
