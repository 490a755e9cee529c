import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { inParallel } from '../../core/concurrency.ts';
import { PlatformError } from '../../core/errors.ts';
import { runCommand } from '../../core/exec.ts';
import { sha256 } from '../../core/canonical.ts';
import type { BuildRequest } from './command.ts';
import { contextEntries, type ContextEntry, ignoreRules } from './context-files.ts';

/** Changes with the way of hashing, so that images that were hashed in another way are not reused. */
const VERSION = 1;
const FILES_AT_ONCE = 16;
const READ_AT_ONCE_BYTES = 4 * 1024 * 1024;

/** Labels that describe the build and not the content of the image. */
const BUILD_LABELS = ['revision', 'created', 'source', 'version'].map(
  (name) => `org.opencontainers.image.${name}`,
);

interface ContentHash {
  /** 64 hex digits. */
  hash: string;
  /** Number of files in the build context. */
  files: number;
  /** Whether the context includes `.git`: then every commit changes the content. */
  seesGit: boolean;
}

/**
 * One hash of a build's inputs: the files of its context, the Dockerfile, arguments, target, platforms, labels, named
 * contexts and attestations. Builds with the same hash create equivalent images unless the Dockerfile fetches
 * something that changes; base images count by their name in the Dockerfile. Values of secrets are not included,
 * as in BuildKit's cache.
 *
 * Files are hashed as git hashes them, so that files whose hash git knows need not be read.
 *
 * @throws an error of the file system when a file cannot be read.
 */
export async function hashContent(
  request: BuildRequest,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<ContentHash> {
  const entries = contextEntries(request.context, ignoreRules(request.context, request.file));
  const [context, dockerfile, buildContexts] = await Promise.all([
    hashEntries(request.context, entries, env, signal),
    readFile(request.file),
    hashContexts(request.buildContexts, env, signal),
  ]);
  const labels = Object.entries(request.labels).filter(([name]) => !BUILD_LABELS.includes(name));
  const parts = {
    version: VERSION,
    context,
    dockerfile: sha256(dockerfile),
    buildContexts,
    target: request.target,
    platforms: request.platforms.length > 0 ? request.platforms : [`linux/${arch()}`],
    buildArgs: sortedByName(Object.entries(request.buildArgs)),
    labels: sortedByName(labels),
    secrets: Object.keys({ ...request.secrets, ...request.secretSpecs }).sort(),
    ssh: request.ssh.map((entry) => entry.split('=')[0]).sort(),
    provenance: request.provenance,
    sbom: request.sbom,
    options: request.options,
  };
  const hash = sha256(JSON.stringify(parts));
  return { hash, files: entries.length, seesGit: entries.some(({ path }) => path === '.git/HEAD') };
}

/** Local folders are hashed by content, references by name. */
async function hashContexts(
  contexts: BuildRequest['buildContexts'],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<[string, string][]> {
  const hashed = Object.entries(contexts).map(async ([name, value]): Promise<[string, string]> => {
    const [, layout] = /^oci-layout:\/\/([^@]+)/.exec(value) ?? [];
    if (layout !== undefined) return [name, `${value} ${sha256(await readFile(join(layout, 'index.json')))}`];
    if (value.includes('://')) return [name, value];
    return [name, await hashEntries(value, contextEntries(value, ignoreRules(value)), env, signal)];
  });
  return sortedByName(await Promise.all(hashed));
}

async function hashEntries(
  folder: string,
  entries: readonly ContextEntry[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string> {
  const known = new Map(await gitHashes(folder, env, signal));
  const toRead = entries.filter(({ kind, path }) => kind === 'file' && !known.has(path));
  await inParallel(toRead, FILES_AT_ONCE, async ({ path }) => {
    signal.throwIfAborted();
    known.set(path, await blobHash(join(folder, path)));
  });
  const lines = entries.map(({ path, kind, mode, target }) => {
    const content = kind === 'file' ? known.get(path) : target;
    return JSON.stringify([path, kind, kind === 'link' ? 0 : mode, content]);
  });
  return sha256(lines.join('\n'));
}

/** The hash of a file as git computes it. Large files are streamed. */
async function blobHash(file: string): Promise<string> {
  const { size } = await stat(file);
  const hash = createHash('sha1').update(`blob ${size}\0`);
  if (size <= READ_AT_ONCE_BYTES) hash.update(await readFile(file));
  else for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function sortedByName(entries: readonly [string, string][]): [string, string][] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Attributes under which a file on disk may differ from what git has of it. */
const CONVERSIONS = ['filter', 'ident', 'working-tree-encoding', 'text', 'eol', 'crlf'];
const SHA_1 = /^[0-9a-f]{40}$/;

/**
 * Git's hashes of the files below a folder, by path: only of files that are on disk exactly as git has them. Empty
 * where git is not available or refuses: the files must then be read.
 */
async function gitHashes(
  folder: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const git = gitIn(folder, env, signal);
  try {
    const [listed, changed, autocrlf] = await Promise.all([
      git(['ls-files', '--stage', '-v', '-z']),
      git(['diff-files', '--name-only', '--relative', '--ignore-submodules', '-z']),
      git(['config', '--default', 'false', '--get', 'core.autocrlf']),
    ]);
    if (autocrlf.trim() !== 'false') return new Map();
    const hashes = new Map(splitRecords(listed).flatMap(parseEntry));
    for (const path of splitRecords(changed)) hashes.delete(path);
    for (const path of await convertedPaths(git, [...hashes.keys()])) hashes.delete(path);
    return hashes;
  } catch {
    return new Map(); // No repository, no git, or an owner that git does not trust: the files are read instead.
  }
}

/** `H 100644 <hash> 0\tpath`. Another first letter marks files whose changes git ignores. */
function parseEntry(line: string): [string, string][] {
  const [, hash = '', path = ''] = /^H 100(?:644|755) (\S+) 0\t(.*)$/s.exec(line) ?? [];
  return SHA_1.test(hash) ? [[path, hash]] : [];
}

/** The paths whose content git converts between its store and the disk. */
async function convertedPaths(git: Git, paths: string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  const answer = await git(['check-attr', '-z', '--stdin', ...CONVERSIONS], paths.join('\0'));
  const fields = splitRecords(answer);
  return fields.filter(
    (_, index) => index % 3 === 0 && !/^(?:unspecified|unset)$/.test(fields[index + 2] ?? ''),
  );
}

/** Runs git in a folder and returns its standard output. */
type Git = (args: readonly string[], input?: string) => Promise<string>;

function gitIn(folder: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Git {
  const settings = ['-c', 'core.fsmonitor=false', '-C', folder];
  const own = { PATH: env['PATH'], HOME: env['HOME'], GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' };
  return async (args, input = '') => {
    const { exitCode, stdout, stderr } = await runCommand(
      'git',
      [...settings, ...args],
      { env: own, input },
      { signal },
    );
    if (exitCode !== 0) throw new PlatformError('command-failed', `git ${args[0] ?? ''}: ${stderr}`);
    return stdout;
  };
}

function splitRecords(answer: string): string[] {
  return answer.split('\0').filter((part) => part !== '');
}
