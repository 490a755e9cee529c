import { PlatformError } from '../../core/errors.ts';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join, posix } from 'node:path';

interface Rule {
  /** The normalized pattern. */
  text: string;
  pattern: RegExp;
  /** `!pattern`: its matches are not ignored. */
  exception: boolean;
}

/**
 * The rules of a .dockerignore. They differ from .gitignore: patterns start at the context's root, the last rule that
 * matches a path or one of its parents decides, and an exception also applies inside an ignored folder.
 *
 * @see https://docs.docker.com/build/concepts/context/#dockerignore-files
 * @see https://github.com/moby/patternmatcher
 */
export class IgnoreRules {
  readonly #rules: readonly Rule[];

  /** Throws a PlatformError for a pattern that Docker rejects too. */
  constructor(text: string) {
    this.#rules = text
      .replace(/^\uFEFF/, '')
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .map(parseRule);
  }

  /** Whether a path is excluded from the build. The path is relative to the context and has `/`. */
  ignores(path: string): boolean {
    const parts = path.split('/');
    const ways = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
    const deciding = this.#rules.findLast(({ pattern }) => ways.some((way) => pattern.test(way)));
    return deciding !== undefined && !deciding.exception;
  }

  /** Whether an exception can match something inside an ignored folder. */
  mayExceptBelow(folder: string): boolean {
    const parts = folder.split('/');
    return this.#rules.some(({ exception, text }) => {
      if (!exception) return false;
      if (text.includes('**')) return true;
      const wanted = text.split('/');
      return wanted.length > parts.length && parts.every((part, index) => matches(part, wanted[index] ?? ''));
    });
  }
}

function matches(path: string, pattern: string): boolean {
  return new RegExp(`^${regexSource(pattern)}$`, 's').test(path);
}

function parseRule(line: string): Rule {
  const exception = line.startsWith('!');
  const given = (exception ? line.slice(1) : line).trim();
  if (given === '') throw new PlatformError('input-invalid', 'the exclusion pattern "!" is not valid');
  const clean = posix.normalize(given).replace(/(?<=.)\/$/, '');
  const pattern = clean.length > 1 ? clean.replace(/^\//, '') : clean;
  try {
    return { text: pattern, pattern: new RegExp(`^${regexSource(pattern)}$`, 's'), exception };
  } catch {
    throw new PlatformError('input-invalid', `the pattern ${JSON.stringify(line)} is not valid`);
  }
}

/** `**` matches any number of folders; `*` and `?` match within one name. */
function regexSource(pattern: string): string {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    const sign = pattern.charAt(i);
    if (pattern.startsWith('**', i)) {
      i += pattern.charAt(i + 2) === '/' ? 2 : 1;
      source += i + 1 === pattern.length ? '.*' : '(?:.*/)?';
    } else if (sign === '*') source += '[^/]*';
    else if (sign === '?') source += '[^/]';
    else if (sign === '\\') source += `\\${pattern.charAt(++i) || '\\'}`;
    else if ('.+()|{}$'.includes(sign)) source += `\\${sign}`;
    else source += sign;
  }
  return source;
}

/** A file, folder or link of a build context. */
export interface ContextEntry {
  /** Relative to the context, with `/`. */
  path: string;
  kind: 'file' | 'folder' | 'link';
  /** The permission bits. */
  mode: number;
  /** The target of a link; empty for others. */
  target: string;
}

/**
 * The entries of a build context that are not ignored, sorted by path. Sockets and devices are left out, as Docker
 * leaves them out.
 *
 * @throws an error of the file system when a folder cannot be read.
 */
export function contextEntries(folder: string, rules: IgnoreRules): ContextEntry[] {
  const entries: ContextEntry[] = [];
  collectEntries(folder, '', rules, entries);
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Adds the entries of a folder, and returns whether there were any. */
function collectEntries(root: string, folder: string, rules: IgnoreRules, entries: ContextEntry[]): boolean {
  let found = false;
  for (const item of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? item.name : `${folder}/${item.name}`;
    const kind = kindOf(item);
    if (kind === undefined) continue;
    const ignored = rules.ignores(path);
    // A file that an exception keeps inside an ignored folder keeps the folder, too.
    const enters = kind === 'folder' && (!ignored || rules.mayExceptBelow(path));
    const below = enters && collectEntries(root, path, rules, entries);
    if (ignored && !below) continue;
    const { mode } = lstatSync(join(root, path));
    const target = kind === 'link' ? readlinkSync(join(root, path)) : '';
    entries.push({ path, kind, mode: mode & 0o7777, target });
    found = true;
  }
  return found;
}

/**
 * The rules for a context: `<Dockerfile>.dockerignore` where it exists, otherwise the context's `.dockerignore`.
 *
 * @throws PlatformError for a pattern that is not valid.
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
      throw new PlatformError('input-invalid', `${file}: ${(error as Error).message}`, { cause: error });
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
