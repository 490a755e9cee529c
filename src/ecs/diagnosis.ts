import type { Service } from '@aws-sdk/client-ecs';
import { reasonOf } from '../core/errors.ts';
import { explain } from './causes.ts';
import type { Evidence, Explanation } from './causes.ts';
import { describeService, type EcsContext } from './service.ts';
import type { FollowedDeployment } from './deployment.ts';
import {
  failedTask,
  type FailedTask,
  failedTasks,
  belongsTo,
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
  /** A short sentence without a full stop: `The container user-service exited with code 1 right after it started`. */
  cause: string;
  fix: string;
  /** The message of AWS, verbatim; absent if there is none. */
  awsMessage?: string;
  /** The failed tasks by cause, the first failure first. */
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
  /** ID of the first task. */
  task: string;
  container?: string;
  exitCode?: number;
  stopCode?: string;
  stoppedReason?: string;
  /** Status of the container's own health check. */
  health?: string;
  /** How long the image pull took. */
  pullMs?: number;
  /** The load balancer's reason. */
  target?: string;
}

/** Maximum number of reported groups of failed tasks. */
const MAX_GROUPS = 5;

/** Everything that was read about a failing deployment. */
interface Findings {
  context: EcsContext;
  definition: TaskDefinition;
  service: Service;
  failed: FailedTask[];
  targets: TargetState[];
  groups: TargetGroup[];
  /** Messages of the service's events since the deployment started, the newest first. */
  events: string[];
}

/**
 * Explains why the tasks of a deployment fail: the failed tasks by cause, the first failure first, with the end of its
 * log. Undefined if no task failed, no target is unhealthy and no event of the service shows a problem. Details that
 * cannot be read are omitted with a log line, because a diagnosis must not end the release.
 */
export async function diagnose(
  context: EcsContext,
  deployment: FollowedDeployment,
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
        context.log.info(`Cannot read ${what} for the diagnosis: ${reasonOf(error)}`);
      return otherwise;
    }
  };
}

async function failureOfTasks(findings: Findings, attempt: Attempt): Promise<RolloutFailure | undefined> {
  const alike = groupByCause(findings.failed).slice(0, MAX_GROUPS);
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

/** Explains tasks that run but do not become healthy, before any of them has stopped. */
async function failureOfTargets(
  findings: Findings,
  deployment: FollowedDeployment,
  unhealthy: readonly TargetState[],
  attempt: Attempt,
): Promise<RolloutFailure | undefined> {
  const running = await attempt('the tasks', () => tasksOf(findings.context, deployment, 'RUNNING'), []);
  const ours = running.filter((task) => belongsTo(deployment, task)).map(failedTask);
  const failing = ours.filter(({ ip }) => unhealthy.some((target) => target.ip === ip));
  const [first] = failing;
  if (!first) return failureOfEvents(findings);
  const container = findings.definition.containerDefinitions.find(
    ({ portMappings = [] }) => portMappings.length > 0,
  );
  const task = { ...first, ...(container && !first.container && { container: { name: container.name } }) };
  const log = await readLog(findings, task, attempt);
  const evidence = evidenceOf(findings, { ...task, stoppedReason: 'Task failed ELB health checks' }, log);
  // ECS has not stopped the task yet, so the load balancer's message is the only one from AWS.
  const explanation = { ...explain(evidence), awsMessage: evidence.target };
  const group = groupOf([task, ...failing.slice(1)], explanation, evidence.target);
  return failure(explanation, [group], log);
}

/** Explains a rollback by ECS although no task failed: an alarm or a lifecycle hook. */
function failureOfState(state: RolloutState | undefined): RolloutFailure | undefined {
  const alarms = state?.alarms ?? [];
  if (alarms.length > 0) {
    const which = alarms.length === 1 ? `The alarm ${alarms[0] ?? ''}` : `The alarms ${alarms.join(', ')}`;
    const fix =
      "Check the alarm's metric since the deployment started. The new tasks were running, so they probably return errors or respond slowly.";
    const awsMessage = state?.reason ?? '';
    return failure(
      { cause: `${which} went into ALARM during the deployment`, fix, awsMessage },
      [],
      undefined,
    );
  }
  if (!/lifecycle hook/i.test(state?.reason ?? '')) return undefined;
  const fix =
    'For a Lambda hook, read its log. A PAUSE hook was answered with ROLLBACK or timed out; the smoke-test input of update-service answers it automatically.';
  const awsMessage = state?.reason ?? '';
  return failure({ cause: 'A lifecycle hook of the deployment failed', fix, awsMessage }, [], undefined);
}

/** Explains a deployment that never started a task, from the service's events. */
function failureOfEvents(findings: Findings): RolloutFailure | undefined {
  const relevant = findings.events.find((message) =>
    /unable to|was unable|unhealthy in|error|reached the limit/i.test(message),
  );
  if (relevant === undefined) return undefined;
  const stoppedReason = relevant.replace(/^\(service [^)]*\)\s*/, '');
  const evidence = { ...noEvidence(findings), stoppedReason };
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

/** The load balancer's reason for this task, otherwise for any unhealthy one, otherwise that of the service's events. */
function targetOf({ targets, events }: Findings, { ip }: FailedTask): string {
  const failing = targets.filter(
    ({ state, reason }) => state === 'unhealthy' || reason.startsWith('Target.Failed'),
  );
  const found = failing.find((target) => target.ip === ip) ?? failing[0];
  if (found) return `${found.reason}: ${found.description}`;
  const event = events.find((message) => /unhealthy in .* due to/i.test(message));
  return /due to \(reason (.*)\)/i.exec(event ?? '')?.[1] ?? '';
}

/** Groups tasks by reason, ignoring IDs in it. The group of the first failure comes first. */
function groupByCause(tasks: readonly FailedTask[]): [FailedTask, ...FailedTask[]][] {
  const groups = new Map<string, [FailedTask, ...FailedTask[]]>();
  for (const task of tasks) {
    const { stopCode, stoppedReason, container } = task;
    const reason = `${stoppedReason} ${container?.reason ?? ''}`.replace(
      /[0-9a-f]{8,}|\d+(?:\.\d+){3}/gi,
      '…',
    );
    const key = JSON.stringify([stopCode, reason, container?.name, container?.exitCode]);
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

/** Timestamps are rounded, so events from a moment earlier count too. */
function eventsOf({ events = [] }: Service, { createdAt }: FollowedDeployment): string[] {
  const since = createdAt ? createdAt.getTime() - 2000 : -Infinity;
  return events
    .filter((event) => (event.createdAt?.getTime() ?? 0) >= since)
    .map(({ message = '' }) => message);
}
