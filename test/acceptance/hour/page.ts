import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');

/** The shell commands of a numbered step of docs/start/platform.md, in order. */
export function commandsOf(step: number): string[] {
  const page = readFileSync(join(ROOT, 'docs/start/platform.md'), 'utf8');
  const parts = page.split(/^(?=#{2,4} )/m);
  const part = parts.find((text) => text.replace(/^#+ /, '').startsWith(`${step}. `));
  if (part === undefined) throw new Error(`docs/start/platform.md has no step ${step}`);
  return [...part.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
}
