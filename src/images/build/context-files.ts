import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type IgnoreDialect, IgnoreRules, type Judgement } from './ignore-rules.ts';

/** A file, folder or link of a build context, or a special file such as a pipe. */
export interface ContextEntry {
  /** Relative to the context, with `/`; its bytes, a character each. */
  path: string;
  kind: 'file' | 'folder' | 'link' | 'special';
}

/**
 * The entries of a build context that are sent to the builder: those that are not ignored, and the folders that they
 * are in. Sorted by path.
 *
 * @throws an error of the file system when a folder cannot be read; PlatformError for a pattern that Docker refuses.
 */
export function contextEntries(folder: string, rules: IgnoreRules): ContextEntry[] {
  const entries: ContextEntry[] = [];
  collectEntries({ root: folder, rules, entries }, '', undefined);
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

interface Collecting {
  root: string;
  rules: IgnoreRules;
  entries: ContextEntry[];
}

/** Adds the entries of a folder, and returns whether there were any. */
function collectEntries(collecting: Collecting, folder: string, parent: Judgement | undefined): boolean {
  const { root, rules, entries } = collecting;
  let found = false;
  const items = readdirSync(Buffer.from(locate(root, folder)), { withFileTypes: true, encoding: 'buffer' });
  for (const item of items) {
    const name = item.name.toString('latin1');
    const path = folder === '' ? name : `${folder}/${name}`;
    const judgement = rules.judge(path, parent);
    const isFolder = item.isDirectory();
    const enters = isFolder && !(judgement.ignored && rules.skips(path));
    const below = enters && collectEntries(collecting, path, judgement);
    if (judgement.ignored && !below && !(isFolder && rules.keepsFolder(path))) continue;
    const kind = isFolder ? 'folder' : item.isFile() ? 'file' : item.isSymbolicLink() ? 'link' : 'special';
    entries.push({ path, kind });
    found = true;
  }
  return found;
}

const ASCII = /^[\0-\x7f]*$/;

/** The path of an entry for the file system: bytes where its name is not ASCII. */
export function locate(root: string, path: string): string | Buffer {
  if (path === '') return root;
  if (ASCII.test(path)) return `${root}/${path}`;
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')]);
}

/**
 * The rules for a context: `<Dockerfile>.dockerignore` where it exists, otherwise the context's `.dockerignore`.
 *
 * @returns also a note for an ignore file that Docker does not find, because it is a link that leaves its folder.
 * @throws PlatformError for a pattern that Docker refuses.
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
        `Docker does not use ${file}: it is a link to a file that is not below its folder. ` +
          'Replace the link with a copy of the file.',
      );
    }
  }
  return { rules: new IgnoreRules(undefined, dialect), notes };
}

/** As many links as one path may have; BuildKit's own limit. */
const LINKS = 255;

/**
 * Reads a file as BuildKit does: links are followed as if the file's folder were the root of the file system, so that
 * one that leaves the folder leads back into it or nowhere.
 *
 * @returns undefined where BuildKit finds no file.
 * @throws an error of the file system for a file that may not be read.
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
 * Whether client and builder may find different files for a link: the client resolves `folder/..` as text and the
 * builder by the folders, and the client takes what it has found as a pattern. No rules are then the safe answer.
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
