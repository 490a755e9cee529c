import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string };
  annotations?: Record<string, string>;
}

const TYPES = {
  config: 'application/vnd.oci.image.config.v1+json',
  image: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
};

export function sha256(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Writes OCI image layouts for tests. Layers are opaque, because they are never unpacked. */
export class LayoutWriter {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(join(folder, 'blobs', 'sha256'), { recursive: true });
    writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  }

  blob(mediaType: string, bytes: Buffer | string): Descriptor {
    const digest = sha256(bytes);
    writeFileSync(this.path(digest), bytes);
    return { mediaType, digest, size: Buffer.byteLength(bytes) };
  }

  /** Adds an image with these layers. Returns the descriptor of its manifest. */
  image(layers: readonly (Buffer | string)[], architecture = 'amd64'): Descriptor {
    const written = layers.map((layer) => this.blob(TYPES.layer, layer));
    const config = this.blob(
      TYPES.config,
      JSON.stringify({
        os: 'linux',
        architecture,
        rootfs: { type: 'layers', diff_ids: layers.map(diffId) },
        history: written.map((_, index) => ({ created_by: `COPY layer-${index} /` })),
      }),
    );
    const manifest = { schemaVersion: 2, mediaType: TYPES.image, config, layers: written };
    return { ...this.blob(TYPES.image, JSON.stringify(manifest)), platform: { os: 'linux', architecture } };
  }

  /** The provenance that buildx adds: a manifest next to the image in the index. */
  attestation(image: Descriptor): Descriptor {
    const statement = { _type: 'https://in-toto.io/Statement/v1', subject: [{ digest: image.digest }] };
    const layers = [this.blob('application/vnd.in-toto+json', JSON.stringify(statement))];
    const platform = { os: 'unknown', architecture: 'unknown' };
    const diffIds = layers.map(({ digest }) => digest);
    const config = this.blob(
      TYPES.config,
      JSON.stringify({ ...platform, rootfs: { type: 'layers', diff_ids: diffIds } }),
    );
    const manifest = { schemaVersion: 2, mediaType: TYPES.image, config, layers };
    const annotations = {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': image.digest,
    };
    return { ...this.blob(TYPES.image, JSON.stringify(manifest)), platform, annotations };
  }

  index(manifests: readonly Descriptor[]): Descriptor {
    return this.blob(TYPES.index, JSON.stringify({ schemaVersion: 2, mediaType: TYPES.index, manifests }));
  }

  /** Writes the index of the layout. */
  finish(...roots: Descriptor[]): string {
    writeFileSync(join(this.folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: roots }));
    return this.folder;
  }

  path(digest: string): string {
    return join(this.folder, 'blobs', ...digest.split(':'));
  }
}

/** A layer with one file, in gzip format without compression, for clients that unpack what they pull. */
export async function tarLayer(name: string, content: Buffer): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name }, content);
  tar.finalize();
  return gzipSync(await buffer(tar), { level: 0 });
}

/** The digest of the uncompressed layer. */
function diffId(layer: Buffer | string): string {
  const isGzip = Buffer.isBuffer(layer) && layer[0] === 0x1f && layer[1] === 0x8b;
  return sha256(isGzip ? gunzipSync(layer) : layer);
}

/** Packs a folder into a tar, with paths relative to the folder. */
export async function packFolder(folder: string, file: string): Promise<void> {
  const tar = pack();
  const writing = pipeline(tar, createWriteStream(file));
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(folder, name);
    if (statSync(path).isFile()) tar.entry({ name }, readFileSync(path));
  }
  tar.finalize();
  await writing;
}
