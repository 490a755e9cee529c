import { textOf } from '../service.ts';
import { forEver, subject } from './life.ts';
import type { Life } from './life.ts';
import type { Container, Task } from './model.ts';
import { routeTo } from './real-routes.ts';
import { commandOf, environmentOf } from './task-environment.ts';
import type { TaskProcess } from './task-host.ts';
import { taskHostOf } from './task-host.ts';
import { writeLog } from './task-logs.ts';
import { TaskStop } from './task-stop.ts';
import { passRealChecks } from './real-health.ts';

const SERVICES = ['user-service', 'product-service', 'order-service', 'frontend'];

/** The reference service that a container is; undefined when it is none, or when tasks are not real. */
export function realServiceOf(task: Task, { image }: Container): string | undefined {
  if (task.ecs.world.scenario.ecs?.tasks !== 'real') return undefined;
  const name = image.split('@')[0]?.split('/').at(-1)?.split(':')[0] ?? '';
  return SERVICES.includes(name) ? name : undefined;
}

/** Runs the task's container as a process, until the task is stopped. Throws the TaskStop of what ends by itself. */
export async function runReal(life: Life, service: string): Promise<never> {
  const { task } = life;
  const container = subject(life);
  const command = commandOf(task, container);
  const request = {
    service,
    release: releaseOf(task, container),
    ...(command && { command }),
    environment: environmentOf(task, container),
  };
  const running: TaskProcess = taskHostOf(task.ecs.world).start(task.id, request, (line) => {
    writeLog(task, container.definition, [asInContainer(line, running.port, container)]);
  });
  life.process = running;
  running.exited.then(
    (exitCode) => {
      task.stop.abort(exited(container, exitCode ?? 0));
    },
    (error: unknown) => {
      task.stop.abort(refused(container, error));
    },
  );
  const port = await orStopped(life, running.started);
  if (port !== undefined && task.service) {
    task.realPort = port;
    routeTo(task.service);
    await passRealChecks(life, port);
    task.healthy = true;
    life.watcher.onHealthy(task);
    task.ecs.changes.notify();
  }
  return forEver(life);
}

/** The process's port stands for the container's, and nobody who reads its log knows of the other. */
function asInContainer(line: string, port: number | undefined, { definition }: Container): string {
  const containerPort = definition.portMappings?.[0]?.containerPort;
  if (port === undefined || containerPort === undefined) return line;
  return line.replaceAll(`127.0.0.1:${port}`, `0.0.0.0:${containerPort}`);
}

/** Asks the process to end, as ECS does, and resolves with its exit code. */
export async function endReal(life: Life): Promise<void> {
  const container = subject(life);
  life.process?.stop(container.definition.stopTimeout ?? 30);
  const exitCode = await life.process?.exited.catch(() => undefined);
  if (typeof exitCode === 'number') container.exitCode = exitCode;
}

function exited({ definition }: Container, exitCode: number): TaskStop {
  return new TaskStop('EssentialContainerExited', 'Essential container in task exited', {
    [definition.name]: { exitCode },
  });
}

function refused({ definition }: Container, error: unknown): TaskStop {
  const reason = `CannotStartContainerError: ${error instanceof Error ? error.message : String(error)}`;
  return new TaskStop('TaskFailedToStart', reason, { [definition.name]: { reason } });
}

/** Which release of the service the image holds, by the first key that is a part of its name. */
function releaseOf({ ecs }: Task, { image }: Container): string {
  const releases = Object.entries(ecs.world.scenario.ecs?.releases ?? {});
  return textOf(releases.find(([part]) => image.includes(part))?.[1]) ?? 'current';
}

/** The result, unless the task is stopped first. */
function orStopped<T>({ task }: Life, result: Promise<T>): Promise<T> {
  const { signal } = task.stop;
  const ended = AbortSignal.any([signal, task.ecs.world.closed]);
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(ended.reason as Error);
    };
    if (ended.aborted) stop();
    else ended.addEventListener('abort', stop, { once: true });
    result.then(resolve, reject);
  });
}
