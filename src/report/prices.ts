/** What AWS's list prices below are of: its public pricing pages, US East (N. Virginia), without tax. */
export const PRICES_AS_OF = '2026-06-30';

/** Fargate on demand, in US dollars an hour. Other regions are 0 to 30 % dearer. */
export const FARGATE_PRICES = {
  X86_64: { vcpuHour: 0.04048, gbHour: 0.004445 },
  ARM64: { vcpuHour: 0.03238, gbHour: 0.00356 },
} as const;

/** A task's size, in the units of a task definition: 1024 CPU units are one vCPU, memory is in MiB. */
export interface TaskSize {
  cpu: number;
  memory: number;
  architecture: keyof typeof FARGATE_PRICES;
}

/** What a task of this size costs an hour, on demand. */
export function taskHour({ cpu, memory, architecture }: TaskSize): number {
  const { vcpuHour, gbHour } = FARGATE_PRICES[architecture];
  return (cpu / 1024) * vcpuHour + (memory / 1024) * gbHour;
}
