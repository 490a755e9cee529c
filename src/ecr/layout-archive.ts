import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { InputError } from '../runtime/errors.ts';

/** The only names that a layout has; others, and any way out of the folder, are passed over. */
const WANTED = /^(?:\.\/)?(oci-layout|index\.json|blobs\/sha256\/[0-9a-f]{64})$/;
const READ_BYTES = 1024 * 1024;

/**
 * Unpacks a tar of an OCI image layout into a folder.
 *
 * @throws InputError when the file is no tar.
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
    const why = error instanceof Error ? error.message : String(error);
    throw new InputError(input, file, `expected a folder or a tar of an OCI image layout: ${why}`);
  }
}
