import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { InputError, PlatformError } from '../../core/errors.ts';
import { plural } from '../../core/text.ts';
import {
  type Descriptor,
  digestOf,
  isAttestation,
  type Manifest,
  parseConfig,
  parseManifest,
} from './manifest.ts';

const READ_BYTES = 1024 * 1024;
/**
 * "Client and registry implementations SHOULD expect to be able to support manifest pushes of at least 4 megabytes."
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
 */
const MOST_BYTES = 4 * 1024 * 1024;

/**
 * An image on disk in the OCI image layout: `oci-layout`, `index.json`, and blobs by digest. Blobs that are already in the
 * registry may be missing.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export class ImageLayout {
  readonly folder: string;
  /** The image or index of the layout. */
  readonly root: Manifest;
  /** The children of an index in order; empty for a single image. */
  readonly children: readonly Manifest[];

  private constructor(folder: string, root: Manifest, children: readonly Manifest[]) {
    this.folder = folder;
    this.root = root;
    this.children = children;
  }

  /**
   * Opens the folder of a layout and reads its manifests and configs.
   *
   * @param input the name of the input, for errors.
   * @param given the path in the input, if the folder was unpacked from it.
   * @throws InputError if it is not a layout, is damaged, or does not contain exactly one image.
   */
  static async open(input: string, folder: string, given = folder): Promise<ImageLayout> {
    try {
      await readSmall(folder, 'oci-layout');
      const root = await readManifest(folder, await rootOf(folder));
      const children = await readChildren(folder, root);
      for (const image of root.kind === 'index' ? children : [root]) await checkConfig(folder, image);
      return new ImageLayout(folder, root, children);
    } catch (error) {
      const problem = problemOf(error, folder);
      if (problem === undefined) throw error;
      throw new InputError(
        input,
        given,
        `expected an OCI image layout with one image. The problem: ${problem}`,
      );
    }
  }

  /** The root, or the children of an index. */
  get images(): readonly Manifest[] {
    return this.root.kind === 'index' ? this.children : [this.root];
  }

  /** The bytes of a blob as a stream. Throws a PlatformError if the blob is missing. */
  async *read(digest: string): AsyncIterable<Buffer> {
    try {
      yield* createReadStream(join(this.folder, blobFile(digest)), { highWaterMark: READ_BYTES });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new PlatformError('image-invalid', `the layout does not contain the blob ${digest}`, {
        cause: error,
      });
    }
  }
}

function blobFile(digest: string): string {
  return join('blobs', ...digest.split(':'));
}

/** The only image of index.json. Builders add it once for each of its tags. */
async function rootOf(folder: string): Promise<Descriptor> {
  const index = parseManifest(await readSmall(folder, 'index.json'), undefined);
  if (index.kind !== 'index') throw invalid('index.json is not an index');
  const [first] = index.children;
  const images = new Set(index.children.map(({ digest }) => digest)).size;
  if (!first || images !== 1)
    throw invalid(`index.json contains ${images === 0 ? 'no image' : plural(images, 'image')}`);
  return first;
}

async function readChildren(folder: string, root: Manifest): Promise<Manifest[]> {
  if (root.kind === 'image') return [];
  if (root.children.every(isAttestation)) {
    throw invalid(
      `the index ${root.digest} ${root.children.length === 0 ? 'is empty' : 'contains only attestations'}`,
    );
  }
  const children = await Promise.all(root.children.map((child) => readManifest(folder, child)));
  const nested = children.find(({ kind }) => kind === 'index');
  if (nested) throw invalid(`the index ${root.digest} contains another index, ${nested.digest}`);
  return children;
}

async function readManifest(folder: string, { digest, mediaType, size }: Descriptor): Promise<Manifest> {
  const bytes = await readSmall(folder, blobFile(digest));
  if (bytes.length !== size || digestOf(bytes) !== digest) throw invalid(`the manifest ${digest} is damaged`);
  return parseManifest(bytes, mediaType);
}

