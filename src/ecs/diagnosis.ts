import type { Service } from '@aws-sdk/client-ecs';
import { reasonOf } from '../core/errors.ts';
import { explain } from './causes.ts';
import type { Evidence, Explanation } from './causes.ts';
import { describeService, type EcsContext } from './service.ts';
import type { OurDeployment } from './deployment.ts';
import {
  failedTask,
  type FailedTask,
  failedTasks,
  isOf,
  logStream,
  logTail,
  type LogTail,
  tasksOf,
} from './tasks.ts';
import type { RolloutState } from './rollout.ts';
import type { TaskDefinition } from './task-definition/task-definition.ts';
import { describeTargetGroups, targetGroupsOf, targetStates } from './targets.ts';
import type { TargetGroup, TargetState } from './targets.ts';

/** Why the tasks of a deployment failed. */
export interface RolloutFailure {
  /** In a few words: `The container user-service ended with exit code 1 as it started`. */
  cause: string;
  fix: string;
  /** The message of AWS, verbatim; absent if there is none. */
  awsMessage?: string;
  /** Tasks that failed alike, the first failure first. */
  groups: readonly FailedTaskGroup[];
  /** The last lines of the first failed container, redacted. */
  log?: { stream: string; lines: readonly string[] };
}

/** Tasks that failed for the same reason. */
export interface FailedTaskGroup {
  cause: string;
  fix?: string;
  /** The message of AWS, verbatim. */
  awsMessage?: string;
  count: number;
  /** The id of the first of them. */
  task: string;
  container?: string;
  exitCode?: number;
  stopCode?: string;
  stoppedReason?: string;
  /** Status of the container's own health check. */
  health?: string;
  /** How long the image pull took. */
  pullMs?: number;
  /** The reason of the load balancer. */
  target?: string;
}

/** How many groups of failed tasks are reported. */
const GROUPS = 5;

/** What was found out about a deployment that fails. */
interface Findings {
  context: EcsContext;
  definition: TaskDefinition;
  service: Service;
  failed: FailedTask[];
  targets: TargetState[];
  groups: TargetGroup[];
  /** What the service said since the deployment began, the newest first. */
  events: string[];
}

/**
 * Why the tasks of a deployment fail: the first failed task first, alike ones together, with the end of its log.
 * Undefined when no task failed, no target is unhealthy and the service says nothing. What cannot be read is left
 * out, and the log says so: a diagnosis never ends a watch.
 */
export async function diagnose(
  context: EcsContext,
  deployment: OurDeployment,
  definition: TaskDefinition,
  state?: RolloutState,
): Promise<RolloutFailure | undefined> {
  const attempt = optionalReads(context);
  const service = await attempt('the service', () => describeService(context, deployment), {});
  const arns = targetGroupsOf(service);
  const [failed, targets, groups] = await Promise.all([
    attempt('the stopped tasks', () => failedTasks(context, deployment), []),
    arns.length === 0 ? [] : attempt('the targets', () => targetStates(context, arns), []),
    arns.length === 0 ? [] : attempt('the target groups', () => describeTargetGroups(context, arns), []),
  ]);
  const events = eventsOf(service, deployment);
  const findings = { context, definition, service, failed, targets, groups, events };
  if (failed.length > 0) return await failureOfTasks(findings, attempt);
  const unhealthy = targets.filter(({ state }) => state === 'unhealthy');
  if (unhealthy.length > 0) return await failureOfTargets(findings, deployment, unhealthy, attempt);
  return failureOfState(state) ?? failureOfEvents(findings);
}

type Attempt = <T>(what: string, read: () => Promise<T>, otherwise: T) => Promise<T>;

function optionalReads(context: EcsContext): Attempt {
  return async (what, read, otherwise) => {
    try {
      return await read();
    } catch (error) {
      if (!context.signal.aborted)
        context.log.info(`For the diagnosis ${what} cannot be read: ${reasonOf(error)}`);
      return otherwise;
    }
  };
}

