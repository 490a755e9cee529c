import type { Task } from '@aws-sdk/client-ecs';
import { isThrottle } from '../aws/errors.ts';
import { PlatformError, TimeoutError } from '../core/errors.ts';
import { poll } from '../core/poll.ts';
import {
  describeService,
  type EcsContext,
  targetTaskDefinition,
  nameOf,
  type ServiceAddress,
} from './service.ts';
import type { FollowedDeployment } from './deployment.ts';
import type { TaskFailures } from './task-failures.ts';
import { belongsTo, tasksOf } from './tasks.ts';
import type { TaskDefinition } from './task-definition/task-definition.ts';
import { outOf, plural } from '../core/text.ts';

/** How long the list of tasks may lag behind the end of a deployment. */
const LAG_MS = 30_000;

/** The revision that a service must run. */
interface Expectation extends ServiceAddress {
  /** ARN of the task definition. */
  taskDefinition: string;
  definition: TaskDefinition;
  /** After a restart: tasks that another deployment started are old ones. */
  restart?: FollowedDeployment;
  /** Whether another digest that a task reports belongs to the requested image. */
  indexMembership: (image: string, digest: string) => Promise<IndexMembership>;
  /** How long to wait for missing tasks, in milliseconds. */
  waitMs: number;
  /** The failed tasks of the deployment, if it was followed. */
  failures?: TaskFailures;
}

/**
 * Whether a digest belongs to the index of an image, because a task may report the digest of its platform's image.
 * `unknown` if the index cannot be read.
 */
export type IndexMembership = 'part' | 'other' | 'unknown';

/** What the tasks were verified to run. */
export interface ProvenTasks {
  digests: Record<string, string>;
  tasks: number;
  wanted: number;
  /** Sentences about what could not be checked. */
  notes: readonly string[];
}

/** The result of one check of the tasks. */
type Found =
  /** Another revision or image runs. The list of tasks may be stale, so a problem counts only after a while. */
  | { problem: string }
  /** Only the expected revision runs; tasks may be missing. */
  | { tasks: ProvenTasks }
  /** The service now has another target revision. */
  | { superseding: string };

/** The tasks prove a revision, or the service now has another target revision. */
export type Proof = { kind: 'proven'; tasks: ProvenTasks } | { kind: 'superseded'; taskDefinition: string };

/**
 * Verifies by its tasks that a service runs only this task definition, and that each container whose image is given by
 * digest runs that digest. Waits for missing tasks, because scaling out and replacing a task take a minute on Fargate.
 *
 * @throws PlatformError `rollout-unproven` if another revision or image runs; `tasks-failed` if tasks fail and none
 * becomes healthy; TimeoutError if no task runs although the desired count is not 0.
 */
export async function proveRunning(context: EcsContext, expected: Expectation): Promise<Proof> {
  const startedAt = context.clock.now();
  const seen: { last: Found; logged: string; problemAt?: number } = { last: { problem: '' }, logged: '' };
  try {
    const options = { what: 'the tasks', timeoutMs: LAG_MS + expected.waitMs, isThrottle };
    return await poll(context, options, async () => {
      const found = await checkOnce(context, expected);
      seen.last = found;
      const now = context.clock.now();
      if ('superseding' in found) return { kind: 'superseded', taskDefinition: found.superseding };
      if ('problem' in found) {
        seen.problemAt ??= now;
        return now - seen.problemAt < LAG_MS ? undefined : unproven(found.problem);
      }
      delete seen.problemAt;
      const { tasks } = found;
      const failed = tasks.wanted === 0 ? 0 : await failedInARow(expected);
      if (tasks.tasks >= tasks.wanted && failed === 0) return { kind: 'proven', tasks };
      const line = waitingLine(tasks, failed, expected);
      if (line !== seen.logged) context.log.info(line);
      seen.logged = line;
      return now - startedAt < expected.waitMs ? undefined : accept(tasks, expected);
    });
  } catch (error) {
    if (!(error instanceof TimeoutError) || context.signal.aborted) throw error;
    const { last } = seen;
    if ('problem' in last) return unproven(last.problem);
    if ('tasks' in last) return accept(last.tasks, expected);
    throw error;
  }
}

function unproven(problem: string): never {
  throw new PlatformError(
    'rollout-unproven',
    `ECS reported the deployment as complete, but it could not be verified: ${problem}`,
  );
}

/** Accepts fewer tasks than desired, unless none runs or tasks have failed since the last healthy one. */
function accept(tasks: ProvenTasks, expected: Expectation): Proof {
  const failed = expected.failures?.count ?? 0;
  if (failed > 0) throw tasksFailed(failed, expected);
  if (tasks.tasks > 0) return { kind: 'proven', tasks };
  throw new TimeoutError(`the start of the tasks of ${nameOf(expected.taskDefinition)}`, expected.waitMs);
}

