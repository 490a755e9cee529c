import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleOf } from '../../sandbox/runner.ts';

export interface BundleSize {
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
export function measureBundle(name: string): BundleSize {
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
