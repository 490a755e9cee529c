/** What a preview costs at most, in US dollars. */
export interface PreviewPrice {
  dollars: number;
  hours: number;
}

/** What the preview costs until it expires, at most; undefined when the size of a task is not known. */
export function priceOf(
  stacks: readonly { parameters: Readonly<Record<string, string>> }[],
  timeToLiveMs: number,
): PreviewPrice | undefined {
  const sizes = stacks.map(({ parameters }) => sizeOf(parameters));
  if (sizes.length === 0 || sizes.includes(undefined)) return undefined;
  const hours = timeToLiveMs / 3_600_000;
  const hour = sizes.reduce((sum, size) => sum + (size ? taskHour(size) : 0), 0);
  return { dollars: Math.ceil(hour * hours * 100) / 100, hours };
}

function sizeOf({
  Cpu,
  Memory,
  Architecture = 'X86_64',
}: Readonly<Record<string, string>>): TaskSize | undefined {
  const [cpu, memory] = [Number(Cpu), Number(Memory)];
  if (!Number.isFinite(cpu) || !Number.isFinite(memory) || !isArchitecture(Architecture)) return undefined;
  return { cpu, memory, architecture: Architecture };
}

function isArchitecture(name: string): name is TaskSize['architecture'] {
  return Object.hasOwn(FARGATE_PRICES, name);
}

/** What AWS's list prices below are of: its public pricing pages, US East (N. Virginia), without tax. */
export const PRICES_AS_OF = '2026-06-30';

/** Fargate on demand, in US dollars an hour. Other regions are 0 to 30 % dearer. */
export const FARGATE_PRICES = {
  X86_64: { vcpuHour: 0.04048, gbHour: 0.004445 },
  ARM64: { vcpuHour: 0.03238, gbHour: 0.00356 },
} as const;

/** A task's size, in the units of a task definition: 1024 CPU units are one vCPU, memory is in MiB. */
interface TaskSize {
  cpu: number;
  memory: number;
  architecture: keyof typeof FARGATE_PRICES;
}

/** What a task of this size costs an hour, on demand. */
function taskHour({ cpu, memory, architecture }: TaskSize): number {
  const { vcpuHour, gbHour } = FARGATE_PRICES[architecture];
  return (cpu / 1024) * vcpuHour + (memory / 1024) * gbHour;
}
