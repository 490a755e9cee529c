import { FARGATE_MEMORY } from '../../../sandbox/ecs/api/task-size.ts';
import { textOf } from '../../../scripts/templates/template.ts';
import { finding } from './platform.ts';
import type { Rule } from './platform.ts';

/** A task has a size that Fargate supports, and its containers fit in it. */
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