async function failureOfTasks(findings: Findings, attempt: Attempt): Promise<RolloutFailure | undefined> {
  const alike = groupAlike(findings.failed).slice(0, GROUPS);
  const explained = await Promise.all(
    alike.map(async (tasks) => {
      const [first] = tasks;
      const log = await readLog(findings, first, attempt);
      const evidence = evidenceOf(findings, first, log);
      const explanation = explain(evidence);
      return { log, explanation, group: groupOf(tasks, explanation, evidence.target) };
    }),
  );
  const [first] = explained;
  if (!first) return undefined;
  const groups = explained.map(({ group }) => group);
  return failure(first.explanation, groups, first.log);
}

/** Tasks that run and do not get healthy: nothing has stopped yet. */
async function failureOfTargets(
  findings: Findings,
  deployment: OurDeployment,
  unhealthy: readonly TargetState[],
  attempt: Attempt,
): Promise<RolloutFailure | undefined> {
  const running = await attempt('the tasks', () => tasksOf(findings.context, deployment, 'RUNNING'), []);
  const ours = running.filter((task) => isOf(deployment, task)).map(failedTask);
  const sick = ours.filter(({ ip }) => unhealthy.some((target) => target.ip === ip));
  const [first] = sick;
  if (!first) return failureOfEvents(findings);
  const container = findings.definition.containerDefinitions.find(
    ({ portMappings = [] }) => portMappings.length > 0,
  );
  const task = { ...first, ...(container && !first.container && { container: { name: container.name } }) };
  const log = await readLog(findings, task, attempt);
  const evidence = evidenceOf(findings, { ...task, stoppedReason: 'Task failed ELB health checks' }, log);
  // ECS has not stopped the task yet: the load balancer's words are all that AWS says.
  const explanation = { ...explain(evidence), awsMessage: evidence.target };
  const group = groupOf([task, ...sick.slice(1)], explanation, evidence.target);
  return failure(explanation, [group], log);
}

/** Where no task failed, and ECS turns back all the same. */
function failureOfState(state: RolloutState | undefined): RolloutFailure | undefined {
  const alarms = state?.alarms ?? [];
  if (alarms.length > 0) {
    const which =
      alarms.length === 1 ? `The alarm ${alarms[0] ?? ''} went` : `The alarms ${alarms.join(', ')} went`;
    const fix =
      'Look at what the alarm measures since the deployment began: the new tasks were up, so most likely they serve errors or are slow.';
    const awsMessage = state?.reason ?? '';
    return failure({ cause: `${which} off during the deployment`, fix, awsMessage }, [], undefined);
  }
  if (!/lifecycle hook/i.test(state?.reason ?? '')) return undefined;
  const fix =
    'A Lambda hook says why in its log; a PAUSE hook was answered with ROLLBACK, or not in time. The smoke-test of update-service answers one.';
  const awsMessage = state?.reason ?? '';
  return failure({ cause: 'A lifecycle hook of the deployment failed', fix, awsMessage }, [], undefined);
}

/** Where no task was ever started: the service's own events tell. */
function failureOfEvents(findings: Findings): RolloutFailure | undefined {
  const telling = findings.events.find((message) =>
    /unable to|was unable|unhealthy in|error|reached the limit/i.test(message),
  );
  if (telling === undefined) return undefined;
  const words = telling.replace(/^\(service [^)]*\)\s*/, '');
  const evidence = { ...noEvidence(findings), stoppedReason: words };
  return failure(explain(evidence), [], undefined);
}

function failure(
  { cause, fix, awsMessage }: Explanation,
  groups: readonly FailedTaskGroup[],
  log: LogTail | undefined,
): RolloutFailure {
  return {
    cause,
    fix,
    ...(awsMessage !== '' && { awsMessage }),
    groups,
    ...(log && log.lines.length > 0 && { log: { stream: log.stream, lines: log.lines } }),
  };
}

