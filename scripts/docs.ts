import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cell } from './cell.ts';
import { formatted } from './format.ts';
import { parse } from 'yaml';

/**
 * Writes the tables of inputs and outputs in actions/<name>/README.md from its action.yml.
 * With --check it writes nothing and fails when a page is out of date.
 */
interface Action {
  inputs?: Record<string, { description: string; default?: string; required?: boolean }>;
  outputs?: Record<string, { description: string }>;
}

function inputs(action: Action): string {
  const rows = Object.entries(action.inputs ?? {}).map(([name, input]) => {
    const value = input.required ? '**required**' : input.default === undefined ? '' : `\`${input.default}\``;
    return `| \`${name}\` | ${cell(input.description)} | ${value} |`;
  });
  return ['| Input | What it is | Default |', '| --- | --- | --- |', ...rows].join('\n');
}

function outputs(action: Action): string {
  const rows = Object.entries(action.outputs ?? {}).map(
    ([name, output]) => `| \`${name}\` | ${cell(output.description)} |`,
  );
  return ['| Output | What it is |', '| --- | --- |', ...rows].join('\n');
}

function between(page: string, marker: string, text: string): string {
  const pattern = new RegExp(`(<!-- ${marker} -->\n)[\\s\\S]*?(<!-- /${marker} -->)`);
  if (!pattern.test(page)) throw new Error(`the marker <!-- ${marker} --> is missing`);
  return page.replace(pattern, (_, start: string, end: string) => `${start}\n${text}\n\n${end}`);
}

let stale = 0;
for (const name of readdirSync('actions')) {
  const file = `actions/${name}/README.md`;
  if (!existsSync(file)) continue;
  const action = parse(readFileSync(`actions/${name}/action.yml`, 'utf8')) as Action;
  const before = readFileSync(file, 'utf8');
  const filled = between(between(before, 'inputs', inputs(action)), 'outputs', outputs(action));
  const after = await formatted(file, filled);
  if (after === before) continue;
  stale++;
  if (process.argv.includes('--check')) console.error(`${file} is out of date: run npm run docs`);
  else writeFileSync(file, after);
}
if (process.argv.includes('--check') && stale > 0) process.exitCode = 1;
