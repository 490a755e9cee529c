import { createHash } from 'node:crypto';
import type { TargetHealth } from '../../elb/load-balancing.ts';
import { textOf } from '../../protocols/service.ts';
import { parameterStore } from '../../ssm/parameter-store.ts';
import type { Container, Given, Task } from '../model.ts';
import { unhealthyTargetStop } from './health.ts';
import { writeLog } from './logs.ts';
import { realServiceUrl, addRoute } from './real-routes.ts';
import { waitForStop, type RunningTask, affectedContainer, TaskStop } from './running-task.ts';
import { taskHostOf, type TaskProcess } from './task-host.ts';

const SERVICES = ['user-service', 'product-service', 'order-service', 'frontend'];

/** The reference service of a container. Undefined if the image is not one of them, or if tasks are not real. */
export function referenceServiceOf(task: Task, { image }: Container): string | undefined {
  if (task.ecs.world.scenario.ecs?.tasks !== 'real') return undefined;
  const name = image.split('@')[0]?.split('/').at(-1)?.split(':')[0] ?? '';
  return SERVICES.includes(name) ? name : undefined;
}

/** Runs the task's container as a process until the task is stopped. Throws TaskStop if the process exits by itself. */
export async function runProcess(running: RunningTask, service: string): Promise<never> {
  const { task } = running;
  const container = affectedContainer(running);
  const command = commandOf(task, container);
  const request = {
    service,
    release: releaseOf(task, container),
    ...(command && { command }),
    environment: environmentOf(task, container),
  };
  const child: TaskProcess = taskHostOf(task.ecs.world).start(task.id, request, (line) => {
    writeLog(task, container.definition, [asInContainer(line, child.port, container)]);
  });
  running.process = child;
  child.exited.then(
    (exitCode) => {
      task.stop.abort(exited(container, exitCode ?? 0));
    },
    (error: unknown) => {
      task.stop.abort(refused(container, error));
    },
  );
  const port = await orStopped(running, child.started);
  if (port !== undefined && task.service) {
    task.realPort = port;
    addRoute(task.service);
    await passRealChecks(running, port);
    task.healthy = true;
    running.watcher.onHealthy(task);
    task.ecs.changes.notify();
  }
  return waitForStop(running);
}

/** The process's port represents the container's, and the log shows only the container's. */
function asInContainer(line: string, port: number | undefined, { definition }: Container): string {
  const containerPort = definition.portMappings?.[0]?.containerPort;
  if (port === undefined || containerPort === undefined) return line;
  return line.replaceAll(`127.0.0.1:${port}`, `0.0.0.0:${containerPort}`);
}

/** Sends SIGTERM, like ECS, and resolves with the exit code. */
export async function stopProcess(running: RunningTask): Promise<void> {
  const container = affectedContainer(running);
  running.process?.stop(container.definition.stopTimeout ?? 30);
  const exitCode = await running.process?.exited.catch(() => undefined);
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

/** The release of the service in the image, by the first key that is part of its name. */
function releaseOf({ ecs }: Task, { image }: Container): string {
  const releases = Object.entries(ecs.world.scenario.ecs?.releases ?? {});
  return textOf(releases.find(([part]) => image.includes(part))?.[1]) ?? 'current';
}

/** The result, unless the task is stopped first. */
function orStopped<T>({ task }: RunningTask, result: Promise<T>): Promise<T> {
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

/** How long a process may take to respond at all, in real time: the time scale does not make the machine faster. */
const BOOT_MS = 60_000;
/** The shortest interval of checks in real time. */
const MIN_INTERVAL_MS = 100;

/** Checks the process like its target group. Throws TaskStop if it fails. */
async function passRealChecks(running: RunningTask, port: number): Promise<void> {
  const { task, targets } = running;
  const { clock } = task.ecs.world;
  const [first] = targets;
  if (!first) return;
  const pause = Math.max(MIN_INTERVAL_MS, (first.group.intervalSeconds * 1000) / clock.timeScale);
  const path = textOf(first.group.given['HealthCheckPath']) ?? '/';
  const started = Date.now();
  for (let misses = 0; misses < first.group.unhealthyThreshold;) {
    const health = await ask(`http://127.0.0.1:${port}${path}`);
    for (const { target } of targets) target.health = health;
    task.ecs.changes.notify();
    if (health.State === 'healthy') return;
    if (health.State === 'unhealthy' || Date.now() - started > BOOT_MS) misses += 1;
    await clock.pause(pause, task.stop.signal);
  }
  throw unhealthyTargetStop(running, first);
}

/** A target that does not listen yet is still in its initial checks. */
async function ask(url: string): Promise<TargetHealth> {
  try {
    const { status } = await fetch(url, { signal: AbortSignal.timeout(BOOT_MS) });
    if (status === 200) return { State: 'healthy' };
    return {
      State: 'unhealthy',
      Reason: 'Target.ResponseCodeMismatch',
      Description: `Health checks failed with these codes: [${String(status)}]`,
    };
  } catch {
    return {
      State: 'initial',
      Reason: 'Elb.InitialHealthChecking',
      Description: 'Initial health checks in progress',
    };
  }
}

interface Variable {
  name: string;
  value: string;
}

/** Which service calls which by name, through Service Connect. */
const LINKS: Record<string, string> = { USERS_URL: 'user-service', PRODUCTS_URL: 'product-service' };

/** The environment of a container's process: the variables of ECS, with secrets resolved. */
function environmentOf(task: Task, container: Container): Record<string, string> {
  const { definition } = container;
  const override = overrideOf(task, container);
  const secrets = (definition['secrets'] ?? []) as { name: string; valueFrom: string }[];
  return {
    ...linksOf(task),
    ...fromList(definition['environment']),
    ...Object.fromEntries(secrets.map(({ name, valueFrom }) => [name, secretOf(task, valueFrom)])),
    ...fromList(override['environment']),
    ...(container.imageDigest !== undefined && { IMAGE_DIGEST: container.imageDigest }),
  };
}

/** The command of the container, or undefined for that of the image. */
function commandOf(task: Task, container: Container): string[] | undefined {
  const given = (overrideOf(task, container)['command'] ?? container.definition['command']) as
    | string[]
    | undefined;
  return given && given.length > 0 ? given : undefined;
}

function overrideOf(task: Task, container: Container): Given {
  const overrides = (task.overrides['containerOverrides'] ?? []) as Given[];
  return overrides.find(({ name }) => name === container.definition.name) ?? {};
}

function fromList(variables: unknown): Record<string, string> {
  const list = (variables ?? []) as Variable[];
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

function linksOf(task: Task): Record<string, string> {
  return Object.fromEntries(
    Object.entries(LINKS).map(([name, service]) => [name, realServiceUrl(task.ecs, task.cluster, service)]),
  );
}

/** A parameter's value. Secrets are not stored: their value is derived from the ARN, so it is always the same. */
function secretOf({ ecs }: Task, valueFrom: string): string {
  const parameter = /:parameter(\/.*)$/.exec(valueFrom)?.[1];
  const found = parameterStore(ecs.world, ecs.account, ecs.region).get(parameter ?? valueFrom);
  if (found) return found.value;
  const password = createHash('sha256').update(valueFrom).digest('hex').slice(0, 32);
  // RDS stores its administrator's login in a secret whose name starts like this.
  return valueFrom.includes(':secret:rds!') ? JSON.stringify({ username: 'dbadmin', password }) : password;
}
