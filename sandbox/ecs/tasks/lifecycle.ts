import { SandboxClosed } from '../../clock.ts';
import type { TaskRule } from '../../scenario/ecs.ts';
import type { World } from '../../world.ts';
import { SECONDS } from '../durations.ts';
import { resolveImageDigest, unpullable } from '../lookup.ts';
import type {
  Cluster,
  Container,
  ContainerInstance,
  Deployment,
  Ecs,
  Given,
  Service,
  Tag,
  Task,
  TaskDefinition,
} from '../model.ts';
import { pullFromRegistry } from './execution-role.ts';
import { failContainer, failProvisioning, failSecrets } from './failures.ts';
import { waitUntilHealthy, drainSecondsOf, drainTargets, registerTargets, removeTargets } from './health.ts';
import { openLogStreams, writeLog } from './logs.ts';
import { stopProcess, referenceServiceOf, runProcess } from './real-task.ts';
import {
  waitForStop,
  type RunningTask,
  affectedContainer,
  TaskStop,
  type TaskWatcher,
} from './running-task.ts';

/** Runs a task in the background, from PROVISIONING to STOPPED. */
export function startTask(task: Task, watcher: TaskWatcher): void {
  const { world } = task.ecs;
  const { signal } = task.stop;
  const running: RunningTask = {
    task,
    rule: ruleFor(world, task),
    watcher,
    targets: [],
    sleep: (seconds) => world.clock.sleep(seconds, signal),
  };
  world.run(async () => {
    const stop = await runUntilStop(running);
    await end(running, stop);
  });
}

async function runUntilStop(running: RunningTask): Promise<TaskStop> {
  try {
    await provision(running);
    await pull(running);
    await run(running);
    throw new Error(`task ${running.task.id} ended without a stop`);
  } catch (error) {
    if (error instanceof TaskStop) return error;
    if (error instanceof SandboxClosed) throw error;
    throw new Error(`task ${running.task.id}`, { cause: error });
  }
}

function advance(running: RunningTask, status: string): void {
  running.task.lastStatus = status;
  for (const container of running.task.containers) {
    if (container.lastStatus !== 'STOPPED') container.lastStatus = containerStatus(status);
  }
  running.task.ecs.changes.notify();
}

function containerStatus(status: string): string {
  return status === 'RUNNING' || status === 'DEACTIVATING' || status === 'STOPPING' ? 'RUNNING' : 'PENDING';
}

async function provision(running: RunningTask): Promise<void> {
  await running.sleep(SECONDS.provision);
  failProvisioning(running);
  advance(running, 'PENDING');
}

async function pull(running: RunningTask): Promise<void> {
  const { task, rule } = running;
  const { clock } = task.ecs.world;
  failSecrets(running);
  if (rule?.does === 'stay-pending') await waitForStop(running);
  task.pullStartedAt = clock.now();
  await running.sleep(rule?.pullSeconds ?? SECONDS.pull);
  for (const container of task.containers) {
    pullFromRegistry(task, container);
    pullImage(running, container);
  }
  task.pullStoppedAt = clock.now();
  openLogStreams(task);
  await running.sleep(SECONDS.start);
}

function pullImage({ task, rule }: RunningTask, container: Container): void {
  const digest = resolveImageDigest(task.ecs.world, container.definition, imageOf(task, container));
  const why = unpullable(task.ecs, container.image);
  if (
    digest === undefined ||
    why !== undefined ||
    (rule?.does === 'cannot-pull' && container === affectedContainer({ task, rule }))
  ) {
    const { image, definition } = container;
    const reason =
      rule?.message ??
      `CannotPullContainerError: ${why ?? `pull image manifest has been retried 7 time(s): failed to resolve ref ${image}: ${image}: not found`}`;
    throw new TaskStop('TaskFailedToStart', reason, { [definition.name]: { reason } });
  }
  const told = container === affectedContainer({ task, rule }) ? (rule?.digest ?? digest) : digest;
  if (told !== '') container.imageDigest = told;
}

/**
 * All tasks of a deployment run the digest that its tags had at its start.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html#deployment-container-image-stability
 */
function imageOf({ deployment }: Task, { definition, image }: Container): string {
  if (definition['versionConsistency'] === 'disabled') return image;
  const resolved = deployment?.revision.containerImages.find(
    ({ containerName }) => containerName === definition.name,
  )?.imageDigest;
  return resolved === undefined ? image : `${image.replace(/(?::[^:/@]+)?(?:@.*)?$/, '')}@${resolved}`;
}

async function run(running: RunningTask): Promise<void> {
  const { task, rule } = running;
  task.startedAt = task.ecs.world.clock.now();
  advance(running, 'RUNNING');
  const container = affectedContainer(running);
  running.targets = registerTargets(task);
  const service = referenceServiceOf(task, container);
  if (service !== undefined) await runProcess(running, service);
  writeFirstLines(running, container);
  await failContainer(running, container);
  await running.sleep(rule?.bootSeconds ?? SECONDS.boot);
  await waitUntilHealthy(running);
  task.healthy = true;
  running.watcher.onHealthy(task);
  task.ecs.changes.notify();
  if (task.service === undefined) await finish(running, container);
  await waitForStop(running);
}

