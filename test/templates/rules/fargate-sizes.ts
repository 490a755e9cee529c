import { textOf } from '../../../scripts/templates/template.ts';
import { finding } from './platform.ts';
import type { Rule } from './platform.ts';

const range = (from: number, to: number, step: number): number[] =>
  Array.from({ length: (to - from) / step + 1 }, (_, index) => from + index * step);

/** Memory in MiB by CPU units: Amazon ECS Developer Guide, "Task CPU and memory" of Fargate tasks. */
export const FARGATE_MEMORY: Record<string, number[]> = {
  256: [512, 1024, 2048],
  512: range(1024, 4096, 1024),
  1024: range(2048, 8192, 1024),
  2048: range(4096, 16384, 1024),
  4096: range(8192, 30720, 1024),
  8192: range(16384, 61440, 4096),
  16384: range(32768, 122880, 8192),
  32768: [61440, 122880, 249856],
};

/** A task has a size that Fargate offers, and its containers fit into it. */
export const sizesExist: Rule = (stacks) =>
  stacks.flatMap((stack) =>
    Object.entries(stack.resolved.resources)
      .filter(([, { Type }]) => Type === 'AWS::ECS::TaskDefinition')
      .flatMap(([id, { Properties = {} }]) => {
        const { Cpu, Memory, ContainerDefinitions } = Properties;
        if (!FARGATE_MEMORY[textOf(Cpu)]?.includes(Number(Memory))) {
          return [
            finding(
              'fargate-sizes',
              stack,
              `Fargate has no task of CPU ${textOf(Cpu)}, memory ${textOf(Memory)}`,
              id,
            ),
          ];
        }
        const containers = ContainerDefinitions as { Memory?: number | string }[];
        const sum = containers.reduce((total, container) => total + Number(container.Memory ?? 0), 0);
        const fits = sum <= Number(Memory);
        return fits
          ? []
          : [finding('fargate-sizes', stack, `its containers want ${sum} of ${textOf(Memory)} MiB`, id)];
      }),
  );
