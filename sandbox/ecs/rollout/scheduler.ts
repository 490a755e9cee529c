import { countFailedTask, resetFailureCount } from './failure-detection.ts';
import { SECONDS } from '../durations.ts';
import { retired, scaledIn, type TaskStop, type TaskWatcher } from '../tasks/running-task.ts';
import { addEvent, type Deployment, type Service, type Task } from '../model.ts';
import { newTask, startTask } from '../tasks/lifecycle.ts';
import { isOnInstances, placeTask } from '../tasks/placement.ts';
/** Starts and stops tasks until each deployment of a service has its desired number. */
export function schedule(service: Service): void {
  for (const deployment of service.deployments) {
    const alive = aliveTasks(deployment, service);
    const missing = deployment.wanted - deployment.held - alive.length;
    if (missing > 0) start(service, deployment, missing);
    // Serving tasks are stopped last.
    const surplus = alive
      .sort((a, b) => Number(a.healthy) - Number(b.healthy))
      .slice(0, Math.max(0, alive.length - deployment.wanted));
    if (surplus.length > 0) stop(service, deployment, surplus);
  }
}

/** The tasks of a deployment that are not being stopped. */
export function aliveTasks(deployment: Deployment, service: Service): Task[] {
  return presentTasks(deployment, service).filter(({ desiredStatus }) => desiredStatus === 'RUNNING');
}

/** Those that have not stopped yet. */
export function presentTasks(deployment: Deployment, service: Service): Task[] {
  return [...service.tasks].filter((task) => task.deployment === deployment);
}

function start(service: Service, deployment: Deployment, count: number): void {
  const { settings } = deployment.revision;
  const { ecs, cluster } = service;
  const tasks: Task[] = [];
  for (let index = 0; index < count; index += 1) {
    const place = isOnInstances(settings.given)
      ? placeTask(ecs, cluster, settings.taskDefinition, service)
      : undefined;
    if (typeof place === 'string') {
      placeLater(service, place);
      break;
    }
    const task = newTask(ecs, {
      cluster,
      definition: settings.taskDefinition,
      group: `service:${service.name}`,
      subnets: settings.networkConfiguration?.awsvpcConfiguration?.subnets ?? [],
      service,
      deployment,
      startedBy: deployment.id,
      given: settings.given,
      tags: service.given['propagateTags'] === 'SERVICE' ? service.tags : [],
      ...(place && { instance: place }),
    });
    tasks.push(task);
  }
  for (const task of tasks) startTask(task, WATCHER);
  if (tasks.length > 0) addEvent(service, `has started ${tasks.length} tasks: ${named(tasks)}.`);
}

/** ECS reports once why it cannot place a task, and retries. */
function placeLater(service: Service, problem: string): void {
  const { world, changes } = service.ecs;
  if (!service.events[0]?.message.includes(problem)) addEvent(service, problem);
  if (service.isPlacing) return;
  service.isPlacing = true;
  world.run(async () => {
    await world.clock.sleep(SECONDS.place);
    service.isPlacing = false;
    schedule(service);
    changes.notify();
  });
}

function stop(service: Service, deployment: Deployment, tasks: readonly Task[]): void {
  for (const task of tasks) {
    task.desiredStatus = 'STOPPED';
    task.stop.abort(scaledIn(deployment.id));
  }
  addEvent(service, `has stopped ${tasks.length} running tasks: ${named(tasks)}.`);
}

/** Fargate retires tasks of the newest deployment, and the scheduler replaces them. */
export function retireTasks(service: Service, count: number): void {
  const [newest] = service.deployments;
  const tasks = newest ? aliveTasks(newest, service).slice(0, count) : [];
  for (const task of tasks) {
    task.desiredStatus = 'STOPPED';
    task.stop.abort(retired());
  }
  schedule(service);
}

function named(tasks: readonly Task[]): string {
  return tasks.map(({ id }) => `(task ${id})`).join(' ');
}

/** What events of a service's task mean for its deployment. */
const WATCHER: TaskWatcher = {
  onHealthy({ service, deployment }) {
    if (service && deployment) resetFailureCount(service, deployment);
  },

  onStopping(task, stopped) {
    const { service, deployment } = task;
    if (!service || !deployment || stopped.isWanted) return;
    countFailure(service, deployment, stopped);
    replaceLater(service, deployment);
  },

  onStopped({ service }) {
    if (service) schedule(service);
  },
};

function countFailure(service: Service, deployment: Deployment, stopped: TaskStop): void {
  if (stopped.message.startsWith('Capacity is unavailable')) {
    addEvent(service, `was unable to place a task. Reason: ${stopped.message}.`);
  }
  countFailedTask(service, deployment);
}

/** A failed task is replaced with a delay. */
function replaceLater(service: Service, deployment: Deployment): void {
  const { world, changes } = service.ecs;
  deployment.held += 1;
  world.run(async () => {
    await world.clock.sleep(SECONDS.retry);
    deployment.held -= 1;
    schedule(service);
    changes.notify();
  });
}
