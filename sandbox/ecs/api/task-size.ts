import { type AwsError, textOf } from '../../protocols/service.ts';
import { clientError } from '../lookup.ts';
import type { Given } from '../model.ts';

const range = (from: number, to: number, step: number): number[] =>
  Array.from({ length: (to - from) / step + 1 }, (_, index) => from + index * step);

/**
 * Memory in MiB by CPU units, for the sizes of Fargate.
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
 * The CPU and memory of a task as registered: integers, whatever unit was used. Throws ClientException for an invalid
 * value.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
 */
export function taskSize({ cpu, memory }: Given): Given {
  return {
    ...(cpu !== undefined && { cpu: integer(cpu, 'cpu', /^(\d*\.?\d+) ?vcpu$/i) }),
    ...(memory !== undefined && { memory: integer(memory, 'memory', /^(\d*\.?\d+) ?gb$/i) }),
  };
}

/**
 * Why Fargate does not support a size, or undefined if it does.
 *
 * @see https://github.com/klothoplatform/klotho/issues/892 for no size
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html for a wrong pair
 */
export function fargateSizeProblem({ cpu, memory }: Given): AwsError | undefined {
  if (cpu === undefined) return clientError("Fargate requires that 'cpu' be defined at the task level.");
  if (memory === undefined)
    return clientError("Fargate requires that 'memory' be defined at the task level.");
  return FARGATE_MEMORY[textOf(cpu) ?? '']?.includes(Number(memory))
    ? undefined
    : clientError('No Fargate configuration exists for given values.');
}

function integer(given: unknown, name: string, large: RegExp): string {
  const text = String(given).trim();
  const amount = large.exec(text)?.[1];
  const value = amount === undefined ? Number(text) : Number(amount) * 1024;
  if (Number.isInteger(value) && value > 0) return String(value);
  throw clientError(`Invalid '${name}' setting for task.`);
}
