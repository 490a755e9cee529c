import { createHash } from 'node:crypto';
import { closeSync, fstatSync, lstatSync, openSync, readlinkSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { sha256 } from '../../core/canonical.ts';
import { InputError, PlatformError } from '../../core/errors.ts';
import type { BuildRequest } from './command.ts';
import { contextEntries, type ContextEntry, ignoreRules, locate, readInside } from './context-files.ts';
import type { IgnoreDialect } from './ignore-rules.ts';
import { LAYOUT_SCHEME, layoutDigest } from './layout-context.ts';
import { normalPlatforms } from './platforms.ts';

/** Changes with the way of hashing, so that images that were hashed in another way are not reused. */
const VERSION = 2;
const WAITING_BYTES = 1024 * 1024;
/** How long the hashing runs before it lets the process do other work, such as to notice a cancel. */
const TURN_MS = 20;

/** Labels that describe the build and not the content of the image. */
const BUILD_LABELS = ['revision', 'created', 'source', 'version'].map(
  (name) => `org.opencontainers.image.${name}`,
);

interface ContentHash {
  /** 64 hex digits. */
  hash: string;
  /** Number of files in the build context. */
  files: number;
  /** What the user should know of the content, a sentence each. */
  notes: string[];
}

/** What a build's content depends on beside the request. */
export interface BuildSurroundings {
  /** What is built where the request names no platform; see platforms.ts. */
  platforms: readonly string[];
  dialect: IgnoreDialect;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/**
 * One hash of a build's inputs: the files of its context, the Dockerfile, arguments, target, platforms, labels, named
 * contexts and attestations. Builds with the same hash create equivalent images unless the Dockerfile fetches
 * something that changes; base images count by their name in the Dockerfile. Values of secrets are not included,
 * as in BuildKit's cache.
 *
 * Every file is read. What git's index knows of a file is no proof: the file may have been written with other
 * attributes or filters than those that apply now.
 *
 * @throws an error of the file system when a file cannot be read; PlatformError for a pattern that Docker refuses.
 */
export async function hashContent(
  request: BuildRequest,
  surroundings: BuildSurroundings,
): Promise<ContentHash> {
  const { dialect, env, signal } = surroundings;
  const { rules, notes } = ignoreRules(request.context, request.file, dialect);
  const entries = contextEntries(request.context, rules);
  const context = await hashEntries(request.context, entries, signal);
  const named = await hashNamedContexts(request.buildContexts, surroundings);
  const labels = Object.entries(request.labels).filter(([name]) => !BUILD_LABELS.includes(name));
  const parts = {
    version: VERSION,
    context,
    dockerfile: sha256(readDockerfile(request.file)),
    buildContexts: named.hashes,
    target: request.target,
    platforms: normalPlatforms(request.platforms.length > 0 ? request.platforms : surroundings.platforms),
    buildArgs: sortedByName(Object.entries({ ...timestampArgument(env), ...request.buildArgs })),
    labels: sortedByName(labels),
    secrets: Object.keys({ ...request.secrets, ...request.secretSpecs }).sort(),
    ssh: request.ssh.map((entry) => entry.split('=')[0]).sort(),
    provenance: request.provenance,
    sbom: request.sbom,
    options: request.options,
    // Other clients send other files of the same context.
    ...(dialect !== 'buildx' && { dialect }),
  };
  return {
    hash: sha256(JSON.stringify(parts)),
    files: entries.filter(({ kind }) => kind === 'file').length,
    notes: [...notes, ...named.notes, ...(seesGit(entries) ? [SEES_GIT] : [])],
  };
}

const SEES_GIT = 'The build sees the folder .git, so every commit is built again: name it in .dockerignore.';

function seesGit(entries: readonly ContextEntry[]): boolean {
  return entries.some(({ path }) => path === '.git/HEAD');
}

/**
 * @param shown the path as an error shows it.
 * @throws InputError for a Dockerfile that BuildKit does not find.
 */
export function readDockerfile(file: string, shown = file): Buffer {
  const content = readInside(file);
  if (content !== undefined) return content;
  const why = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()
    ? 'expected a Dockerfile. This is a link to a file outside of its folder, which Docker does not follow'
    : 'expected a Dockerfile in the workspace';
  throw new InputError('file', shown, why);
}

/** Docker makes a build argument of this variable. */
function timestampArgument(env: NodeJS.ProcessEnv): Record<string, string> {
  const value = env['SOURCE_DATE_EPOCH'] ?? '';
  return value === '' ? {} : { SOURCE_DATE_EPOCH: value };
}

/** Local folders are hashed by content, images of a layout by digest, and references by name. */
async function hashNamedContexts(
  contexts: BuildRequest['buildContexts'],
  { signal }: BuildSurroundings,
): Promise<{ hashes: [string, string][]; notes: string[] }> {
  const hashes: [string, string][] = [];
  const notes: string[] = [];
  for (const [name, value] of sortedByName(Object.entries(contexts))) {
    if (value.startsWith(LAYOUT_SCHEME)) hashes.push([name, layoutDigest(value)]);
    else if (value.includes('://')) hashes.push([name, value]);
    else {
      const found = ignoreRules(value);
      notes.push(...found.notes);
      hashes.push([name, await hashEntries(value, contextEntries(value, found.rules), signal)]);
    }
  }
  return { hashes, notes };
}

/** Hashes entries in their order, each with its path, kind, mode, and what it holds. */
async function hashEntries(
  folder: string,
  entries: readonly ContextEntry[],
  signal: AbortSignal,
): Promise<string> {
  const content = new HashedContent();
  const turns = new Turns(signal);
  for (const { path, kind } of entries) {
    const place = locate(folder, path);
    if (kind === 'file') await addFile(place, path, content, turns);
    else {
      const mode = kind === 'link' ? 0 : lstatSync(place).mode;
      const target = kind === 'link' ? readlinkSync(place, 'latin1') : '';
      content.addText(header(path, kind, mode, target));
    }
    if (turns.isOver) await turns.next();
  }
  return content.hash();
}

/** One line, so that what follows it cannot be taken for a part of it. */
function header(path: string, kind: ContextEntry['kind'], mode: number, content: string | number): string {
  return `${JSON.stringify([path, kind, mode, content])}\n`;
}

/** Files are read one after another: reading in parallel takes more of the processor, and is no faster. */
async function addFile(
  place: string | Buffer,
  path: string,
  content: HashedContent,
  turns: Turns,
): Promise<void> {
  const file = openSync(place, 'r');
  try {
    const { mode, size } = fstatSync(file);
    content.addText(header(path, 'file', mode, size));
    for (let left = size; left > 0;) {
      const read = content.addFrom(file, left);
      if (read === 0) throw new PlatformError('file-system', `${String(place)} changed while it was read`);
      left -= read;
      if (left > 0 && turns.isOver) await turns.next();
    }
  } finally {
    closeSync(file);
  }
}

/** Collects small pieces, since each call of the hash costs as much as a few of them. */
class HashedContent {
  readonly #hash = createHash('sha256');
  readonly #waiting = Buffer.allocUnsafe(WAITING_BYTES);
  #length = 0;

  addText(text: string): void {
    const bytes = Buffer.from(text);
    this.#makeRoom();
    if (bytes.length > this.#waiting.length - this.#length) {
      this.#flush();
      this.#hash.update(bytes);
    } else this.#length += bytes.copy(this.#waiting, this.#length);
  }

  /** Adds at most so many bytes from where the file is read; how many it were. */
  addFrom(file: number, most: number): number {
    this.#makeRoom();
    const read = readSync(
      file,
      this.#waiting,
      this.#length,
      Math.min(most, this.#waiting.length - this.#length),
      null,
    );
    this.#length += read;
    return read;
  }

  hash(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #makeRoom(): void {
    if (this.#length >= this.#waiting.length / 2) this.#flush();
  }

  #flush(): void {
    this.#hash.update(this.#waiting.subarray(0, this.#length));
    this.#length = 0;
  }
}

/** Divides work that does not wait for anything into turns. */
class Turns {
  readonly #signal: AbortSignal;
  #started = performance.now();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  get isOver(): boolean {
    return performance.now() - this.#started > TURN_MS;
  }

  /** Lets the process do other work. @throws the signal's reason when it is aborted. */
  async next(): Promise<void> {
    await setImmediate();
    this.#signal.throwIfAborted();
    this.#started = performance.now();
  }
}

function sortedByName(entries: readonly [string, string][]): [string, string][] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}
