import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type IgnoreDialect, IgnoreRules, type MatchResult } from './ignore-rules.ts';

/** A file, folder or link of a build context, or a special file such as a pipe. */
export interface ContextEntry {
  /** Relative to the context, with `/`, and with one character for each byte. */
  path: string;
  kind: 'file' | 'folder' | 'link' | 'special';
}

/**
 * The entries of a build context that are sent to the builder: entries that are not ignored, and their parent folders.
 * Sorted by path.
 *
 * @throws an error of the file system if a folder cannot be read; PlatformError for a pattern that Docker rejects.
 */
export function contextEntries(folder: string, rules: IgnoreRules): ContextEntry[] {
  const entries: ContextEntry[] = [];
  collectEntries({ root: folder, rules, entries }, '', undefined);
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

interface Collection {
  root: string;
  rules: IgnoreRules;
  entries: ContextEntry[];
}

/** Adds the entries of a folder, and returns whether there were any. */
function collectEntries(collection: Collection, folder: string, parent: MatchResult | undefined): boolean {
  const { root, rules, entries } = collection;
  let found = false;
  const items = readdirSync(Buffer.from(locate(root, folder)), { withFileTypes: true, encoding: 'buffer' });
  for (const item of items) {
    const name = item.name.toString('latin1');
    const path = folder === '' ? name : `${folder}/${name}`;
    const match = rules.match(path, parent);
    const isFolder = item.isDirectory();
    const isRead = isFolder && !(match.ignored && rules.skips(path));
    const hasEntries = isRead && collectEntries(collection, path, match);
    if (match.ignored && !hasEntries && !(isFolder && rules.keepsFolder(path))) continue;
    const kind = isFolder ? 'folder' : item.isFile() ? 'file' : item.isSymbolicLink() ? 'link' : 'special';
    entries.push({ path, kind });
    found = true;
  }
  return found;
}

const ASCII = /^[\0-\x7f]*$/;

/** The path of an entry for the file system, as bytes if it is not ASCII. */
export function locate(root: string, path: string): string | Buffer {
  if (path === '') return root;
  if (ASCII.test(path)) return `${root}/${path}`;
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')]);
}

/**
 * The rules for a context: those of `<Dockerfile>.dockerignore` if it exists, or else of the context's `.dockerignore`.
 *
 * @returns also a note for an ignore file that Docker ignores, because it is a link that leaves its folder.
 * @throws PlatformError for a pattern that Docker rejects.
 * @see https://docs.docker.com/build/concepts/context/#filename-and-location
 */
export function ignoreRules(
  context: string,
  dockerfile?: string,
  dialect?: IgnoreDialect,
): { rules: IgnoreRules; notes: string[] } {
  const notes: string[] = [];
  const files = [
    ...(dockerfile === undefined ? [] : [`${dockerfile}.dockerignore`]),
    join(context, '.dockerignore'),
  ];
  for (const file of files) {
    const content = readInside(file);
    if (content !== undefined) return { rules: new IgnoreRules({ file, content }, dialect), notes };
    if (isLink(file)) {
      notes.push(
        `Docker ignores ${file}, because it is a link to a file outside its folder. ` +
          'Replace the link with a copy of the file.',
      );
    }
  }
  return { rules: new IgnoreRules(undefined, dialect), notes };
}

/** BuildKit's limit for the number of links in a path. */
const LINKS = 255;

/**
 * Reads a file like BuildKit: links are followed as if the file's folder were the root of the file system, so a link can
 * never leave the folder.
 *
 * @returns undefined if BuildKit finds no file.
 * @throws an error of the file system if the file cannot be read.
 * @see https://github.com/tonistiigi/fsutil/blob/master/followlinks.go (what the client sends)
 * @see https://github.com/containerd/continuity/blob/main/fs/path.go (RootPath: how the builder finds it there)
 */
export function readInside(file: string): Buffer | undefined {
  const root = dirname(file);
  const waiting = [basename(file)];
  let found: string[] = [];
  let links = 0;
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    if (name === '..') found.pop();
    if (name === '' || name === '.' || name === '..') continue;
    const path = join(root, ...found, name);
    if (!isLink(path)) {
      found.push(name);
      continue;
    }
    const target = readlinkSync(path);
    if (++links > LINKS || isAmbiguous(target)) return undefined;
    if (target.startsWith('/')) found = [];
    waiting.unshift(...target.split('/'));
  }
  return readIfFile(join(root, ...found));
}

/**
 * Whether client and builder may resolve a link to different files: the client resolves `folder/..` as text, the builder
 * on the file system, and the client interprets the result as a pattern. The safe assumption is then that there are no
 * rules.
 */
function isAmbiguous(target: string): boolean {
  const names = target.split('/');
  const named = names.findIndex((name) => !['', '.', '..'].includes(name));
  return (named >= 0 && names.includes('..', named)) || /[*?[\]\\^!]/.test(target);
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

function readIfFile(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (/^(?:ENOENT|ENOTDIR|EISDIR)$/.test((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
