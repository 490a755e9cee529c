import { GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  type Container,
  DescribeTasksCommand,
  type ECSClient,
  ListTasksCommand,
  type ListTasksRequest,
  type Task,
} from '@aws-sdk/client-ecs';
import { BatchReader } from '../aws/reads.ts';
import { send } from '../aws/send.ts';
import type { FollowedDeployment } from './deployment.ts';
import { type EcsContext, nameOf, type ServiceAddress } from './service.ts';
import type { TaskDefinition } from './task-definition/task-definition.ts';

/** A task that stopped. */
export interface FailedTask {
  id: string;
  arn: string;
  /** When it stopped, in milliseconds since the epoch. */
  at: number;
  stopCode: string;
  stoppedReason: string;
  /** The container that failed first, if ECS reports it. */
  container?: FailedContainer;
  pullMs?: number;
  /** How long it ran. */
  ranMs?: number;
  ip?: string;
}

interface FailedContainer {
  name: string;
  exitCode?: number;
  reason?: string;
  health?: string;
}

/**
 * Tasks of one cluster, by ARN.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html "A list of up to 100 task IDs or
 * full ARN entries"
 */
const tasks = new BatchReader<ECSClient, Task>({
  maxKeys: 100,
  splitsOn: ['denied', 'validation'],
  read: async (client, arns, context, cluster) => {
    const command = new DescribeTasksCommand({ cluster, tasks: [...arns] });
    const { tasks: found = [] } = await send(client, command, context);
    return new Map(found.map((task) => [task.taskArn ?? '', task]));
  },
});

/** Reads tasks of a cluster, in their order, without those that no longer exist. */
export async function describeTasks(
  context: EcsContext,
  cluster: string,
  arns: readonly string[],
): Promise<Task[]> {
  return [...(await tasks.getAll(await context.ecs(), arns, context, cluster)).values()];
}

/** The ARNs of a service's running or stopped tasks. AWS keeps stopped tasks for an hour. */
export async function listTasks(
  context: EcsContext,
  { cluster, service: serviceName }: ServiceAddress,
  desiredStatus: 'RUNNING' | 'STOPPED',
): Promise<string[]> {
  return (await listPages(context, { cluster, serviceName, desiredStatus }, Infinity)) ?? [];
}

/** The ARNs of all running tasks of a cluster; undefined if they fill more pages, of a hundred each. */
export async function listClusterTasks(
  context: EcsContext,
  cluster: string,
  maxPages: number,
): Promise<string[] | undefined> {
  return await listPages(context, { cluster, desiredStatus: 'RUNNING' }, maxPages);
}

async function listPages(
  context: EcsContext,
  which: ListTasksRequest,
  maxPages: number,
): Promise<string[] | undefined> {
  const client = await context.ecs();
  const arns: string[] = [];
  let nextToken: string | undefined;
  for (let pages = 0; pages < maxPages; pages += 1) {
    const page = await send(client, new ListTasksCommand({ ...which, nextToken }), context);
    arns.push(...(page.taskArns ?? []));
    nextToken = page.nextToken;
    if (nextToken === undefined || nextToken === '') return arns;
  }
  return undefined;
}

/** The running or stopped tasks of a service. AWS keeps stopped tasks for an hour. */
export async function tasksOf(
  context: EcsContext,
  address: ServiceAddress,
  desiredStatus: 'RUNNING' | 'STOPPED',
): Promise<Task[]> {
  return await describeTasks(context, address.cluster, await listTasks(context, address, desiredStatus));
}

/** The failed tasks of a deployment, the oldest first, without those that were scaled in. */
export async function failedTasks(
  context: EcsContext,
  deployment: FollowedDeployment,
): Promise<FailedTask[]> {
  const stopped = await tasksOf(context, deployment, 'STOPPED');
  return stopped
    .filter((task) => belongsTo(deployment, task))
    .map(failedTask)
    .filter(({ stoppedReason }) => !/^Scaling activity initiated by/i.test(stoppedReason))
    .toSorted((a, b) => a.at - b.at);
}

/** Whether a deployment started the task or, if that is unknown, whether the task has its revision. */
export function belongsTo({ id, taskDefinition }: FollowedDeployment, task: Task): boolean {
  return task.startedBy === undefined || id === ''
    ? task.taskDefinitionArn === taskDefinition
    : task.startedBy === id;
}

