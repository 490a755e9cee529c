import { SandboxClosed } from '../clock.ts';
import { SECONDS } from './durations.ts';
import { digestOf } from './images.ts';
import { forEver, subject } from './life.ts';
import type { Life, TaskWatcher } from './life.ts';
import type { Container, Task } from './model.ts';
import { writeLog, requireLogGroups } from './task-logs.ts';
import { endReal, realServiceOf, runReal } from './real-task.ts';
import { ruleFor } from './task-rules.ts';
import { afterStart, beforePull, beforeStart } from './task-failures.ts';
import { TaskStop } from './task-stop.ts';
import { drainSecondsOf, drainTargets, registerTargets, removeTargets } from './task-targets.ts';
import { becomeHealthy } from './task-health.ts';

/** Lets a task live in the background, from PROVISIONING to STOPPED. */
export function startLife(task: Task, watcher: TaskWatcher): void {
  const { world } = task.ecs;
  const { signal } = task.stop;
  const life: Life = {
    task,
    rule: ruleFor(world, task),
    watcher,
    targets: [],
    sleep: (seconds) => world.clock.sleep(seconds, signal),
  };
  world.run(async () => {
    const stop = await liveUntilStop(life);
    await end(life, stop);
  });
}

async function liveUntilStop(life: Life): Promise<TaskStop> {
  try {
    await provision(life);
    await pull(life);
    await run(life);
    throw new Error(`task ${life.task.id} lives no more, and nothing has stopped it`);
  } catch (error) {
    if (error instanceof TaskStop) return error;
    if (error instanceof SandboxClosed) throw error;
    throw new Error(`task ${life.task.id}`, { cause: error });
  }
}

function advance(life: Life, status: string): void {
  life.task.lastStatus = status;
  for (const container of life.task.containers) {
    if (container.lastStatus !== 'STOPPED') container.lastStatus = containerStatus(status);
  }
  life.task.ecs.changes.notify();
}

function containerStatus(status: string): string {
  return status === 'RUNNING' || status === 'DEACTIVATING' || status === 'STOPPING' ? 'RUNNING' : 'PENDING';
}

async function provision(life: Life): Promise<void> {
  await life.sleep(SECONDS.provision);
  beforePull(life);
  advance(life, 'PENDING');
}

async function pull(life: Life): Promise<void> {
  const { task, rule } = life;
  const { clock } = task.ecs.world;
  beforeStart(life);
  if (rule?.does === 'stay-pending') await forEver(life);
  task.pullStartedAt = clock.now();
  await life.sleep(rule?.pullSeconds ?? SECONDS.pull);
  for (const container of task.containers) pullImage(life, container);
  task.pullStoppedAt = clock.now();
  requireLogGroups(task);
  await life.sleep(SECONDS.start);
}

function pullImage({ task, rule }: Life, container: Container): void {
  const digest = digestOf(task.ecs.world, container.image);
  if (digest === undefined || (rule?.does === 'cannot-pull' && container === subject({ task, rule }))) {
    const { image, definition } = container;
    const reason =
      rule?.message ??
      `CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref ${image}: ${image}: not found`;
    throw new TaskStop('TaskFailedToStart', reason, { [definition.name]: { reason } });
  }
  container.imageDigest = container === subject({ task, rule }) ? (rule?.digest ?? digest) : digest;
}

async function run(life: Life): Promise<void> {
  const { task, rule } = life;
  task.startedAt = task.ecs.world.clock.now();
  advance(life, 'RUNNING');
  const container = subject(life);
  life.targets = registerTargets(task);
  const service = realServiceOf(task, container);
  if (service !== undefined) await runReal(life, service);
  writeFirstLines(life, container);
  await afterStart(life, container);
  await life.sleep(rule?.bootSeconds ?? SECONDS.boot);
  await becomeHealthy(life);
  task.healthy = true;
  life.watcher.onHealthy(task);
  task.ecs.changes.notify();
  if (task.service === undefined) await finish(life, container);
  await forEver(life);
}

/** What a rule says that its container writes; every other container says that it is there. */
function writeFirstLines({ task, rule }: Life, container: Container): void {
  for (const each of task.containers) {
    const usual = [`{"level":"info","message":"${each.definition.name} is listening"}`];
    writeLog(task, each.definition, each === container ? (rule?.logs ?? usual) : usual);
  }
}

/** A one-off task ends by itself. */
async function finish(life: Life, { definition }: Container): Promise<void> {
  await life.sleep(life.rule?.after ?? SECONDS.oneOff);
  throw new TaskStop('EssentialContainerExited', 'Essential container in task exited', {
    [definition.name]: { exitCode: 0 },
  });
}

async function end(life: Life, stop: TaskStop): Promise<void> {
  const { task, watcher, targets } = life;
  const { clock } = task.ecs.world;
  Object.assign(task, { desiredStatus: 'STOPPED', stoppingAt: clock.now(), healthy: false });
  Object.assign(task, { stopCode: stop.stopCode, stoppedReason: stop.message });
  exitContainers(task, stop.exits);
  watcher.onStopping(task, stop);
  if (task.startedAt) await windDown(life);
  for (const container of task.containers) {
    container.lastStatus = 'STOPPED';
    if (task.startedAt && stop.stopCode !== 'TaskFailedToStart') container.exitCode ??= 0;
  }
  task.executionStoppedAt = clock.now();
  removeTargets(targets);
  advance(life, 'DEPROVISIONING');
  await clock.sleep(SECONDS.deprovision);
  task.stoppedAt = clock.now();
  advance(life, 'STOPPED');
  watcher.onStopped(task);
  task.ecs.changes.notify();
}

/** The load balancer takes it out, requests under way end, then SIGTERM. */
async function windDown(life: Life): Promise<void> {
  const { clock } = life.task.ecs.world;
  drainTargets(life.targets);
  advance(life, 'DEACTIVATING');
  await clock.sleep(drainSecondsOf(life.targets));
  advance(life, 'STOPPING');
  if (life.process) await endReal(life);
  else await clock.sleep(SECONDS.stop);
}

function exitContainers(task: Task, exits: TaskStop['exits']): void {
  for (const container of task.containers) {
    const exit = exits[container.definition.name];
    if (!exit) continue;
    Object.assign(container, exit);
    container.lastStatus = 'STOPPED';
  }
}
