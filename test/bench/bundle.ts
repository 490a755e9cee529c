import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { runAction } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import type { Measured } from './measured.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const DIST = join(ROOT, 'dist');

const DIST_BYTES = 8_000_000;
/** What GitHub's runner downloads for `uses:`, compressed: docs/decisions/0075-what-a-runner-downloads.md. */
const ARCHIVE_BYTES = 2_200_000;
/** What deploy-stack loads before it knows its command. */
const EAGER_BYTES = 1_000_000;

/** Texts that occur only in each package's code. */
const onlyWhenUsed = {
  Octokit: 'octokit-core.js/',
  STS: 'AWSSecurityTokenServiceV20110615',
  S3: 'x-amz-sdk-checksum-algorithm',
  SSM: 'ssm.amazonaws.com/doc',
  'the resource schemas': 'brotliDecompressSync',
};

/**
 * The size of the bundles, the size of a caller's download, and whether deploy-stack loads packages that it may never
 * use.
 */
export async function benchBundle(): Promise<Measured> {
  const distBytes = readdirSync(DIST, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  const archiveBytes = gzipSync(
    execFileSync('git', ['archive', 'HEAD'], { cwd: ROOT, maxBuffer: 2 ** 30 }),
  ).length;
  const eager = await loadedAtStart('deploy-stack');
  const eagerBytes = eager.reduce((sum, file) => sum + statSync(file).size, 0);
  return {
    lines: [
      `dist: ${megabytes(distBytes)} (at most ${megabytes(DIST_BYTES)}), the last commit as a compressed archive: ` +
        `${megabytes(archiveBytes)} (at most ${megabytes(ARCHIVE_BYTES)})`,
      `deploy-stack loads ${megabytes(eagerBytes)} in ${eager.length} files at its start (at most ${megabytes(EAGER_BYTES)})`,
    ],
    broken: [
      ...(distBytes > DIST_BYTES ? [`dist is over ${megabytes(DIST_BYTES)}`] : []),
      ...(archiveBytes > ARCHIVE_BYTES ? [`the archive is over ${megabytes(ARCHIVE_BYTES)}`] : []),
      ...(eagerBytes > EAGER_BYTES ? [`deploy-stack loads over ${megabytes(EAGER_BYTES)} at its start`] : []),
      ...misplaced(eager),
    ],
  };
}

/** The bundle's files that a run without inputs loads, which fails because of the missing input. */
async function loadedAtStart(name: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'coverage-'));
  try {
    await runAction(name, { node: [node24()], env: { NODE_V8_COVERAGE: folder } });
    const [report = ''] = readdirSync(folder);
    const { result } = JSON.parse(readFileSync(join(folder, report), 'utf8')) as {
      result: { url: string }[];
    };
    const bundled = result.filter(({ url }) => url.startsWith(pathToFileURL(DIST).href));
    return bundled.map(({ url }) => fileURLToPath(url));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function misplaced(eager: readonly string[]): string[] {
  const textOf = (files: readonly string[]): string =>
    files.map((file) => readFileSync(file, 'utf8')).join('\n');
  const shared = join(DIST, 'shared');
  const all = textOf(readdirSync(shared).map((file) => join(shared, file)));
  const atStart = textOf(eager);
  return Object.entries(onlyWhenUsed).flatMap(([what, mark]) => {
    if (!all.includes(mark)) return [`no bundle holds "${mark}", by which ${what} is recognised`];
    return atStart.includes(mark) ? [`deploy-stack loads ${what} at its start`] : [];
  });
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(2)} MB`;
