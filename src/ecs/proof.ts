import type { Task } from '@aws-sdk/client-ecs';
import { isThrottle } from '../aws/errors.ts';
import { PlatformError, TimeoutError } from '../core/errors.ts';
import { poll } from '../core/poll.ts';
import { describeService, type EcsContext, goalOf, nameOf, type ServiceAddress } from './service.ts';
import type { OurDeployment } from './deployment.ts';
import type { TaskFailures } from './task-failures.ts';
import { isOf, tasksOf } from './tasks.ts';
import type { TaskDefinition } from './task-definition/task-definition.ts';
import { outOf, plural } from '../core/text.ts';

/** How long the list of tasks may lag behind the end of a deployment. */
const LAG_MS = 30_000;

/** What must be running. */
interface Expectation extends ServiceAddress {
  /** ARN of the task definition. */
  taskDefinition: string;
  definition: TaskDefinition;
  /** After a restart: tasks that another deployment started are the old ones. */
  restart?: OurDeployment;
  /** Whether a digest that a task runs is part of the image asked for though it is not the same. */
  partOfImage: (image: string, digest: string) => Promise<PartOfImage>;
  /** How long missing tasks are waited for, in ms. */
  waitMs: number;
  /** The failed tasks of the deployment, where it was followed. */
  failures?: TaskFailures;
}

/**
 * A task may report the digest of its platform's image where the index was asked for. Where the index cannot be read,
 * nothing can be said of it.
 */
export type PartOfImage = 'part' | 'other' | 'unknown';

/** What the tasks were proven to run. */
export interface ProvenTasks {
  digests: Record<string, string>;
  tasks: number;
  wanted: number;
  /** What could not be checked, a sentence each. */
  notes: readonly string[];
}

/** What one look at the tasks finds. */
type Found =
  /** Not what was asked for: it may be a late list, so it counts only after a while. */
  | { problem: string }
  /** Nothing else runs; tasks may be missing. */
  | { tasks: ProvenTasks }
  /** The service works towards another revision by now. */
  | { goal: string };

/** The tasks prove a revision, or the service works towards another one by now. */
export type Proof = { kind: 'proven'; tasks: ProvenTasks } | { kind: 'superseded'; taskDefinition: string };

/**
 * Proves by the tasks themselves that a service runs this task definition and no other, and that each container that
 * was asked for by digest has that digest. Missing tasks are no proof of anything: scaling out and the replacement of
 * a task take a minute on Fargate, so they are waited for.
 *
 * @throws PlatformError `rollout-unproven` when something else runs; `tasks-failed` when tasks fail and none gets
 * healthy; TimeoutError when no task runs at all although some are wanted.
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
      if ('goal' in found) return { kind: 'superseded', taskDefinition: found.goal };
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
    `ECS reported the deployment as complete, but it cannot be proven: ${problem}`,
  );
}

/** What runs is proven, and is less than wanted. Without any task, or after failed ones alone, nothing is. */
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
  const why = failed > 0 ? `${failed} failed, and none is healthy` : 'waiting for the others';
  return `${outOf(tasks, wanted, 'task')} of ${nameOf(taskDefinition)} running: ${why}.`;
}

/**
 * Failed tasks of the deployment since the last healthy one: a task that is about to fail runs for a moment too.
 *
 * @throws PlatformError `tasks-failed` when there are as many as ECS's circuit breaker would stop at.
 */
async function failedInARow(expected: Expectation): Promise<number> {
  const { failures } = expected;
  if (!failures) return 0;
  await failures.look();
  if (failures.isTripped) throw tasksFailed(failures.count, expected);
  return failures.count;
}

function tasksFailed(count: number, { taskDefinition }: Expectation): PlatformError {
  const what = `${plural(count, 'task')} of ${nameOf(taskDefinition)} failed in a row and none became healthy`;
  return new PlatformError('tasks-failed', `ECS reported the deployment as complete, and then ${what}`);
}

async function checkOnce(context: EcsContext, expected: Expectation): Promise<Found> {
  const service = await describeService(context, expected);
  const wanted = service.desiredCount ?? 0;
  const running = (await tasksOf(context, expected, 'RUNNING')).filter(
    ({ lastStatus }) => lastStatus === undefined || lastStatus === 'RUNNING',
  );
  const other = running.find(({ taskDefinitionArn }) => taskDefinitionArn !== expected.taskDefinition);
  const ours = running.filter(({ taskDefinitionArn }) => taskDefinitionArn === expected.taskDefinition);
  const goal = goalOf(service) ?? service.taskDefinition;
  if (goal !== expected.taskDefinition) return { goal: goal ?? '' };
  if (other) return { problem: `a task still runs ${nameOf(other.taskDefinitionArn ?? '')}` };
  const { restart } = expected;
  if (restart && !ours.every((task) => isOf(restart, task))) {
    const name = nameOf(expected.taskDefinition);
    return { problem: `a task of ${name} that was started before the restart still runs` };
  }
  const found = await digestsOf(ours, expected);
  if ('problem' in found) return found;
  return { tasks: { ...found, tasks: ours.length, wanted } };
}

async function digestsOf(
  tasks: readonly Task[],
  { definition, partOfImage }: Expectation,
): Promise<Pick<ProvenTasks, 'digests' | 'notes'> | { problem: string }> {
  const digests: Record<string, string> = {};
  const notes: string[] = [];
  for (const { name, image } of definition.containerDefinitions) {
    const asked = digestIn(image);
    const reported = tasks.map((task) => digestOf(task, name, image));
    if (asked !== undefined && reported.includes(undefined)) {
      return { problem: `AWS does not tell which image a task runs in the container ${name}` };
    }
    const found = new Set(reported.filter((digest) => digest !== undefined));
    for (const digest of found) {
      if (asked === undefined || digest === asked) continue;
      const part = await partOfImage(image, digest);
      if (part === 'other')
        return { problem: `a task runs ${digest} in the container ${name}, and ${asked} was asked for` };
      if (part === 'unknown') notes.push(notCheckable(name, image, digest));
    }
    if (asked === undefined && found.size > 1) {
      return { problem: `tasks run different images in the container ${name}: ${[...found].join(', ')}` };
    }
    if (reported.includes(undefined)) notes.push(notReported(name, image));
    const digest = asked ?? [...found][0];
    if (digest !== undefined && found.size > 0) digests[name] = digest;
  }
  return { digests, notes };
}

function notReported(container: string, image: string): string {
  return `AWS does not tell which digest of ${image} the tasks run in the container ${container}. Fix: Give the image by digest.`;
}

function notCheckable(container: string, image: string, digest: string): string {
  return `The tasks report ${digest} for the container ${container}, which was started from ${image}. Whether it is part of that image cannot be checked: the registry's index is not readable from here.`;
}

/** Where an endpoint tells no digest, the name that the container was started by has it. */
function digestOf({ containers = [] }: Task, name: string, image: string): string | undefined {
  const container = containers.find((one) => one.name === name);
  if (container?.imageDigest !== undefined) return container.imageDigest;
  return container?.image === image ? digestIn(image) : undefined;
}

/** The digest in an image's name. */
export function digestIn(image: string): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
}
