import { randomUUID } from 'node:crypto';
import { GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  DescribeTasksCommand,
  ListTasksCommand,
  RunTaskCommand,
  StopTaskCommand,
  type Task,
} from '@aws-sdk/client-ecs';
import { isNotFound, isThrottle } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import { type EcsContext, nameOf } from '../service.ts';
import { ContainerExitOrder } from './container-exit-order.ts';
import type { TaskPlacement } from './placement.ts';
import { failedContainer, failedTask, type FailedTask, logStream, shownLine } from '../tasks.ts';
import type { TaskDefinition } from '../task-definition/task-definition.ts';

/** A command to run as a one-off task. */
interface OneOffTask {
  cluster: string;
  taskDefinition: string;
  definition: TaskDefinition;
  container: string;
  command: readonly string[];
  placement: TaskPlacement;
  timeoutMs: number;
  /** The `startedBy` of the task, by which it can be found even if the response of RunTask was lost. */
  startedBy: string;
  /** Called with the task's ID when ECS has accepted it. */
  onStarted: (id: string) => void;
  /** Called for each line of the container's log. */
  line: (text: string) => void;
}

/** A task that has stopped. */
export interface TaskEnd {
  task: FailedTask;
  /** Undefined if its container never ran. */
  exitCode?: number;
  /** Another essential container that exited first and so ended the task before the command had finished. */
  endedBy?: { name: string; exitCode?: number; reason?: string };
}

/**
 * Fixes for failures of RunTask.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
 */
const FIXES: readonly (readonly [RegExp, string])[] = [
  [
    /^RESOURCE:PORTS/,
    'Remove the fixed host ports from the task definition, or add a container instance where they are free.',
  ],
  [/^RESOURCE:(?:CPU|MEMORY)/, 'Add a container instance, or free CPU and memory on one.'],
];

/** ECS could not start the task. */
export class NotPlacedError extends PlatformError {
  override readonly name = 'NotPlacedError';

  /** @param reasons ECS's reasons, such as `RESOURCE:CPU`. */
  constructor(reasons: readonly string[]) {
    const fix = FIXES.find(([pattern]) => reasons.some((reason) => pattern.test(reason)))?.[1];
    const message = `ECS could not start the task: ${reasons.join('; ') || 'no reason given'}`;
    super('task-not-placed', message, fix === undefined ? {} : { fix });
  }
}

/**
 * Runs a command as a one-off task until it stops, and reads its log.
 *
 * @throws NotPlacedError; TimeoutError; the signal's reason. The task may then still be running; see `stopTasks`.
 */
export async function runOneOffTask(context: EcsContext, one: OneOffTask): Promise<TaskEnd> {
  const arn = await runTask(context, one);
  one.onStarted(nameOf(arn));
  const log = new LogReader(context, one, nameOf(arn));
  const options = { what: `the command ${one.command.join(' ')}`, timeoutMs: one.timeoutMs, isThrottle };
  const essential = one.definition.containerDefinitions.filter((container) => container.essential !== false);
  const order = new ContainerExitOrder(
    one.container,
    essential.map(({ name }) => name),
  );
  const task = await poll(context, options, async () => {
    const found = await describeTask(context, one.cluster, arn);
    order.observe(found?.containers ?? []);
    await log.read();
    return found?.lastStatus === 'STOPPED' ? found : undefined;
  });
  // The last lines may reach the log after the task has stopped.
  await log.read();
  const { containers = [] } = task;
  const exitCode = containers.find(({ name }) => name === one.container)?.exitCode;
  const other = order.otherThatExitedFirst(containers);
  return {
    task: failedTask(task),
    ...(exitCode !== undefined && { exitCode }),
    ...(other?.name !== undefined && { endedBy: failedContainer(other, other.name) }),
  };
}

/** Stops the tasks with this `startedBy`, and returns their IDs. */
export async function stopTasks(
  context: EcsContext,
  { cluster, startedBy }: { cluster: string; startedBy: string },
): Promise<string[]> {
  const client = await context.ecs();
  const { taskArns = [] } = await send(client, new ListTasksCommand({ cluster, startedBy }), context);
  const reason = 'The job that started the task has ended.';
  for (const task of taskArns) await send(client, new StopTaskCommand({ cluster, task, reason }), context);
  return taskArns.map(nameOf);
}

async function runTask(context: EcsContext, one: OneOffTask): Promise<string> {
  const command = new RunTaskCommand({
    cluster: one.cluster,
    taskDefinition: one.taskDefinition,
    count: 1,
    // A retried call must not run a migration twice.
    clientToken: randomUUID(),
    startedBy: one.startedBy,
    ...one.placement,
    overrides: { containerOverrides: [{ name: one.container, command: [...one.command] }] },
  });
  const { tasks = [], failures = [] } = await send(await context.ecs(), command, context);
  const arn = tasks[0]?.taskArn;
  if (arn !== undefined) return arn;
  const reasons = failures.map(({ reason, detail }) => [reason, detail].filter(Boolean).join(': '));
  throw new NotPlacedError(reasons);
}

/** Undefined while the task is not visible in ECS yet. */
async function describeTask(context: EcsContext, cluster: string, arn: string): Promise<Task | undefined> {
  const { tasks = [] } = await send(
    await context.ecs(),
    new DescribeTasksCommand({ cluster, tasks: [arn] }),
    context,
  );
  return tasks[0];
}

/** Reads a container's log from the start, as it grows. A log that cannot be read is reported once. */
class LogReader {
  readonly #context: EcsContext;
  readonly #stream: { group: string; stream: string } | undefined;
  readonly #line: (text: string) => void;
  #token: string | undefined;
  #unreadable = false;

  constructor(context: EcsContext, { definition, container, line }: OneOffTask, taskId: string) {
    this.#context = context;
    this.#stream = logStream(definition, container, taskId);
    this.#line = line;
  }

  async read(): Promise<void> {
    while (await this.#page());
  }

  /** Reads one page. Returns whether there may be more. */
  async #page(): Promise<boolean> {
    if (!this.#stream || this.#unreadable) return false;
    const { group, stream } = this.#stream;
    const command = new GetLogEventsCommand({
      logGroupName: group,
      logStreamName: stream,
      startFromHead: true,
      ...(this.#token !== undefined && { nextToken: this.#token }),
    });
    try {
      const { events = [], nextForwardToken } = await send(
        await this.#context.logs(),
        command,
        this.#context,
      );
      for (const { message = '' } of events) this.#line(shownLine(message));
      const more = events.length > 0 && nextForwardToken !== undefined && nextForwardToken !== this.#token;
      this.#token = nextForwardToken ?? this.#token;
      return more;
    } catch (error) {
      // The stream is created with the first line.
      if (isNotFound(error)) return false;
      this.#context.signal.throwIfAborted();
      this.#unreadable = true;
      this.#context.log.info(`Cannot read the log of the command: ${reasonOf(error)}`);
      return false;
    }
  }
}
