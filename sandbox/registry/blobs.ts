import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from './digest.ts';

/** Blobs on disk, each once, by its digest. */
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

  /** Takes a file over; whoever calls has checked the digest. */
  async adopt(file: string, digest: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await rename(file, this.#path(digest));
  }

  #path(digest: string): string {
    return join(this.#folder, digest.replace(':', '-'));
  }
}
