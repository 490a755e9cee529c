import type { Target, TargetHealth } from '../elb/load-balancing.ts';
import { loadBalancingOf } from '../elb/load-balancing.ts';
import type { TaskTarget } from './life.ts';
import type { Task } from './model.ts';

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
    const target: Target = { id: task.address, port: containerPort, health: { ...CHECKING } };
    group.targets.set(`${target.id}:${target.port}`, target);
    return [{ group, target }];
  });
}

/** The targets get no more requests; true when there were any. */
export function drainTargets(targets: readonly TaskTarget[]): void {
  for (const { target } of targets) target.health = { ...DRAINING };
}

export function removeTargets(targets: readonly TaskTarget[]): void {
  for (const { group, target } of targets) group.targets.delete(`${target.id}:${target.port}`);
}

/** How long requests under way may still run. */
export function drainSecondsOf(targets: readonly TaskTarget[]): number {
  return Math.max(0, ...targets.map(({ group }) => group.drainSeconds));
}
