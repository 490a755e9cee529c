import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const OCI = 'application/vnd.oci.image';
const sha256 = (bytes: Buffer | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/**
 * Writes a small image as an OCI layout, in the place of what Docker would build: a service's release, the same
 * bytes for the same version. Answers its digest.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export function writeImage(folder: string, service: string, version: number): string {
  rmSync(folder, { recursive: true, force: true });
  const blobs = join(folder, 'blobs', 'sha256');
  mkdirSync(blobs, { recursive: true });
  const blob = (mediaType: string, bytes: Buffer | string) => {
    const digest = sha256(bytes);
    writeFileSync(join(blobs, digest.replace('sha256:', '')), bytes);
    return { mediaType, digest, size: Buffer.byteLength(bytes) };
  };
  // What all versions share, and what each has of its own.
  const layers = [`The runtime of every service.\n`, `${service}, version ${version}\n`];
  const config = blob(
    `${OCI}.config.v1+json`,
    JSON.stringify({
      os: 'linux',
      architecture: 'arm64',
      rootfs: { type: 'layers', diff_ids: layers.map(sha256) },
      history: layers.map((_, index) => ({ created_by: `COPY layer-${index} /` })),
    }),
  );
  const manifest = blob(
    `${OCI}.manifest.v1+json`,
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      config,
      layers: layers.map((layer) => blob(`${OCI}.layer.v1.tar+gzip`, gzipSync(layer))),
    }),
  );
  writeFileSync(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  return manifest.digest;
}
