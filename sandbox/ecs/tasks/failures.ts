import type { Container, Task } from '../model.ts';
import { cannotReadSecretsOf, logInToRegistry, readSecrets } from './execution-role.ts';
import { failedToStart, type RunningTask, affectedContainer, TaskStop } from './running-task.ts';
import { writeLog } from './logs.ts';
const EXITED = 'Essential container in task exited';
/** @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html */
const HOST_TERMINATED = 'Host EC2 (instance i-03dba81187d65ce7e) terminated.';
const NO_CAPACITY =
  'Capacity is unavailable at this time. Please try again later or in a different availability zone';

/** Failures while the task gets its network interface. Throws TaskStop. */
export function failProvisioning({ task, rule }: RunningTask): void {
  if (rule?.does === 'find-no-capacity') throw failedToStart(rule.message ?? NO_CAPACITY);
  if (rule?.does === 'find-no-address') throw failedToStart(rule.message ?? noAddress(task));
}

/** Failures before images are pulled. Throws TaskStop. */
export function failSecrets({ task, rule }: RunningTask): void {
  logInToRegistry(task);
  readSecrets(task);
  if (rule?.does !== 'cannot-read-secrets') return;
  if (rule.message !== undefined) throw failedToStart(rule.message);
  throw cannotReadSecretsOf(task, affectedContainer({ task, rule }).definition);
}

/** Failures of the container. Throws TaskStop. */
export async function failContainer(running: RunningTask, container: Container): Promise<void> {
  const exit = exitOf(running, container);
  if (!exit) return;
  await running.sleep(running.rule?.after ?? 1);
  if (running.rule?.does === 'lose-host') {
    const reason = running.rule.message ?? HOST_TERMINATED;
    throw new TaskStop('TerminationNotice', reason, { [container.definition.name]: exit });
  }
  throw new TaskStop('EssentialContainerExited', EXITED, { [container.definition.name]: exit });
}

function exitOf(
  { task, rule }: RunningTask,
  { definition }: Container,
): { exitCode: number; reason?: string } | undefined {
  switch (rule?.does) {
    case 'exit':
      return { exitCode: rule.exitCode ?? 1 };
    case 'run-out-of-memory':
      return {
        exitCode: 137,
        reason: rule.message ?? 'OutOfMemoryError: Container killed due to memory usage',
      };
    case 'lose-host':
      return { exitCode: 143 };
    case 'segfault':
      return { exitCode: 139 };
    case 'exec-format-error':
      writeLog(task, definition, ['exec /usr/local/bin/docker-entrypoint.sh: exec format error']);
      return { exitCode: 255 };
    default:
      return undefined;
  }
}

function noAddress({ subnet }: Task): string {
  return `Unexpected EC2 error while attempting to Create Network Interface with public IP assignment disabled in subnet '${subnet}': InsufficientFreeAddressesInSubnet`;
}
