import { logGroupsOf } from '../../logs/log-groups.ts';
import type { ContainerDefinition, Task } from '../model.ts';
import { failedToStart } from './running-task.ts';

/** Writes lines of a container to its stream, `prefix/container/task`, when its driver is awslogs. */
export function writeLog(task: Task, container: ContainerDefinition, lines: readonly string[]): void {
  const target = logTarget(task, container);
  if (!target) return;
  const { groups, name, stream } = target;
  const group = groups.find(name);
  for (const line of group ? lines : []) if (group) groups.write(group, stream, line);
}

/** Throws the TaskStop of a task whose log group is not there. */
export function requireLogGroups(task: Task): void {
  for (const { definition } of task.containers) {
    const target = logTarget(task, definition);
    if (!target || target.groups.find(target.name)) continue;
    if (definition.logConfiguration?.options?.['awslogs-create-group'] === 'true') {
      target.groups.put(target.name);
      continue;
    }
    throw failedToStart(
      'ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1',
    );
  }
}

function logTarget(task: Task, container: ContainerDefinition) {
  const { logDriver, options = {} } = container.logConfiguration ?? {};
  const name = options['awslogs-group'];
  if (logDriver !== 'awslogs' || name === undefined) return undefined;
  const prefix = options['awslogs-stream-prefix'];
  const stream = prefix === undefined ? task.id : `${prefix}/${container.name}/${task.id}`;
  const { world, account, region } = task.ecs;
  return { groups: logGroupsOf(world, account, options['awslogs-region'] ?? region), name, stream };
}