/** The output of a container in its rule. Other containers log that they are listening. */
function writeFirstLines({ task, rule }: RunningTask, container: Container): void {
  for (const each of task.containers) {
    const usual = [`{"level":"info","message":"${each.definition.name} is listening"}`];
    writeLog(task, each.definition, each === container ? (rule?.logs ?? usual) : usual);
  }
}

/** A one-off task ends by itself. */
async function finish(running: RunningTask, { definition }: Container): Promise<void> {
  await running.sleep(running.rule?.after ?? SECONDS.oneOff);
  throw new TaskStop('EssentialContainerExited', 'Essential container in task exited', {
    [definition.name]: { exitCode: 0 },
  });
}

async function end(running: RunningTask, stop: TaskStop): Promise<void> {
  const { task, watcher, targets } = running;
  const { clock } = task.ecs.world;
  Object.assign(task, { desiredStatus: 'STOPPED', stoppingAt: clock.now(), healthy: false });
  Object.assign(task, { stopCode: stop.stopCode, stoppedReason: stop.message });
  exitContainers(task, stop.exits);
  watcher.onStopping(task, stop);
  if (task.startedAt) await windDown(running);
  for (const container of task.containers) {
    container.lastStatus = 'STOPPED';
    if (task.startedAt && stop.stopCode !== 'TaskFailedToStart') container.exitCode ??= 0;
  }
  task.executionStoppedAt = clock.now();
  removeTargets(targets);
  advance(running, 'DEPROVISIONING');
  await clock.sleep(SECONDS.deprovision);
  task.stoppedAt = clock.now();
  task.service?.tasks.delete(task);
  advance(running, 'STOPPED');
  watcher.onStopped(task);
  task.ecs.changes.notify();
}

/** Deregisters the target, waits for requests in progress, then sends SIGTERM. */
async function windDown(running: RunningTask): Promise<void> {
  const { clock } = running.task.ecs.world;
  drainTargets(running.targets);
  advance(running, 'DEACTIVATING');
  await clock.sleep(drainSecondsOf(running.targets));
  advance(running, 'STOPPING');
  if (running.process) await stopProcess(running);
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

/** The first of the scenario's rules that matches a task and is not used up. Each matched task counts as a use. */
function ruleFor(world: World, task: Task): TaskRule | undefined {
  const counts = world.store('', '', 'ecs-rules', () => new Map<TaskRule, number>());
  const rule = world.scenario.ecs?.rules?.find(
    (candidate) =>
      matches(candidate, task) &&
      (candidate.times === undefined || (counts.get(candidate) ?? 0) < candidate.times),
  );
  if (rule) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  return rule;
}

function matches({ match = {} }: TaskRule, task: Task): boolean {
  const { definition } = task;
  const facts: [unknown, unknown][] = [
    [match.cluster, task.cluster.name],
    [match.service, task.service?.name],
    [match.family, definition.family],
    [match.revision, definition.revision],
    [match.oneOff, task.service === undefined],
  ];
  const { image } = match;
  return (
    facts.every(([wanted, found]) => wanted === undefined || wanted === found) &&
    (image === undefined || definition.containers.some((container) => container.image.includes(image)))
  );
}

export interface TaskRequest {
  cluster: Cluster;
  definition: TaskDefinition;
  group: string;
  subnets: readonly string[];
  service?: Service;
  deployment?: Deployment;
  startedBy?: string;
  overrides?: Given;
  tags?: Tag[];
  given?: Given;
  instance?: ContainerInstance;
}

/** A new task, known to ECS from now on. */
export function newTask(ecs: Ecs, request: TaskRequest): Task {
  const { cluster, definition, subnets, group } = request;
  const { world } = ecs;
  const id = ecs.newTaskId();
  const task: Task = {
    ecs,
    arn: ecs.arn(`task/${cluster.name}/${id}`),
    id,
    cluster,
    definition,
    ...(request.service && { service: request.service }),
    ...(request.deployment && { deployment: request.deployment }),
    group,
    ...(request.instance && { instance: request.instance }),
    ...(request.startedBy !== undefined && { startedBy: request.startedBy }),
    lastStatus: 'PROVISIONING',
    desiredStatus: 'RUNNING',
    containers: definition.containers.map((container) => ({
      definition: container,
      arn: ecs.arn(`container/${cluster.name}/${id}/${world.newUuid()}`),
      image: container.image,
      lastStatus: 'PENDING',
      healthStatus: 'UNKNOWN',
    })),
    address: newAddress(ecs),
    subnet: subnets[ecs.tasks.size % Math.max(1, subnets.length)] ?? 'subnet-00000000000000000',
    interfaceId: world.newId('eni'),
    attachmentId: world.newUuid(),
    overrides: request.overrides ?? {},
    tags: request.tags ?? [],
    given: request.given ?? {},
    createdAt: world.clock.now(),
    healthy: false,
    stop: new AbortController(),
  };
  ecs.tasks.set(task.arn, task);
  task.service?.tasks.add(task);
  return task;
}

/** The next address of a private network. */
function newAddress(ecs: Ecs): string {
  const number = ecs.tasks.size + 10;
  return `10.0.${String(Math.floor(number / 250) % 250)}.${String((number % 250) + 4)}`;
}
