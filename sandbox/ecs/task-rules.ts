import type { World } from '../world.ts';
import type { Task } from './model.ts';
import type { TaskRule } from './scenario.ts';

/** The first of the scenario's rules that matches a task, and is not used up. A rule counts each task that it strikes. */
export function ruleFor(world: World, task: Task): TaskRule | undefined {
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
