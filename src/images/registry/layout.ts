import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { InputError, PlatformError } from '../../core/errors.ts';
import { type Descriptor, digestOf, type Manifest, parseManifest } from './manifest.ts';

const READ_BYTES = 1024 * 1024;

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
   * Opens a layout's folder and reads its manifests.
   *
   * @param input the name of the input that the folder came from, for the error.
   * @throws InputError when it is no layout, is damaged, or holds more than one image.
   */
  static async open(input: string, folder: string): Promise<ImageLayout> {
    try {
      await readFile(join(folder, 'oci-layout'));
      const index = parseManifest(await readFile(join(folder, 'index.json')), undefined);
      if (index.kind !== 'index') throw new PlatformError('image-invalid', 'index.json is no index');
      const [entry, ...others] = index.children;
      if (!entry || others.length > 0) {
        throw new PlatformError(
          'image-invalid',
          `index.json names ${index.children.length} images, and it must be one`,
        );
      }
      const root = await readManifest(folder, entry);
      const descriptors = root.kind === 'index' ? root.children : [];
      const children = await Promise.all(descriptors.map((child) => readManifest(folder, child)));
      const nested = children.find(({ kind }) => kind === 'index');
      if (nested) {
        throw new PlatformError(
          'image-invalid',
          `the index ${root.digest} holds another index, ${nested.digest}`,
        );
      }
      return new ImageLayout(folder, root, children);
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? missing(error) : messageOf(error);
      throw new InputError(input, folder, `expected an OCI image layout with one image: ${why}`);
    }
  }

  /** The images themselves: the root, or the children of an index. */
  get images(): readonly Manifest[] {
    return this.root.kind === 'index' ? this.children : [this.root];
  }

  /** A blob's bytes, in pieces. Throws a PlatformError that names the blob when the layout does not have it. */
  async *read(digest: string): AsyncIterable<Buffer> {
    try {
      yield* createReadStream(blobFile(this.folder, digest), { highWaterMark: READ_BYTES });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new PlatformError('image-invalid', `the layout lacks the blob ${digest}`, { cause: error });
    }
  }
}

function blobFile(folder: string, digest: string): string {
  return join(folder, 'blobs', ...digest.split(':'));
}

async function readManifest(folder: string, { digest, mediaType, size }: Descriptor): Promise<Manifest> {
  const file = blobFile(folder, digest);
  const { size: actual } = await stat(file);
  const bytes = actual === size ? await readFile(file) : Buffer.alloc(0);
  if (digestOf(bytes) !== digest) {
    throw new PlatformError('image-invalid', `the manifest ${digest} is damaged`);
  }
  return parseManifest(bytes, mediaType);
}

function missing(error: unknown): string {
  const { path = '' } = error as NodeJS.ErrnoException;
  return `there is no ${path}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The only file names in a layout. All others are skipped, including any path that leads out of the folder. */
const WANTED = /^(?:\.\/)?(oci-layout|index\.json|blobs\/sha256\/[0-9a-f]{64})$/;

const FULL = ['ENOSPC', 'EDQUOT'];

/**
 * Unpacks a tar of an OCI image layout into a folder.
 *
 * @throws InputError when the file is no tar; the file system's error when there is no space.
 */
export async function unpackLayout(
  input: string,
  file: string,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  const entries = extract();
  const unpacking = pipeline(createReadStream(file, { highWaterMark: READ_BYTES }), entries, { signal });
  unpacking.catch(() => undefined);
  try {
    for await (const entry of entries) {
      const name = WANTED.exec(entry.header.name)?.[1];
      if (name === undefined || entry.header.type !== 'file') {
        entry.resume();
        continue;
      }
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await pipeline(entry, createWriteStream(join(folder, name), { highWaterMark: READ_BYTES }), { signal });
    }
    await unpacking;
  } catch (error) {
    signal.throwIfAborted();
    // A full disk says nothing about the file.
    if (FULL.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new InputError(input, file, `expected a folder or a tar of an OCI image layout: ${why}`);
  }
}
