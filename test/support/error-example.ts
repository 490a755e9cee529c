import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from '@jest/globals';
import type { Run } from '../../sandbox/runner.ts';
import type { ErrorCode } from '../../src/core/errors.ts';

const FOLDER = resolve(import.meta.dirname, '../../docs/errors');
const EXAMPLE = /^## Example\n\n```text\n([\s\S]*?)\n```\n/m;

/** The example log of an error's page; undefined where it has none. */
function exampleOf(code: string): string | undefined {
  return EXAMPLE.exec(readFileSync(join(FOLDER, `${code}.md`), 'utf8'))?.[1];
}

/**
 * Compares the example log on the page of an error with the annotations of a run that failed with it. With
 * UPDATE_EXAMPLES=true in the environment, it writes them there instead.
 */
export function expectExample(code: ErrorCode, run: Pick<Run, 'log' | 'result'>): void {
  expect(run.result).toMatchObject({ error: { code } });
  const shown = shownLog(run.log);
  if (process.env['UPDATE_EXAMPLES'] === 'true') writeExample(code, shown);
  else expect(exampleOf(code)).toBe(shown);
}

/** The annotations of a run as GitHub's log shows them, with stable text in place of what differs between runs. */
function shownLog(log: string): string {
  const annotations = log.matchAll(/^::(error|warning)(?: [^:]*)?::(.*)$/gm);
  const shown = [...annotations]
    .map(([, level, message = '']) => `${level === 'error' ? 'Error' : 'Warning'}: ${unescaped(message)}`)
    .join('\n')
    .replaceAll(/\nhttps?:\S+\/docs\/errors\/[a-z-]+\.md$/gm, '')
    .replaceAll(/\/tmp\/[\w./-]+/g, '/home/runner/work/shop')
    .replaceAll(/127\.0\.0\.1:\d+\/111111111111\/eu-west-1/g, '111111111111.dkr.ecr.eu-west-1.amazonaws.com')
    .replaceAll(/127\.0\.0\.1:\d+(?=\/org|[:\s])/g, 'registry.example.com')
    .replaceAll(/http:\/\/127\.0\.0\.1:\d+\/github/g, 'https://github.com')
    .replaceAll(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '2c6f9d5e-8a41-4b7c-9e0d-5f3a1b2c4d6e')
    .replaceAll(/(?<=-)(?=[a-z0-9]*[A-Z][a-z0-9]*[A-Z])[A-Za-z0-9]{12}\b/g, '1KX8ZQ4V7TB2')
    .replaceAll(/\bplan-1001-1-[0-9a-f]{8}\b/g, 'plan-1001-1-3f8a2b6c')
    .replaceAll(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g, '2026-11-27T08:00:00Z');
  const found = shown.match(/\b(?:[0-9a-f]{64}|[0-9a-f]{32}|(?<=sha256:)[0-9a-f]{12})\b/g) ?? [];
  return [...new Set(found)].reduce(
    (text, hash, index) =>
      text.replaceAll(hash, createHash('sha256').update(`${index}`).digest('hex').slice(0, hash.length)),
    shown,
  );
}

/** @see https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts escapeData */
function unescaped(message: string): string {
  return message.replaceAll('%0A', '\n').replaceAll('%0D', '\r').replaceAll('%25', '%');
}

function writeExample(code: ErrorCode, shown: string): void {
  const file = join(FOLDER, `${code}.md`);
  const page = readFileSync(file, 'utf8').replace(EXAMPLE, '').replaceAll('\n\n\n', '\n\n');
  writeFileSync(
    file,
    page.replace('## Causes\n', () => `## Example\n\n\`\`\`text\n${shown}\n\`\`\`\n\n## Causes\n`),
  );
}