/** Container runtimes need the config to be JSON, but a registry accepts any bytes. */
async function checkConfig(folder: string, image: Manifest): Promise<void> {
  if (image.kind !== 'image') return;
  const { digest, size } = image.config;
  const bytes = await readSmall(folder, blobFile(digest)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (!bytes) return;
  if (bytes.length !== size || digestOf(bytes) !== digest) {
    throw invalid(`the image config ${digest} is damaged`);
  }
  parseConfig(bytes, digest);
}

/** Reads a small file of the layout. */
async function readSmall(folder: string, name: string): Promise<Buffer> {
  const file = join(folder, name);
  const found = await stat(file);
  if (!found.isFile()) throw invalid(`${name} is not a file`);
  if (found.size > MOST_BYTES)
    throw invalid(`${name} has ${found.size} bytes, more than the limit of ${MOST_BYTES}`);
  return readFile(file);
}

function invalid(message: string): PlatformError {
  return new PlatformError('image-invalid', message);
}

/** Why a folder is not a layout; undefined if the error has another reason. */
function problemOf(error: unknown, folder: string): string | undefined {
  if (error instanceof PlatformError) return error.message;
  const { code, path = '' } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR' ? `${relative(folder, path)} does not exist` : undefined;
}

/** The files of a layout. All other entries are skipped, including paths outside the folder. */
const WANTED = /^(?:\.\/)?(oci-layout|index\.json|blobs\/sha256\/[0-9a-f]{64})$/;

/**
 * Unpacks a tar archive of an OCI image layout into a folder. The archive may be compressed with gzip.
 *
 * @throws InputError if the file is not a tar archive, or contains links instead of files; the file system's error if the
 * disk is full.
 */
export async function unpackLayout(
  input: string,
  file: string,
  folder: string,
  signal: AbortSignal,
  shown = file,
): Promise<void> {
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  const entries = extract();
  const compression = await compressionOf(file);
  if (compression !== undefined && compression !== 'gzip') {
    throw new InputError(
      input,
      shown,
      `expected a tar archive, optionally compressed with gzip. This one is compressed with ${compression}`,
    );
  }
  const steps = compression === 'gzip' ? [createGunzip()] : [];
  const archive = createReadStream(file, { highWaterMark: READ_BYTES });
  const unpacking = pipeline([archive, ...steps, entries], { signal });
  let broken: unknown;
  unpacking.catch((error: unknown) => {
    broken = error;
  });
  try {
    for await (const entry of entries) {
      const name = fileOf(entry.header);
      if (name === undefined) {
        entry.resume();
        continue;
      }
      const target = createWriteStream(join(folder, name), { highWaterMark: READ_BYTES });
      // If the archive is truncated, the entry may already be destroyed, which only its iterator reports.
      await pipeline(Readable.from(entry), target, { signal });
    }
    await unpacking;
  } catch (error) {
    signal.throwIfAborted();
    // An error of the file system, such as a full disk, is not a problem of the archive.
    if (!(error instanceof Error) || 'syscall' in error) throw error;
    const { message } = error instanceof PlatformError ? error : ((broken as Error | undefined) ?? error);
    throw new InputError(
      input,
      shown,
      `expected a folder or a tar archive of an OCI image layout. The problem: ${message}`,
    );
  }
}

/** The path in the layout for an entry of the archive; undefined for other entries. */
function fileOf({ name, type }: Header): string | undefined {
  const wanted = WANTED.exec(name)?.[1];
  if (wanted === undefined || type === 'directory') return undefined;
  if (type === 'file' || type === 'contiguous-file') return wanted;
  const fix =
    type === 'link' || type === 'symlink' ? '. Pack it with tar --dereference --hard-dereference' : '';
  throw invalid(`${wanted} must be a file in the archive, but is a ${type}${fix}`);
}

const MAGIC = { gzip: '1f8b', zstd: '28b52ffd', xz: 'fd377a585a00', bzip2: '425a68' } as const;

/** The compression of a file, by its first bytes; undefined if it is not compressed. */
async function compressionOf(file: string): Promise<string | undefined> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(6), 0, 6, 0);
    const start = buffer.toString('hex', 0, bytesRead);
    return Object.entries(MAGIC).find(([, magic]) => start.startsWith(magic))?.[0];
  } finally {
    await handle.close();
  }
}
