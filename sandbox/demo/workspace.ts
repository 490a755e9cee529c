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

/** The demo does not wait for an hour; one step shows the gate with the time in platform.yml. */
const SOAK = '0s';

/** The largest template, in bytes, that a request can carry. */
const REQUEST_LIMIT = 51_200;

/** A checkout of the reference platform, with ready images instead of builds. */
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

  /** Writes the images of a version to where a build of the commit would put them. */
  checkOut(version: number, services: readonly string[] = this.services): void {
    for (const name of services) new Image(name, version).writeLayout(join(this.folder, 'images', name));
  }

  /** The stacks of an environment that only an administrator deploys. */
  manualStacks(environment: string): string[] {
    return Object.entries(this.#platform.stacks)
      .filter(([, { manual, environments }]) => manual && (environments?.includes(environment) ?? true))
      .map(([name]) => name);
  }

  /** Changes a parameter of an environment, like a commit. */
  setParameter(environment: string, name: string, value: string): void {
    const file = join(this.folder, 'templates/environments', `${environment}.json`);
    const values = JSON.parse(readFileSync(file, 'utf8')) as { Parameters: Record<string, string> };
    values.Parameters[name] = value;
    writeFileSync(file, JSON.stringify(values));
  }

  /** Writes a template that exceeds the size of a request. */
  writeLargeTemplate(name: string, resources: object): void {
    const template = { Metadata: { Padding: 'x'.repeat(REQUEST_LIMIT) }, Resources: resources };
    writeFileSync(join(this.folder, name), JSON.stringify(template));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const OCI = 'application/vnd.oci.image';

interface Blob {
  mediaType: string;
  digest: string;
  size: number;
}

/**
 * A small image of a service instead of a Docker build, with the same bytes for the same version.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
class Image {
  readonly blobs = new Map<string, Buffer | string>();
  readonly manifest: Blob;

  constructor(service: string, version: number) {
    // The first layer is the same for all versions.
    const layers = ['The runtime of every service.\n', `${service}, version ${version}\n`];
    const config = this.#add(
      `${OCI}.config.v1+json`,
      JSON.stringify({
        os: 'linux',
        architecture: 'arm64',
        rootfs: { type: 'layers', diff_ids: layers.map(sha256) },
        history: layers.map((_, index) => ({ created_by: `COPY layer-${index} /` })),
      }),
    );
    this.manifest = this.#add(
      `${OCI}.manifest.v1+json`,
      JSON.stringify({
        schemaVersion: 2,
        mediaType: `${OCI}.manifest.v1+json`,
        config,
        layers: layers.map((layer) => this.#add(`${OCI}.layer.v1.tar+gzip`, gzipSync(layer))),
      }),
    );
  }

  writeLayout(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
    const blobs = join(folder, 'blobs', 'sha256');
    mkdirSync(blobs, { recursive: true });
    for (const [digest, bytes] of this.blobs)
      writeFileSync(join(blobs, digest.replace('sha256:', '')), bytes);
    writeFileSync(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    const index = { schemaVersion: 2, manifests: [this.manifest] };
    writeFileSync(join(folder, 'index.json'), JSON.stringify(index));
  }

  #add(mediaType: string, bytes: Buffer | string): Blob {
    const digest = sha256(bytes);
    this.blobs.set(digest, bytes);
    return { mediaType, digest, size: Buffer.byteLength(bytes) };
  }
}

/** The digest of a service's image in a version of it. */
export const imageDigest = (service: string, version: number): string =>
  new Image(service, version).manifest.digest;

function sha256(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
