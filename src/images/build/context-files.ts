import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { IgnoreRules } from './ignore-file.ts';

/** A file, folder or link that a build can see. */
export interface ContextEntry {
  /** Relative to the context, with `/`. */
  path: string;
  kind: 'file' | 'folder' | 'link';
  /** The permission bits. */
  mode: number;
  /** Of a link: where it points to. */
  target: string;
}

/**
 * Everything that a build can see of a folder, in the order of the paths. Sockets and devices are no part of a
 * context.
 *
 * @throws Error when a file cannot be read, or the ignore file is not valid.
 */
export function contextEntries(folder: string, rules: IgnoreRules): ContextEntry[] {
  const entries: ContextEntry[] = [];
  collect(folder, '', rules, entries);
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Adds what is in a folder; answers whether anything was. */
function collect(root: string, folder: string, rules: IgnoreRules, entries: ContextEntry[]): boolean {
  let found = false;
  for (const item of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? item.name : `${folder}/${item.name}`;
    const kind = kindOf(item);
    if (kind === undefined) continue;
    const ignored = rules.ignores(path);
    // An exception can hold below an ignored folder, and brings the folder with it.
    const enters = kind === 'folder' && (!ignored || rules.mayExceptBelow(path));
    const below = enters && collect(root, path, rules, entries);
    if (ignored && !below) continue;
    const { mode } = lstatSync(join(root, path));
    const target = kind === 'link' ? readlinkSync(join(root, path)) : '';
    entries.push({ path, kind, mode: mode & 0o7777, target });
    found = true;
  }
  return found;
}

/**
 * The rules for a context: those beside the Dockerfile (`<Dockerfile>.dockerignore`) or else those in the context.
 *
 * @see https://docs.docker.com/build/concepts/context/#filename-and-location
 */
export function ignoreRules(context: string, dockerfile?: string): IgnoreRules {
  const files = [
    ...(dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]),
    join(context, '.dockerignore'),
  ];
  for (const file of files) {
    const text = readIfThere(file);
    if (text === undefined) continue;
    try {
      return new IgnoreRules(text);
    } catch (error) {
      throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
    }
  }
  return new IgnoreRules('');
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function kindOf(item: {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}): ContextEntry['kind'] | undefined {
  if (item.isFile()) return 'file';
  if (item.isDirectory()) return 'folder';
  return item.isSymbolicLink() ? 'link' : undefined;
}
