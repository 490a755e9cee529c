import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { sha256 } from '../../core/canonical.ts';
import { inParallel } from '../../core/concurrency.ts';
import { PlatformError } from '../../core/errors.ts';

const CONFIG = 'application/vnd.oci.image.config.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const COMPRESSED_AT_ONCE = 4;
const CHUNK_BYTES = 1024 * 1024;

export interface LayerDescriptor {
  mediaType: string;
  digest: string;
  /** Compressed bytes. */
  size: number;
}

/** Layers in the registry by the digest of their uncompressed content. They are not compressed again. */
export type KnownLayers = ReadonlyMap<string, LayerDescriptor>;

interface SavedManifest {
  Config: string;
  Layers: string[];
}

/**
 * Converts the output of `docker save` to an OCI image layout, and compresses the layers that are not in the registry.
 * Both formats of the archive are supported: the old one, and a layout with uncompressed layers.
 *
 * @param archive the tar archive.
 * @param folder the folder for the layout.
 */
export async function layoutFromSaved(
  archive: Readable,
  folder: string,
  known: KnownLayers,
  signal: AbortSignal,
): Promise<void> {
  const raw = join(folder, 'saved');
  const names = await unpack(archive, raw, signal);
  const fileOf = (name: string): string => {
    const file = names.get(name);
    if (file === undefined)
      throw new PlatformError('image-invalid', `the output of docker save does not contain ${name}`);
    return file;
  };
  const [saved, ...others] = JSON.parse(await readFile(fileOf('manifest.json'), 'utf8')) as SavedManifest[];
  if (!saved || others.length > 0) {
    throw new PlatformError('image-invalid', 'the output of docker save does not contain exactly one image');
  }
  const blobs = join(folder, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const config = await readFile(fileOf(saved.Config));
  const { rootfs } = JSON.parse(config.toString('utf8')) as { rootfs: { diff_ids: string[] } };
  const layers: LayerDescriptor[] = [];
  await inParallel([...saved.Layers.entries()], COMPRESSED_AT_ONCE, async ([index, name]) => {
    layers[index] =
      known.get(rootfs.diff_ids[index] ?? '') ?? (await compress(fileOf(name), blobs, index, signal));
  });
  await rm(raw, { recursive: true });
  await writeManifest(folder, config, layers);
}

/** Unpacks a tar archive, and returns the file of each entry by name. Old archives have links for equal layers. */
async function unpack(archive: Readable, folder: string, signal: AbortSignal): Promise<Map<string, string>> {
  await mkdir(folder, { recursive: true });
  const files = new Map<string, string>();
  const links = new Map<string, string>();
  const entries = extract();
  const reading = pipeline(archive, entries, { signal });
  reading.catch(() => undefined);
  for await (const entry of entries) {
    const { name, type, linkname } = entry.header;
    if (type === 'symlink' || type === 'link') links.set(name, linkTarget(name, linkname, type));
    if (type !== 'file') {
      entry.resume();
      continue;
    }
    const file = join(folder, String(files.size));
    files.set(name, file);
    await pipeline(entry, createWriteStream(file, { highWaterMark: CHUNK_BYTES }), { signal });
  }
  await reading;
  for (const [name, target] of links) files.set(name, files.get(target) ?? '');
  return files;
}

/** `a/layer.tar` → `../b/layer.tar` is `b/layer.tar`. */
function linkTarget(name: string, target: string, type: 'symlink' | 'link'): string {
  return type === 'link' ? target : new URL(target, `file:///${name}`).pathname.slice(1);
}

async function compress(
  file: string,
  blobs: string,
  index: number,
  signal: AbortSignal,
): Promise<LayerDescriptor> {
  const hash = createHash('sha256');
  let size = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  const target = join(blobs, `layer-${index}`);
  const source = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  const steps = (await isCompressed(file)) ? [] : [createGzip({ chunkSize: CHUNK_BYTES })];
  await pipeline([source, ...steps, count, createWriteStream(target)], { signal });
  const hex = hash.digest('hex');
  await rename(target, join(blobs, hex));
  return { mediaType: LAYER, digest: `sha256:${hex}`, size };
}

/** Daemons with containerd's image store save layers as they were pulled. */
async function isCompressed(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

async function writeManifest(
  folder: string,
  config: Buffer,
  layers: readonly LayerDescriptor[],
): Promise<void> {
  const write = async (mediaType: string, bytes: Buffer): Promise<LayerDescriptor> => {
    const hex = sha256(bytes);
    await writeFile(join(folder, 'blobs', 'sha256', hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const body = { schemaVersion: 2, mediaType: MANIFEST, config: await write(CONFIG, config), layers };
  const manifest = await write(MANIFEST, Buffer.from(JSON.stringify(body)));
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
}
