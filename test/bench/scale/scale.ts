import { hashCost } from '../reuse.ts';
import type { Measured } from '../measured.ts';
import { measureCalls } from './calls.ts';
import { measureCancel } from './cancel.ts';
import { measureChain } from './chain.ts';
import { measureLag } from './lag.ts';
import { measureMemory } from './memory.ts';
import { measurePromotion } from './promotion.ts';
import { atMost, type Row, sized } from './row.ts';
import { measureSweep } from './sweep.ts';
import { measureThrottled } from './throttled.ts';

/** The parts by name. A size of 1 is that of the table in docs/operations/benchmarks.md. */
export const SCALE_PARTS: Readonly<Record<string, (size: number) => Promise<Row[]>>> = {
  calls: measureCalls,
  chain: measureChain,
  lag: measureLag,
  cancel: measureCancel,
  sweep: measureSweep,
  throttled: measureThrottled,
  files: measureFiles,
  memory: measureMemory,
  promotion: measurePromotion,
};

const FILES = 100_000;
const FILES_CPU_S = 6;

async function measureFiles(size: number): Promise<Row[]> {
  const { cpuMs } = await hashCost(sized(FILES, size));
  return [atMost(`hash of ${FILES.toLocaleString('en')} files, CPU`, cpuMs / 1000, FILES_CPU_S, ' s')];
}

/** Measures parts, by default all, and prints each one's rows of the table when it ends. */
export async function benchScale(names: readonly string[], size: number): Promise<Measured> {
  console.log(`| Figure${size === 1 ? '' : ` (size ${size})`} | value | limit |`);
  console.log('| --- | --: | --: |');
  const broken: string[] = [];
  for (const [name, measure] of Object.entries(SCALE_PARTS)) {
    if (names.length > 0 && !names.includes(name)) continue;
    for (const row of await measure(size)) {
      console.log(`| ${row.figure} | ${row.value} | ${row.limit} |`);
      if (row.broken) broken.push(`${row.figure}: ${row.value}, ${row.limit}`);
    }
  }
  return { lines: [], broken };
}
