import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { InputError, PlatformError } from '../../core/errors.ts';
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
 * An image on disk in the OCI image layout: `oci-layout`, `index.json`, and blobs by digest. Blobs that the registry
 * has already may be missing.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export class ImageLayout {
  readonly folder: string;
  /** The layout's image or index of images. */
  readonly root: Manifest;
  /** The children of an index, in its order; empty for one image. */
  readonly children: readonly Manifest[];

  private constructor(folder: string, root: Manifest, children: readonly Manifest[]) {
    this.folder = folder;
    this.root = root;
    this.children = children;
  }

  /**
   * Opens a layout's folder and reads its manifests and the configs that it has.
   *
   * @param input the name of the input that the layout came from, for the error.
   * @param given the path that was given, where the folder is what was unpacked from it.
   * @throws InputError when it is no layout, is damaged, or does not hold exactly one image.
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

  /** The images themselves: the root, or the children of an index. */
  get images(): readonly Manifest[] {
    return this.root.kind === 'index' ? this.children : [this.root];
  }

  /** A blob's bytes, in pieces. Throws a PlatformError that names the blob when the layout does not have it. */
  async *read(digest: string): AsyncIterable<Buffer> {
    try {
      yield* createReadStream(join(this.folder, blobFile(digest)), { highWaterMark: READ_BYTES });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new PlatformError('image-invalid', `the layout lacks the blob ${digest}`, { cause: error });
    }
  }
}

function blobFile(digest: string): string {
  return join('blobs', ...digest.split(':'));
}

/** The one image of index.json. Builders name it once for each of its tags. */
async function rootOf(folder: string): Promise<Descriptor> {
  const index = parseManifest(await readSmall(folder, 'index.json'), undefined);
  if (index.kind !== 'index') throw invalid('index.json is no index');
  const [first] = index.children;
  const images = new Set(index.children.map(({ digest }) => digest)).size;
  if (!first || images !== 1) throw invalid(`index.json names ${images} images; expected 1`);
  return first;
}

async function readChildren(folder: string, root: Manifest): Promise<Manifest[]> {
  if (root.kind === 'image') return [];
  if (root.children.every(isAttestation)) {
    const what = root.children.length === 0 ? 'is empty' : 'holds only attestations';
    throw invalid(`the index ${root.digest} ${what}, and must name an image`);
  }
  const children = await Promise.all(root.children.map((child) => readManifest(folder, child)));
  const nested = children.find(({ kind }) => kind === 'index');
  if (nested) throw invalid(`the index ${root.digest} holds another index, ${nested.digest}`);
  return children;
}

async function readManifest(folder: string, { digest, mediaType, size }: Descriptor): Promise<Manifest> {
  const bytes = await readSmall(folder, blobFile(digest));
  if (bytes.length !== size || digestOf(bytes) !== digest) throw invalid(`the manifest ${digest} is damaged`);
  return parseManifest(bytes, mediaType);
}

/** What runs an image reads its config as JSON. A registry takes any bytes. */
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

/** A file of the layout that is read as a whole. */
async function readSmall(folder: string, name: string): Promise<Buffer> {
  const file = join(folder, name);
  const found = await stat(file);
  if (!found.isFile()) throw invalid(`${name} is not a file`);
  if (found.size > MOST_BYTES)
    throw invalid(`${name} has ${found.size} bytes, and at most ${MOST_BYTES} are read`);
  return readFile(file);
}

function invalid(message: string): PlatformError {
  return new PlatformError('image-invalid', message);
}

/** What makes a folder no layout, without its own path; undefined for an error that has another reason. */
function problemOf(error: unknown, folder: string): string | undefined {
  if (error instanceof PlatformError) return error.message;
  const { code, path = '' } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR' ? `there is no ${relative(folder, path)}` : undefined;
}

/** The only file names in a layout. All others are skipped, including any path that leads out of the folder. */
const WANTED = /^(?:\.\/)?(oci-layout|index\.json|blobs\/sha256\/[0-9a-f]{64})$/;

/**
 * Unpacks a tar of an OCI image layout into a folder. The tar may be compressed with gzip.
 *
 * @throws InputError when the file is no tar, or has links in place of the layout's files; the file system's error when there is no space.
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
      `expected a tar, plain or compressed with gzip. This one is compressed with ${compression}`,
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
      // The entry may be destroyed by now, where the tar is cut off: only its iterator tells so.
      await pipeline(Readable.from(entry), target, { signal });
    }
    await unpacking;
  } catch (error) {
    signal.throwIfAborted();
    // A full disk is no fault of the file.
    if (!(error instanceof Error) || 'syscall' in error) throw error;
    const { message } = error instanceof PlatformError ? error : ((broken as Error | undefined) ?? error);
    throw new InputError(
      input,
      shown,
      `expected a folder or a tar of an OCI image layout. The problem: ${message}`,
    );
  }
}

/** The file of the layout that an entry of a tar is; undefined for all others. */
function fileOf({ name, type }: Header): string | undefined {
  const wanted = WANTED.exec(name)?.[1];
  if (wanted === undefined || type === 'directory') return undefined;
  if (type === 'file' || type === 'contiguous-file') return wanted;
  const fix =
    type === 'link' || type === 'symlink' ? '. Pack it with tar --dereference --hard-dereference' : '';
  throw invalid(`${wanted} is a ${type} in the tar, and must be a file${fix}`);
}

const MAGIC = { gzip: '1f8b', zstd: '28b52ffd', xz: 'fd377a585a00', bzip2: '425a68' } as const;

/** How a file is compressed, by its first bytes; undefined when it is not. */
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
