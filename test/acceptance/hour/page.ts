import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../..');

/** The shell commands of a part of docs/start/platform.md, by the beginning of its heading, in order. */
export function commandsOf(heading: string): string[] {
  const page = readFileSync(join(ROOT, 'docs/start/platform.md'), 'utf8');
  const parts = page.split(/^(?=#{2,4} )/m);
  const part = parts.find((text) => text.replace(/^#+ /, '').startsWith(heading));
  if (part === undefined) throw new Error(`docs/start/platform.md has no heading ${heading}`);
  return [...part.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
}
