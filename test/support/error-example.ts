import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect } from '@jest/globals';
import type { Run } from '../../sandbox/runner.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import { stableText } from './stable-text.ts';

const FOLDER = resolve(import.meta.dirname, '../../docs/errors');
const EXAMPLE = /^## Example\n\n```text\n([\s\S]*?)\n```\n/m;

/** The example log on an error's page, or undefined if it has none. */
function exampleOf(code: string): string | undefined {
  return EXAMPLE.exec(readFileSync(join(FOLDER, `${code}.md`), 'utf8'))?.[1];
}

/**
 * Compares the example log on an error's page with the annotations of a run that failed with it. With
 * UPDATE_EXAMPLES=true in the environment, it writes them instead.
 */
export function expectExample(code: ErrorCode, run: Pick<Run, 'log' | 'result'>): void {
  expect(run.result).toMatchObject({ error: { code } });
  const shown = shownLog(run.log);
  if (process.env['UPDATE_EXAMPLES'] === 'true') writeExample(code, shown);
  else expect(exampleOf(code)).toBe(shown);
}

/** The annotations of a run as in GitHub's log, with stable text for values that differ between runs. */
function shownLog(log: string): string {
  const annotations = log.matchAll(/^::(error|warning)(?: [^:]*)?::(.*)$/gm);
  const shown = [...annotations]
    .map(([, level, message = '']) => `${level === 'error' ? 'Error' : 'Warning'}: ${unescaped(message)}`)
    .join('\n');
  return stableText(shown.replaceAll(/\nhttps?:\S+\/docs\/errors\/[a-z-]+\.md$/gm, ''));
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
