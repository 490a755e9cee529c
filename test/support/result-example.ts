import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect } from '@jest/globals';
import type { Run } from '../../sandbox/runner.ts';
import { formatted } from '../../scripts/format.ts';
import { stableText } from './stable-text.ts';

const PAGE = resolve(import.meta.dirname, '../../docs/reference/results.md');
const DURATION = /^(?:seconds|milliseconds|.*(?:Ms|Seconds))$/;
/** The number of reads during a rollout differs between runs. */
const PROGRESS = /^Tasks: \d+ of \d+ running\.$/;

/**
 * Compares the example on the page of the results with the result of a run of the same action. With
 * UPDATE_EXAMPLES=true in the environment, it writes it instead.
 */
export async function expectResultExample({ result }: Pick<Run, 'result'>): Promise<void> {
  const action = String(result['action']);
  const shown = JSON.parse(stableText(JSON.stringify(result)), stableField) as object;
  if (process.env['UPDATE_EXAMPLES'] === 'true') await writeExample(action, shown);
  else expect(exampleOf(action)).toEqual(shown);
}

function stableField(name: string, value: unknown): unknown {
  if (name === 'timeline' && Array.isArray(value)) return value.filter((event) => !isProgress(event));
  if (typeof value !== 'number') return value;
  if (name === 'at') return Date.parse('2026-11-27T08:00:00Z');
  return DURATION.test(name) ? 130 : value;
}

function isProgress(event: unknown): boolean {
  return PROGRESS.test((event as { text?: string }).text ?? '');
}

const blockOf = (action: string): RegExp =>
  new RegExp(`(^### ${action}\\n+\`\`\`json\\n)([\\s\\S]*?)(\`\`\`)`, 'm');

function exampleOf(action: string): unknown {
  const [, , block = ''] = blockOf(action).exec(readFileSync(PAGE, 'utf8')) ?? [];
  return JSON.parse(block) as unknown;
}

async function writeExample(action: string, shown: object): Promise<void> {
  const text = await formatted('result.json', JSON.stringify(shown));
  const page = readFileSync(PAGE, 'utf8');
  if (!blockOf(action).test(page)) throw new Error(`${PAGE} has no section ${action}`);
  writeFileSync(
    PAGE,
    page.replace(
      blockOf(action),
      (_, start: string, _before: string, end: string) => `${start}${text}${end}`,
    ),
  );
}
