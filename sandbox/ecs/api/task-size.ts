import { listOf } from '../../protocols/service.ts';
import { clientError } from '../lookup.ts';
import type { Given } from '../model.ts';

const range = (from: number, to: number, step: number): number[] =>
  Array.from({ length: (to - from) / step + 1 }, (_, index) => from + index * step);

/**
 * Memory in MiB by CPU units, of the sizes that Fargate offers.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
 */
export const FARGATE_MEMORY: Readonly<Record<string, readonly number[]>> = {
  256: [512, 1024, 2048],
  512: range(1024, 4096, 1024),
  1024: range(2048, 8192, 1024),
  2048: range(4096, 16384, 1024),
  4096: range(8192, 30720, 1024),
  8192: range(16384, 61440, 4096),
  16384: range(32768, 122880, 8192),
  32768: [61440, 122880, 249856],
};

/**
 * A task's CPU and memory as they are registered: integers, whatever unit was given. Throws ClientException for a size
 * that no task has, and for a pair that Fargate does not have.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
 */
export function taskSize({ cpu, memory, requiresCompatibilities }: Given): Given {
  const units = cpu === undefined ? undefined : integer(cpu, 'cpu', /^(\d*\.?\d+) ?vcpu$/i);
  const mib = memory === undefined ? undefined : integer(memory, 'memory', /^(\d*\.?\d+) ?gb$/i);
  if (
    listOf(requiresCompatibilities).includes('FARGATE') &&
    !FARGATE_MEMORY[units ?? '']?.includes(Number(mib))
  ) {
    throw clientError('No Fargate configuration exists for given values.');
  }
  return { ...(units !== undefined && { cpu: units }), ...(mib !== undefined && { memory: mib }) };
}

function integer(given: unknown, name: string, large: RegExp): string {
  const text = String(given).trim();
  const amount = large.exec(text)?.[1];
  const value = amount === undefined ? Number(text) : Number(amount) * 1024;
  if (Number.isInteger(value) && value > 0) return String(value);
  throw clientError(`Invalid '${name}' setting for task.`);
}
