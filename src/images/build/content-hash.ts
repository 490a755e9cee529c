import { createHash } from 'node:crypto';
import { closeSync, fstatSync, lstatSync, openSync, readlinkSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { sha256 } from '../../core/canonical.ts';
import { InputError, PlatformError } from '../../core/errors.ts';
import type { BuildRequest } from './command.ts';
import { contextEntries, type ContextEntry, ignoreRules, locate, readInside } from './context-files.ts';
import type { IgnoreDialect } from './ignore-rules.ts';
import { LAYOUT_SCHEME, layoutDigest } from './layout-context.ts';
import { normalizePlatforms } from './platforms.ts';

/** Changes with the hashing method, so that images that were hashed in another way are not reused. */
const VERSION = 2;
const WAITING_BYTES = 1024 * 1024;
/** How long hashing may block the event loop, so that the process can react to a cancellation. */
const SLICE_MS = 20;

/** Labels that describe the build, not the content of the image. */
const BUILD_LABELS = ['revision', 'created', 'source', 'version'].map(
  (name) => `org.opencontainers.image.${name}`,
);

interface ContentHash {
  /** 64 hexadecimal digits. */
  hash: string;
  /** The number of files in the build context. */
  files: number;
  /** Notes for the user, one sentence each. */
  notes: string[];
}

/** What the content of a build depends on in addition to the request. */
export interface BuildEnvironment {
  /** The platforms if the request has none: see platforms.ts. */
  platforms: readonly string[];
  dialect: IgnoreDialect;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

/**
 * A hash of a build's inputs: the files of its context, the Dockerfile, arguments, target, platforms, labels, named
 * contexts and attestations. Builds with the same hash create equivalent images unless the Dockerfile downloads something
 * that changes. Base images are included by their name in the Dockerfile. As in BuildKit's cache, the values of secrets
 * are not included.
 *
 * Every file is read. Git's index is not sufficient, because a file may have been written with other attributes or filters
 * than the current ones.
 *
 * @throws an error of the file system if a file cannot be read; PlatformError for a pattern that Docker rejects.
 */
export async function hashContent(
  request: BuildRequest,
  environment: BuildEnvironment,
): Promise<ContentHash> {
  const { dialect, env, signal } = environment;
  const { rules, notes } = ignoreRules(request.context, request.file, dialect);
  const entries = contextEntries(request.context, rules);
  const context = await hashEntries(request.context, entries, signal);
  const named = await hashNamedContexts(request.buildContexts, environment);
  const labels = Object.entries(request.labels).filter(([name]) => !BUILD_LABELS.includes(name));
  const parts = {
    version: VERSION,
    context,
    dockerfile: sha256(readDockerfile(request.file)),
    buildContexts: named.hashes,
    target: request.target,
    platforms: normalizePlatforms(request.platforms.length > 0 ? request.platforms : environment.platforms),
    buildArgs: sortedByName(Object.entries({ ...timestampArgument(env), ...request.buildArgs })),
    labels: sortedByName(labels),
    secrets: Object.keys({ ...request.secrets, ...request.secretSpecs }).sort(),
    ssh: request.ssh.map((entry) => entry.split('=')[0]).sort(),
    provenance: request.provenance,
    sbom: request.sbom,
    options: request.options,
    // Different clients send different files of the same context.
    ...(dialect !== 'buildx' && { dialect }),
  };
  return {
    hash: sha256(JSON.stringify(parts)),
    files: entries.filter(({ kind }) => kind === 'file').length,
    notes: [...notes, ...named.notes, ...(containsGit(entries) ? [CONTAINS_GIT] : [])],
  };
}

const CONTAINS_GIT =
  'The build context contains .git, so every commit is built again. Fix: Add .git to .dockerignore.';

function containsGit(entries: readonly ContextEntry[]): boolean {
  return entries.some(({ path }) => path === '.git/HEAD');
}

/**
 * @param shown the path for errors.
 * @throws InputError if BuildKit does not find the Dockerfile.
 */
export function readDockerfile(file: string, shown = file): Buffer {
  const content = readInside(file);
  if (content !== undefined) return content;
  const why = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()
    ? 'expected a Dockerfile. This is a link to a file outside its folder, which Docker does not follow'
    : 'expected a Dockerfile in the workspace';
  throw new InputError('file', shown, why);
}

/** Docker passes this variable as a build argument. */
function timestampArgument(env: NodeJS.ProcessEnv): Record<string, string> {
  const value = env['SOURCE_DATE_EPOCH'] ?? '';
  return value === '' ? {} : { SOURCE_DATE_EPOCH: value };
}

/** Folders are hashed by content, images of a layout by digest, and references by name. */
async function hashNamedContexts(
  contexts: BuildRequest['buildContexts'],
  { signal }: BuildEnvironment,
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

/** Hashes entries in order, each with its path, kind, mode and content. */
async function hashEntries(
  folder: string,
  entries: readonly ContextEntry[],
  signal: AbortSignal,
): Promise<string> {
  const content = new HashedContent();
  const slices = new TimeSlices(signal);
  for (const { path, kind } of entries) {
    const place = locate(folder, path);
    if (kind === 'file') await addFile(place, path, content, slices);
    else {
      const mode = kind === 'link' ? 0 : lstatSync(place).mode;
      const target = kind === 'link' ? readlinkSync(place, 'latin1') : '';
      content.addText(header(path, kind, mode, target));
    }
    if (slices.isOver) await slices.next();
  }
  return content.hash();
}

/** One line, which can be distinguished from the content after it. */
function header(path: string, kind: ContextEntry['kind'], mode: number, content: string | number): string {
  return `${JSON.stringify([path, kind, mode, content])}\n`;
}

/** Files are read sequentially. Reading in parallel uses more processor time and is not faster. */
async function addFile(
  place: string | Buffer,
  path: string,
  content: HashedContent,
  slices: TimeSlices,
): Promise<void> {
  const file = openSync(place, 'r');
  try {
    const { mode, size } = fstatSync(file);
    content.addText(header(path, 'file', mode, size));
    for (let left = size; left > 0;) {
      const read = content.addFrom(file, left);
      if (read === 0) throw new PlatformError('file-system', `${String(place)} changed while it was read`);
      left -= read;
      if (left > 0 && slices.isOver) await slices.next();
    }
  } finally {
    closeSync(file);
  }
}

/** Buffers small pieces, because a call of the hash function takes as long as several of them. */
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

  /** Adds at most `most` bytes from the current position of the file, and returns their number. */
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

/** Divides synchronous work into time slices. */
class TimeSlices {
  readonly #signal: AbortSignal;
  #started = performance.now();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  get isOver(): boolean {
    return performance.now() - this.#started > SLICE_MS;
  }

  /** Lets the event loop run. @throws the signal's reason if it is aborted. */
  async next(): Promise<void> {
    await setImmediate();
    this.#signal.throwIfAborted();
    this.#started = performance.now();
  }
}

function sortedByName(entries: readonly [string, string][]): [string, string][] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}