export function failedTask(task: Task): FailedTask {
  const { taskArn = '', stopCode = '', stoppedReason = '', startedAt, pullStartedAt, pullStoppedAt } = task;
  const end = task.stoppingAt ?? task.stoppedAt ?? task.executionStoppedAt;
  const container = firstFailed(task.containers ?? []);
  const ip = addressOf(task);
  return {
    id: nameOf(taskArn),
    arn: taskArn,
    at: end?.getTime() ?? 0,
    stopCode,
    stoppedReason,
    ...(container && { container }),
    ...(pullStartedAt && pullStoppedAt && { pullMs: pullStoppedAt.getTime() - pullStartedAt.getTime() }),
    ...(startedAt && end && { ranMs: end.getTime() - startedAt.getTime() }),
    ...(ip !== undefined && { ip }),
  };
}

/** The container with a reason, otherwise the one with a nonzero exit code, otherwise the unhealthy one. */
function firstFailed(containers: readonly Container[]): FailedContainer | undefined {
  const found =
    containers.find(({ reason }) => reason !== undefined && reason !== '') ??
    containers.find(({ exitCode }) => exitCode !== undefined && exitCode !== 0) ??
    containers.find(({ healthStatus }) => healthStatus === 'UNHEALTHY') ??
    containers.find(({ exitCode }) => exitCode !== undefined);
  return found?.name === undefined ? undefined : failedContainer(found, found.name);
}

export function failedContainer(
  { exitCode, reason, healthStatus }: Container,
  name: string,
): FailedContainer {
  return {
    name,
    ...(exitCode !== undefined && { exitCode }),
    ...(reason !== undefined && reason !== '' && { reason }),
    ...(healthStatus !== undefined && healthStatus !== 'UNKNOWN' && { health: healthStatus }),
  };
}

/** A task's private IP address. */
function addressOf({ attachments = [], containers = [] }: Task): string | undefined {
  const details = attachments.flatMap((attachment) => attachment.details ?? []);
  return (
    details.find(({ name }) => name === 'privateIPv4Address')?.value ??
    containers.flatMap(({ networkInterfaces = [] }) => networkInterfaces)[0]?.privateIpv4Address
  );
}

/**
 * Whether a target belongs to a task. A task without its own address, with network mode `bridge` or `host`, is
 * registered by its instance and a host port. If several instances use the same fixed port, any of them counts.
 */
export function isTargetOf(target: { ip: string; port: number }, task: Task): boolean {
  const address = addressOf(task);
  if (address !== undefined) return target.ip === address;
  const bindings = (task.containers ?? []).flatMap(({ networkBindings = [] }) => networkBindings);
  return target.ip.startsWith('i-') && bindings.some(({ hostPort }) => hostPort === target.port);
}

/** The last lines of a container's log. */
export interface LogTail {
  group: string;
  stream: string;
  lines: string[];
}

const TAIL_LINES = 25;
const LINE_LENGTH = 500;

/** The log stream of a container with the awslogs driver; undefined for another driver or without a stream prefix. */
export function logStream(
  definition: TaskDefinition,
  container: string,
  taskId: string,
): { group: string; stream: string } | undefined {
  const found = definition.containerDefinitions.find(({ name }) => name === container);
  const { logDriver, options = {} } = found?.logConfiguration ?? {};
  const group = options['awslogs-group'];
  const prefix = options['awslogs-stream-prefix'];
  if (logDriver !== 'awslogs' || group === undefined || prefix === undefined) return undefined;
  return { group, stream: `${prefix}/${container}/${taskId}` };
}

/** The last lines of a stream, truncated and with secrets masked. */
export async function logTail(
  context: EcsContext,
  { group, stream }: { group: string; stream: string },
): Promise<LogTail> {
  const command = new GetLogEventsCommand({
    logGroupName: group,
    logStreamName: stream,
    limit: TAIL_LINES,
    startFromHead: false,
  });
  const { events = [] } = await send(await context.logs(), command, context);
  return { group, stream, lines: events.map(({ message = '' }) => shownLine(message)) };
}

/** A log line for display: truncated, and with likely secrets masked. The log masks known secrets itself. */
export function shownLine(message: string): string {
  const line = message.trimEnd();
  const hidden = SECRETS.reduce(
    (text, [pattern, to]) => text.replace(pattern, to),
    line.slice(0, 4 * LINE_LENGTH),
  );
  return hidden.length > LINE_LENGTH ? `${hidden.slice(0, LINE_LENGTH)}…` : hidden;
}

/** Patterns of secrets that failing programs often print. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@/]+@/gi, '$1:***@'],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 ***'],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '***'],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, '***'],
  [
    /((?:password|passwd|passphrase|secret|token|credentials?|api[_-]?key|private[_-]?key|access[_-]?key)\\?["']?\s*[:=]\s*\\?["']?)[^\s"',;&}\\]+/gi,
    '$1***',
  ],
];
