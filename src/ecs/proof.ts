import type { Task } from '@aws-sdk/client-ecs';
import { isThrottle } from '../aws/errors.ts';
import { PlatformError, TimeoutError } from '../core/errors.ts';
import { poll } from '../core/poll.ts';
import { describeService, type EcsContext, goalOf, nameOf, type ServiceAddress } from './service.ts';
import type { OurDeployment } from './deployment.ts';
import { isOf, tasksOf } from './tasks.ts';
import type { TaskDefinition } from './task-definition/task-definition.ts';

/** How long the list of tasks may lag behind the end of a deployment. */
const LAG_MS = 30_000;

/** What must be running. */
interface Expectation extends ServiceAddress {
  /** ARN of the task definition. */
  taskDefinition: string;
  definition: TaskDefinition;
  /** After a restart: tasks that another deployment started are the old ones. */
  restart?: OurDeployment;
  /**
   * Whether a digest that a task runs is that of the image asked for though it is not the same: an index stands for
   * the manifests in it.
   */
  sameImage: (image: string, digest: string) => Promise<boolean>;
}

/** What the tasks were proven to run. */
interface Proof {
  digests: Record<string, string>;
  tasks: number;
}

/**
 * Proves by the tasks themselves that a service runs this task definition and no other, as many as are wanted, and
 * that each container that was asked for by digest has that digest.
 *
 * @throws PlatformError `rollout-unproven` when that does not hold.
 */
export async function proveRunning(context: EcsContext, expected: Expectation): Promise<Proof> {
  let problem = '';
  try {
    const options = { what: 'the tasks', timeoutMs: LAG_MS, isThrottle };
    return await poll(context, options, async () => {
      const result = await checkOnce(context, expected);
      if ('digests' in result) return result;
      problem = result.problem;
      return undefined;
    });
  } catch (error) {
    if (!(error instanceof TimeoutError) || context.signal.aborted) throw error;
    const reason = `The deployment is complete for ECS, and cannot be proven: ${problem}`;
    throw new PlatformError('rollout-unproven', reason);
  }
}

async function checkOnce(context: EcsContext, expected: Expectation): Promise<Proof | { problem: string }> {
  const service = await describeService(context, expected);
  const wanted = service.desiredCount ?? 0;
  const running = (await tasksOf(context, expected, 'RUNNING')).filter(
    ({ lastStatus }) => lastStatus === undefined || lastStatus === 'RUNNING',
  );
  const other = running.find(({ taskDefinitionArn }) => taskDefinitionArn !== expected.taskDefinition);
  const ours = running.filter(({ taskDefinitionArn }) => taskDefinitionArn === expected.taskDefinition);
  const name = nameOf(expected.taskDefinition);
  if (goalOf(service) !== expected.taskDefinition) {
    return {
      problem: `the service works towards ${nameOf(service.taskDefinition ?? 'nothing')}, not ${name}`,
    };
  }
  if (ours.length < wanted) return { problem: `${ours.length} of ${wanted} tasks run ${name}` };
  if (other) return { problem: `a task still runs ${nameOf(other.taskDefinitionArn ?? '')}` };
  const { restart } = expected;
  if (restart && !ours.every((task) => isOf(restart, task))) {
    return { problem: `a task of ${name} that was started before the restart still runs` };
  }
  return await digestsOf(ours, expected);
}

async function digestsOf(
  tasks: readonly Task[],
  { definition, sameImage }: Expectation,
): Promise<Proof | { problem: string }> {
  const digests: Record<string, string> = {};
  for (const { name, image } of definition.containerDefinitions) {
    const asked = digestIn(image);
    const reported = tasks.map((task) => digestOf(task, name, image));
    if (asked !== undefined && reported.includes(undefined)) {
      return { problem: `AWS does not tell which image a task runs in the container ${name}` };
    }
    const found = new Set(reported.filter((digest) => digest !== undefined));
    for (const digest of found) {
      if (asked !== undefined && digest !== asked && !(await sameImage(image, digest))) {
        return { problem: `a task runs ${digest} in the container ${name}, and ${asked} was asked for` };
      }
    }
    if (asked === undefined && found.size > 1) {
      return { problem: `tasks run different images in the container ${name}: ${[...found].join(', ')}` };
    }
    const digest = asked ?? [...found][0];
    if (digest !== undefined && found.size > 0) digests[name] = digest;
  }
  return { digests, tasks: tasks.length };
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
