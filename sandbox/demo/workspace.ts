import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parse, stringify } from 'yaml';

interface Platform {
  environments: Record<string, Record<string, unknown>>;
  stacks: Record<string, { manual?: boolean; environments?: string[] }>;
  services: Record<string, Record<string, unknown>>;
}

/** Nobody who watches wants to wait an hour; the story shows the gate with a step of its own. */
const SOAK = '0s';

/** Bytes of a template that a request may have. */
const REQUEST_LIMIT = 51_200;

/** A checkout of the reference platform, with ready images where a runner would build them. */
export class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), 'demo-'));
  readonly services: readonly string[];
  readonly #platform: Platform;

  constructor() {
    cpSync('templates', join(this.folder, 'templates'), { recursive: true });
    const platform = parse(readFileSync('platform.yml', 'utf8')) as Platform;
    this.#platform = platform;
    this.services = Object.keys(platform.services);
    for (const [name, service] of Object.entries(platform.services)) {
      service['build'] = { 'oci-layout': `images/${name}` };
    }
    for (const environment of Object.values(platform.environments)) {
      if ('soak' in environment) environment['soak'] = SOAK;
    }
    writeFileSync(join(this.folder, 'platform.yml'), stringify(platform));
  }

  /** Puts a version of every service in the place of what a build of the commit gives; service → digest. */
  checkOut(version: number, services: readonly string[] = this.services): Record<string, string> {
    return Object.fromEntries(
      services.map((name) => [name, writeImage(join(this.folder, 'images', name), name, version)]),
    );
  }

  /** The stacks of an environment that an administrator deploys. */
  manualStacks(environment: string): string[] {
    return Object.entries(this.#platform.stacks)
      .filter(([, { manual, environments }]) => manual && (environments?.includes(environment) ?? true))
      .map(([name]) => name);
  }

  /** Changes a value of an environment, as a commit does. */
  setParameter(environment: string, name: string, value: string): void {
    const file = join(this.folder, 'templates/environments', `${environment}.json`);
    const values = JSON.parse(readFileSync(file, 'utf8')) as { Parameters: Record<string, string> };
    values.Parameters[name] = value;
    writeFileSync(file, JSON.stringify(values));
  }

  /** A template that is too large for a request, with resources as given. */
  writeLargeTemplate(name: string, resources: object): void {
    const template = { Metadata: { Padding: 'x'.repeat(REQUEST_LIMIT) }, Resources: resources };
    writeFileSync(join(this.folder, name), JSON.stringify(template));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const OCI = 'application/vnd.oci.image';
const sha256 = (bytes: Buffer | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/**
 * Writes a small image as an OCI layout, in the place of what Docker would build: a service's release, the same
 * bytes for the same version. Answers its digest.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
function writeImage(folder: string, service: string, version: number): string {
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