function waitingLine(
  { tasks, wanted }: ProvenTasks,
  failed: number,
  { taskDefinition }: Expectation,
): string {
  const why = failed > 0 ? `${failed} failed and none is healthy` : 'waiting for the others';
  return `${outOf(tasks, wanted, 'task')} of ${nameOf(taskDefinition)} running: ${why}.`;
}

/**
 * Number of failed tasks since the last healthy one, because a task that is about to fail runs for a moment too.
 *
 * @throws PlatformError `tasks-failed` at the threshold of ECS's circuit breaker.
 */
async function failedInARow(expected: Expectation): Promise<number> {
  const { failures } = expected;
  if (!failures) return 0;
  await failures.update();
  if (failures.isTripped) throw tasksFailed(failures.count, expected);
  return failures.count;
}

function tasksFailed(count: number, { taskDefinition }: Expectation): PlatformError {
  const what = `${plural(count, 'task')} of ${nameOf(taskDefinition)} failed in a row and none became healthy`;
  return new PlatformError('tasks-failed', `ECS reported the deployment as complete, but then ${what}`);
}

async function checkOnce(context: EcsContext, expected: Expectation): Promise<Found> {
  const service = await describeService(context, expected);
  const wanted = service.desiredCount ?? 0;
  const running = (await tasksOf(context, expected, 'RUNNING')).filter(
    ({ lastStatus }) => lastStatus === undefined || lastStatus === 'RUNNING',
  );
  const other = running.find(({ taskDefinitionArn }) => taskDefinitionArn !== expected.taskDefinition);
  const ours = running.filter(({ taskDefinitionArn }) => taskDefinitionArn === expected.taskDefinition);
  const target = targetTaskDefinition(service) ?? service.taskDefinition;
  if (target !== expected.taskDefinition) return { superseding: target ?? '' };
  if (other) return { problem: `a task still runs ${nameOf(other.taskDefinitionArn ?? '')}` };
  const { restart } = expected;
  if (restart && !ours.every((task) => belongsTo(restart, task))) {
    const name = nameOf(expected.taskDefinition);
    return { problem: `a task of ${name} that was started before the restart still runs` };
  }
  const found = await digestsOf(ours, expected);
  if ('problem' in found) return found;
  return { tasks: { ...found, tasks: ours.length, wanted } };
}

async function digestsOf(
  tasks: readonly Task[],
  { definition, indexMembership }: Expectation,
): Promise<Pick<ProvenTasks, 'digests' | 'notes'> | { problem: string }> {
  const digests: Record<string, string> = {};
  const notes: string[] = [];
  for (const { name, image } of definition.containerDefinitions) {
    const expected = digestIn(image);
    const reported = tasks.map((task) => digestOf(task, name, image));
    if (expected !== undefined && reported.includes(undefined)) {
      return { problem: `AWS does not report which image a task runs in the container ${name}` };
    }
    const found = new Set(reported.filter((digest) => digest !== undefined));
    for (const digest of found) {
      if (expected === undefined || digest === expected) continue;
      const part = await indexMembership(image, digest);
      if (part === 'other')
        return { problem: `a task runs ${digest} in the container ${name}, expected ${expected}` };
      if (part === 'unknown') notes.push(notCheckable(name, image, digest));
    }
    if (expected === undefined && found.size > 1) {
      return { problem: `tasks run different images in the container ${name}: ${[...found].join(', ')}` };
    }
    if (reported.includes(undefined)) notes.push(notReported(name, image));
    const digest = expected ?? [...found][0];
    if (digest !== undefined && found.size > 0) digests[name] = digest;
  }
  return { digests, notes };
}

function notReported(container: string, image: string): string {
  return `AWS does not report which digest of ${image} the tasks run in the container ${container}. Fix: Pass the image by digest.`;
}

function notCheckable(container: string, image: string, digest: string): string {
  return `The tasks report ${digest} for the container ${container}, which was started from ${image}. Cannot check whether it is part of that image, because the image index could not be read.`;
}

/** If the endpoint reports no digest, the digest in the image that the container was started with. */
function digestOf({ containers = [] }: Task, name: string, image: string): string | undefined {
  const container = containers.find((one) => one.name === name);
  if (container?.imageDigest !== undefined) return container.imageDigest;
  return container?.image === image ? digestIn(image) : undefined;
}

/** The digest in an image reference. */
export function digestIn(image: string): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
}
