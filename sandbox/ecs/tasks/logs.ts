import { logGroupsOf } from '../../logs/log-groups.ts';
import type { ContainerDefinition, Task } from '../model.ts';
import { logDenial } from './execution-role.ts';
import { failedToStart } from './running-task.ts';

/** Writes lines of a container to its stream, `prefix/container/task`, if its driver is awslogs. */
export function writeLog(task: Task, container: ContainerDefinition, lines: readonly string[]): void {
  const target = logTarget(task, container);
  if (!target) return;
  const { groups, group: name, stream } = target;
  if (logDenial(task, 'logs:PutLogEvents', target) !== undefined) return;
  const group = groups.find(name);
  for (const line of group ? lines : []) if (group) groups.write(group, stream, line);
}

const NO_STREAM =
  'ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ';

/**
 * Throws TaskStop if the log group does not exist or the execution role may not write to it.
 *
 * @see https://github.com/doctorray117/minecraft-ondemand/issues/12
 */
export function openLogStreams(task: Task): void {
  for (const { definition } of task.containers) {
    const target = logTarget(task, definition);
    if (!target) continue;
    if (definition.logConfiguration?.options?.['awslogs-create-group'] === 'true')
      target.groups.put(target.group);
    const denied = logDenial(task, 'logs:CreateLogStream', target);
    if (denied !== undefined)
      throw failedToStart(`${NO_STREAM}AccessDeniedException: ${denied} : exit status 1`);
    if (target.groups.find(target.group)) continue;
    throw failedToStart(
      `${NO_STREAM}ResourceNotFoundException: The specified log group does not exist. : exit status 1`,
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
  const where = options['awslogs-region'] ?? region;
  return { groups: logGroupsOf(world, account, where), group: name, stream, region: where };
}
