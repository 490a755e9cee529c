import { loadBalancingOf, type Target, type TargetHealth } from '../../elb/load-balancing.ts';
import { SECONDS } from '../durations.ts';
import { addEvent, type Task } from '../model.ts';
import { hostPortOf } from './placement.ts';
import {
  waitForStop,
  type RunningTask,
  affectedContainer,
  TaskStop,
  type TaskTarget,
} from './running-task.ts';

const UNHEALTHY: Record<string, string> = {
  'Target.ResponseCodeMismatch': 'Health checks failed with these codes: [404]',
  'Target.Timeout': 'Request timed out',
  'Target.FailedHealthChecks': 'Health checks failed',
};
const DEFAULT_INTERVAL = 30;
const DEFAULT_RETRIES = 3;

/** Resolves when every check of the task has passed. Throws the TaskStop of a failed one. */
export async function waitUntilHealthy(running: RunningTask): Promise<void> {
  const checked = running.task.containers.some(({ definition }) => definition.healthCheck);
  if (checked) await passContainerChecks(running);
  if (running.targets.length > 0) await passTargetChecks(running);
  else if (!checked && running.task.service) await running.sleep(SECONDS.unchecked);
}

async function passContainerChecks(running: RunningTask): Promise<void> {
  const container = affectedContainer(running);
  const {
    interval = DEFAULT_INTERVAL,
    retries = DEFAULT_RETRIES,
    startPeriod = 0,
  } = container.definition.healthCheck ?? {};
  if (running.rule?.does === 'fail-container-checks') {
    await running.sleep(startPeriod + interval * retries);
    container.healthStatus = 'UNHEALTHY';
    throw new TaskStop(
      'ServiceSchedulerInitiated',
      running.rule.message ?? 'Task failed container health checks',
    );
  }
  await running.sleep(interval);
  for (const one of running.task.containers) if (one.definition.healthCheck) one.healthStatus = 'HEALTHY';
}

/** A new target must pass once. It fails after the group's threshold of failures, outside of the grace period. */
async function passTargetChecks(running: RunningTask): Promise<void> {
  const { targets, task } = running;
  const interval = Math.max(...targets.map(({ group }) => group.intervalSeconds));
  if (running.rule?.does !== 'fail-target-checks') {
    await running.sleep(interval);
    for (const { target } of targets) target.health = { State: 'healthy' };
    return;
  }
  const misses = Math.max(...targets.map(({ group }) => group.unhealthyThreshold));
  await running.sleep(interval * misses);
  for (const { target } of targets) target.health = unhealthy(running);
  task.ecs.changes.notify();
  await running.sleep(Math.max(SECONDS.notice, (task.service?.graceSeconds ?? 0) - interval * misses));
  const [first] = targets;
  if (!first) await waitForStop(running);
  else throw unhealthyTargetStop(running, first);
}

function unhealthy({ rule }: RunningTask): TargetHealth {
  const Reason = rule?.reason ?? 'Target.ResponseCodeMismatch';
  return {
    State: 'unhealthy',
    Reason,
    Description: rule?.message ?? UNHEALTHY[Reason] ?? 'Health checks failed',
  };
}

/** The stop of a task whose target has been unhealthy for too long. */
export function unhealthyTargetStop({ task }: RunningTask, { group, target }: TaskTarget): TaskStop {
  if (task.service) {
    const why = target.health.Description ?? '';
    addEvent(
      task.service,
      `(task ${task.id}) (port ${target.port}) is unhealthy in (target-group ${group.arn}) due to (reason ${why}).`,
    );
  }
  return new TaskStop(
    'ServiceSchedulerInitiated',
    `Task failed ELB health checks in (target-group ${group.arn})`,
  );
}

const CHECKING: TargetHealth = {
  State: 'initial',
  Reason: 'Elb.InitialHealthChecking',
  Description: 'Initial health checks in progress',
};
const DRAINING: TargetHealth = {
  State: 'draining',
  Reason: 'Target.DeregistrationInProgress',
  Description: 'Target deregistration is in progress',
};

/** Registers a task's address with the target groups of its revision. */
export function registerTargets(task: Task): TaskTarget[] {
  const { world, account, region } = task.ecs;
  const elb = loadBalancingOf(world, account, region);
  const revision = task.deployment?.revision;
  return (revision?.settings.loadBalancers ?? []).flatMap(({ containerPort = 0 }, index) => {
    const group = elb.targetGroups.get(revision?.targetGroups[index] ?? '');
    if (!group) return [];
    const hostPort = hostPortOf(task, containerPort);
    const id = hostPort === undefined ? task.address : (task.instance?.ec2InstanceId ?? '');
    const target: Target = { id, port: hostPort ?? containerPort, health: { ...CHECKING } };
    group.targets.set(`${target.id}:${target.port}`, target);
    return [{ group, target }];
  });
}

/** Stops new requests to the targets. Returns whether there were any. */
export function drainTargets(targets: readonly TaskTarget[]): void {
  for (const { target } of targets) target.health = { ...DRAINING };
}

export function removeTargets(targets: readonly TaskTarget[]): void {
  for (const { group, target } of targets) group.targets.delete(`${target.id}:${target.port}`);
}

/** How long requests in progress may take. */
export function drainSecondsOf(targets: readonly TaskTarget[]): number {
  return Math.max(0, ...targets.map(({ group }) => group.drainSeconds));
}
