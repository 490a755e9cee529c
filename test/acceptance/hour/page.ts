import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

const ROOT = resolve(import.meta.dirname, '../../..');

/** The shell commands of a numbered step in docs/start/platform.md, in order. */
export function commandsOf(step: number): string[] {
  return commandsUnder(`${step}. `);
}

/** The shell commands under a heading in docs/start/platform.md that starts with a text, in order. */
export function commandsUnder(heading: string): string[] {
  const parts = read('platform.md').split(/^(?=#{2,4} )/m);
  const part = parts.find((text) => text.replace(/^#+ /, '').startsWith(heading));
  if (part === undefined) throw new Error(`docs/start/platform.md has no heading ${heading}`);
  return blocksOf(part, 'sh');
}

/** All blocks of the section "An empty account" in docs/start/platform.md, in order. Each contains shell commands. */
export function allCommands(): string[] {
  const [, section = ''] = read('platform.md').split(/^## An empty account$/m);
  const commands = blocksOf(section, 'sh');
  if (commands.length !== blocksOf(section, '\\w+').length)
    throw new Error('docs/start/platform.md has a block that is not shell commands');
  return commands;
}

/** The changes in docs/start/single-account.md: a stack of platform.yml, and parameters of the second environment. */
export function singleAccountChanges(): { registry: object; parameters: Record<string, string> } {
  const page = read('single-account.md');
  const [manifest = ''] = blocksOf(page, 'yaml');
  const [file = ''] = blocksOf(page, 'json');
  const { stacks } = parse(manifest) as { stacks: { registry: object } };
  const { Parameters: parameters } = JSON.parse(file) as { Parameters: Record<string, string> };
  return { registry: stacks.registry, parameters };
}

function read(page: string): string {
  return readFileSync(join(ROOT, 'docs/start', page), 'utf8');
}

function blocksOf(text: string, language: string): string[] {
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'));
  return [...blocks].map(([, block = '']) => block);
}
