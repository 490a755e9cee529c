import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashContent } from '../../src/images/build/content-hash.ts';
import type { Measured } from './measured.ts';
import { median } from './statistics.ts';

const LIMITS = [
  { files: 20_000, cpuMs: 500 },
  { files: 100_000, cpuMs: 6000 },
];
const TURNS = 5;
const FILES_A_FOLDER = 100;

/**
 * The hash of a context's content, with which an image with the same content is found: files of up to 6 kB, all in the
 * page cache, as after a checkout. Limits apply to CPU time, on which other work on the machine has little effect.
 */
export async function benchReuse(): Promise<Measured> {
  const lines: string[] = [];
  const broken: string[] = [];
  for (const { files, cpuMs } of LIMITS) {
    const measured = await hashCost(files);
    lines.push(
      `the hash of a context of ${files} files, median of ${TURNS}: ${measured.cpuMs.toFixed(0)} ms of CPU ` +
        `(at most ${cpuMs}), ${measured.ms.toFixed(0)} ms`,
    );
    if (measured.cpuMs > cpuMs)
      broken.push(`the hash of ${files} files takes ${measured.cpuMs.toFixed(0)} ms`);
  }
  return { lines, broken };
}

/** The median time of hashing a context with this many files. */
export function hashCost(files: number): Promise<{ ms: number; cpuMs: number }> {
  return withContext(files, measureHash);
}

async function withContext<T>(files: number, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-reuse-'));
  try {
    for (let index = 0; index < files; index++) {
      const parent = join(folder, `folder-${Math.floor(index / FILES_A_FOLDER)}`);
      if (index % FILES_A_FOLDER === 0) mkdirSync(parent);
      writeFileSync(join(parent, `file-${index}.ts`), Buffer.alloc((index * 7919) % 6000, String(index)));
    }
    writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY . /\n');
    writeFileSync(join(folder, '.dockerignore'), '.git\n**/node_modules\n**/*.md\n!README.md\ndist\n');
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureHash(context: string): Promise<{ ms: number; cpuMs: number }> {
  const { signal } = new AbortController();
  const request = {
    ...{ workspace: context, context, file: join(context, 'Dockerfile'), platforms: ['linux/amd64'] },
    ...{ target: undefined, buildArgs: {}, buildContexts: {}, secrets: {}, ssh: [], labels: {} },
    ...({ cache: 'none', provenance: 'auto', sbom: 'false' } as const),
  };
  const times: { ms: number; cpuMs: number }[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const [started, before] = [performance.now(), process.cpuUsage()];
    await hashContent(request, { platforms: [], dialect: 'buildx', env: {}, signal });
    const { user, system } = process.cpuUsage(before);
    times.push({ ms: performance.now() - started, cpuMs: (user + system) / 1000 });
  }
  return { ms: median(times.map(({ ms }) => ms)), cpuMs: median(times.map(({ cpuMs }) => cpuMs)) };
}
