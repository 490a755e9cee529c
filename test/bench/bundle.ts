import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleOf } from '../../sandbox/runner.ts';
import type { Measured } from './measured.ts';

const ENTRY_BYTES = 1_500_000;

interface BundleSize {
  entryBytes: number;
  totalBytes: number;
  chunks: number;
  /** What is found in the entry though only some paths need it. */
  misplaced: string[];
}

/** Texts that stand in each client's code and nowhere else. */
const onlyWhenUsed = {
  Octokit: 'octokit-core.js/',
  STS: 'DecodeAuthorizationMessage',
  S3: 'x-amz-sdk-checksum-algorithm',
  SSM: 'AmazonSSM.',
};

/** How large an action's bundle is, and whether its entry holds what should be loaded only when used. */
export function benchBundle(): Measured {
  const { entryBytes, totalBytes, chunks, misplaced } = measureBundle('deploy-stack');
  return {
    lines: [
      `deploy-stack's entry: ${(entryBytes / 1e6).toFixed(2)} MB, with ${chunks} chunks ${(totalBytes / 1e6).toFixed(2)} MB`,
    ],
    broken: [
      ...(entryBytes > ENTRY_BYTES ? [`the entry is over ${ENTRY_BYTES} bytes`] : []),
      ...(misplaced.length > 0 ? [`the entry holds ${misplaced.join(', ')}`] : []),
    ],
  };
}

function measureBundle(name: string): BundleSize {
  const entry = bundleOf(name);
  const files = readdirSync(dirname(entry)).filter((file) => file.endsWith('.js'));
  const text = readFileSync(entry, 'utf8');
  return {
    entryBytes: statSync(entry).size,
    totalBytes: files.reduce((sum, file) => sum + statSync(join(dirname(entry), file)).size, 0),
    chunks: files.length - 1,
    misplaced: Object.entries(onlyWhenUsed)
      .filter(([, mark]) => text.includes(mark))
      .map(([what]) => what),
  };
}
