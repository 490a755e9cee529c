import type { PreviewPrice } from '../../report/preview.ts';
import { FARGATE_PRICES, taskHour, type TaskSize } from '../../report/prices.ts';
import type { PreviewStack } from './stacks.ts';

/** What the preview costs until it expires, at most; undefined when the size of a task is not known. */
export function priceOf(stacks: readonly PreviewStack[], timeToLiveMs: number): PreviewPrice | undefined {
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