async function readLog(
  { context, definition }: Findings,
  { id, container }: FailedTask,
  attempt: Attempt,
): Promise<LogTail | undefined> {
  const stream = container && logStream(definition, container.name, id);
  if (!stream) return undefined;
  return await attempt(`the log ${stream.stream}`, () => logTail(context, stream), undefined);
}

function evidenceOf(findings: Findings, task: FailedTask, log: LogTail | undefined): Evidence {
  const { stopCode, stoppedReason, container, ranMs } = task;
  return {
    ...noEvidence(findings),
    stopCode,
    stoppedReason,
    ...(container && { container }),
    ...(ranMs !== undefined && { ranMs }),
    target: /health checks/i.test(stoppedReason) ? targetOf(findings, task) : '',
    log: (log?.lines ?? []).join('\n'),
  };
}

function noEvidence({ definition, service, groups }: Findings): Evidence {
  const port = (service.loadBalancers ?? []).find(
    ({ containerPort }) => containerPort !== undefined,
  )?.containerPort;
  return {
    stopCode: '',
    stoppedReason: '',
    target: '',
    log: '',
    architecture: definition.runtimePlatform?.cpuArchitecture ?? 'X86_64',
    memory: definition.memory ?? '',
    port,
    healthCheckPath: groups[0]?.healthCheckPath ?? '',
  };
}

/** What the load balancer says of this task, else of any that is unhealthy, else what the service's events say. */
function targetOf({ targets, events }: Findings, { ip }: FailedTask): string {
  const sick = targets.filter(
    ({ state, reason }) => state === 'unhealthy' || reason.startsWith('Target.Failed'),
  );
  const found = sick.find((target) => target.ip === ip) ?? sick[0];
  if (found) return `${found.reason}: ${found.description}`;
  const event = events.find((message) => /unhealthy in .* due to/i.test(message));
  return /due to \(reason (.*)\)/i.exec(event ?? '')?.[1] ?? '';
}

/** Tasks that failed for the same reason, but for the ids in it; the group of the first failure first. */
function groupAlike(tasks: readonly FailedTask[]): [FailedTask, ...FailedTask[]][] {
  const groups = new Map<string, [FailedTask, ...FailedTask[]]>();
  for (const task of tasks) {
    const { stopCode, stoppedReason, container } = task;
    const words = `${stoppedReason} ${container?.reason ?? ''}`.replace(
      /[0-9a-f]{8,}|\d+(?:\.\d+){3}/gi,
      '…',
    );
    const key = JSON.stringify([stopCode, words, container?.name, container?.exitCode]);
    const known = groups.get(key);
    if (known) known.push(task);
    else groups.set(key, [task]);
  }
  return [...groups.values()];
}

function groupOf(
  tasks: readonly [FailedTask, ...FailedTask[]],
  { cause, fix, awsMessage }: Explanation,
  target: string,
): FailedTaskGroup {
  const [{ id, container, stopCode, stoppedReason, pullMs }] = tasks;
  return {
    cause,
    fix,
    ...(awsMessage !== '' && { awsMessage }),
    count: tasks.length,
    task: id,
    ...(container && { container: container.name }),
    ...(container?.exitCode !== undefined && { exitCode: container.exitCode }),
    ...(stopCode !== '' && { stopCode }),
    ...(stoppedReason !== '' && {
      stoppedReason: [stoppedReason, container?.reason].filter(Boolean).join(': '),
    }),
    ...(container?.health !== undefined && { health: container.health }),
    ...(pullMs !== undefined && { pullMs }),
    ...(target !== '' && { target }),
  };
}

/** Stamps are rounded: a moment earlier. */
function eventsOf({ events = [] }: Service, { createdAt }: OurDeployment): string[] {
  const since = createdAt ? createdAt.getTime() - 2000 : -Infinity;
  return events
    .filter((event) => (event.createdAt?.getTime() ?? 0) >= since)
    .map(({ message = '' }) => message);
}
