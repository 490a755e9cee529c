import type { Target, TargetGroup } from '../../elb/load-balancing.ts';
import type { TaskRule } from '../../scenario/ecs.ts';
import type { Container, Task } from '../model.ts';
import type { TaskProcess } from './task-host.ts';

/** Notified of changes of a task. */
export interface TaskWatcher {
  /** The task has become healthy. */
  onHealthy(task: Task): void;
  /** The task is going to stop. */
  onStopping(task: Task, stop: TaskStop): void;
  onStopped(task: Task): void;
}

/** A task's address in one of the target groups of its revision. */
export interface TaskTarget {
  group: TargetGroup;
  target: Target;
}

/** A running task. */
export interface RunningTask {
  task: Task;
  rule: TaskRule | undefined;
  watcher: TaskWatcher;
  targets: TaskTarget[];
  /** The process of its container, if tasks are real. */
  process?: TaskProcess;
  sleep(seconds: number): Promise<void>;
}

/** The container that a rule refers to. */
export function affectedContainer({ task, rule }: Pick<RunningTask, 'task' | 'rule'>): Container {
  const named = task.containers.find(({ definition }) => definition.name === rule?.container);
  const essential = task.containers.find(({ definition }) => definition.essential !== false);
  const found = named ?? essential ?? task.containers[0];
  if (!found) throw new Error(`task ${task.id} has no container`);
  return found;
}

/** Resolves when the task is stopped. */
export async function waitForStop(running: RunningTask): Promise<never> {
  const signals = [running.task.stop.signal, running.task.ecs.world.closed];
  for (;;) await running.task.ecs.changes.next(AbortSignal.any(signals));
}

/** Why a task stops, in the words of DescribeTasks. */
export class TaskStop extends Error {
  readonly stopCode: string;
  /** By container name. */
  readonly exits: Readonly<Record<string, { exitCode?: number; reason?: string }>>;

  constructor(stopCode: string, stoppedReason: string, exits: TaskStop['exits'] = {}) {
    super(stoppedReason);
    this.stopCode = stopCode;
    this.exits = exits;
  }

  /** Whether the scheduler or a person requested it, so that it does not count as a failure of the revision. */
  get isWanted(): boolean {
    return (
      this.stopCode === 'UserInitiated' ||
      this.message === RETIRED ||
      (this.stopCode === 'ServiceSchedulerInitiated' &&
        this.message.startsWith('Scaling activity initiated by'))
    );
  }
}

export function failedToStart(reason: string, container?: string): TaskStop {
  return new TaskStop(
    'TaskFailedToStart',
    reason,
    container === undefined ? {} : { [container]: { reason } },
  );
}

/** @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-maintenance.html */
const RETIRED = 'ECS is performing maintenance on the underlying infrastructure hosting the task.';

/** AWS does not document the stop code of a retired task. Assumed: that of the scheduler. */
export function retired(): TaskStop {
  return new TaskStop('ServiceSchedulerInitiated', RETIRED);
}

export function scaledIn(deploymentId: string): TaskStop {
  return new TaskStop(
    'ServiceSchedulerInitiated',
    `Scaling activity initiated by (deployment ${deploymentId})`,
  );
}
