import { createHash, type Hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AwsError } from '../protocols/service.ts';

const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** Blobs on disk, stored once by digest. */
export class BlobStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  has(digest: string): boolean {
    return existsSync(this.#path(digest));
  }

  async size(digest: string): Promise<number> {
    return (await stat(this.#path(digest))).size;
  }

  read(digest: string): Promise<Buffer> {
    return readFile(this.#path(digest));
  }

  async write(bytes: Buffer): Promise<string> {
    const digest = digestOf(bytes);
    await mkdir(this.#folder, { recursive: true });
    await writeFile(this.#path(digest), bytes);
    return digest;
  }

  /** Moves a file into the store. The caller has verified the digest. */
  async adopt(file: string, digest: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await rename(file, this.#path(digest));
  }

  #path(digest: string): string {
    return join(this.#folder, digest.replace(':', '-'));
  }
}

interface Upload {
  id: string;
  /** The only repository that may continue it. */
  repositoryArn: string;
  file: string;
  size: number;
  hash: Hash;
}

/** Layer uploads in progress. */
export class Uploads {
  readonly #folder: string;
  readonly #blobs: BlobStore;
  readonly #open = new Map<string, Upload>();

  constructor(folder: string, blobs: BlobStore) {
    this.#folder = folder;
    this.#blobs = blobs;
  }

  /** The number of uploads in progress. */
  get count(): number {
    return this.#open.size;
  }

  async start(id: string, repositoryArn: string): Promise<void> {
    const file = join(this.#folder, id);
    await mkdir(this.#folder, { recursive: true });
    await writeFile(file, '');
    this.#open.set(id, { id, repositoryArn, file, size: 0, hash: createHash('sha256') });
  }

  /** The number of bytes received so far. Throws UploadNotFoundException. */
  size(id: string, repositoryArn: string): number {
    return this.#upload(id, repositoryArn).size;
  }

  /** Appends bytes at offset `from` and returns the new size. Throws InvalidLayerPartException. */
  async append(id: string, repositoryArn: string, bytes: Buffer, from?: number): Promise<number> {
    const upload = this.#upload(id, repositoryArn);
    if (from !== undefined && from !== upload.size) {
      const message = `The layer part is not valid: it begins at ${from}, and ${upload.size} bytes were received`;
      throw new AwsError('InvalidLayerPartException', message, 400, {
        lastValidByteReceived: upload.size - 1,
      });
    }
    upload.size += bytes.length;
    upload.hash.update(bytes);
    await appendFile(upload.file, bytes);
    return upload.size;
  }

  /** Completes an upload as the blob with this digest. Throws InvalidLayerException if the bytes differ. */
  async finish(id: string, repositoryArn: string, digest: string): Promise<void> {
    const upload = this.#upload(id, repositoryArn);
    this.#open.delete(id);
    const actual = `sha256:${upload.hash.digest('hex')}`;
    if (actual !== digest) {
      await rm(upload.file);
      const message = `Layer digest ${digest} does not match the digest of what was received, ${actual}`;
      throw new AwsError('InvalidLayerException', message);
    }
    await this.#blobs.adopt(upload.file, digest);
  }

  async cancel(id: string, repositoryArn: string): Promise<void> {
    const upload = this.#upload(id, repositoryArn);
    this.#open.delete(id);
    await rm(upload.file);
  }

  #upload(id: string, repositoryArn: string): Upload {
    const upload = this.#open.get(id);
    if (upload?.repositoryArn === repositoryArn) return upload;
    const message = `The upload with id '${id}' could not be found, or it is not valid for this repository`;
    throw new AwsError('UploadNotFoundException', message);
  }
}
