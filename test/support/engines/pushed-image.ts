import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import type { Sandbox } from '../../../sandbox/index.ts';
import { ecrOf } from '../image.ts';
import type { Descriptor } from '../oci.ts';
import { authorizationOf, RepositorySession } from '../registry.ts';

const ACCEPT = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

interface Manifest {
  config?: Descriptor;
  layers?: Descriptor[];
  manifests?: Descriptor[];
}

interface Statement {
  predicateType: string;
  predicate: Record<string, unknown>;
}

/** An image in a registry, read only with HTTP: its files, its attestations, and all its bytes. */
export class PushedImage {
  readonly #session: RepositorySession;
  readonly #root: Manifest;

  private constructor(session: RepositorySession, root: Manifest) {
    this.#session = session;
    this.#root = root;
  }

  /** @param image by tag or digest, as in the action. */
  static async open(sandbox: Sandbox, image: string): Promise<PushedImage> {
    const [, name = '', reference = ''] = /^(.+?)[@:]((?:sha256:)?[\w.-]+)$/.exec(image) ?? [];
    const session = new RepositorySession(name, await authorizationOf(ecrOf(sandbox)));
    return new PushedImage(session, await readManifest(session, reference));
  }

  /** Platforms of its images, without those of attestations. */
  get platforms(): string[] {
    return this.#images.map(nameOf).sort();
  }

  /** The content of each file by its path, for a platform, as a container sees it. */
  async files(platform?: string): Promise<Record<string, string>> {
    const files: Record<string, string> = {};
    const { layers = [] } = await this.#image(platform);
    for (const layer of layers) Object.assign(files, await filesOf(await this.#blob(layer)));
    return files;
  }

  async config(platform?: string): Promise<Record<string, unknown>> {
    const { config } = await this.#image(platform);
    return JSON.parse(config ? (await this.#blob(config)).toString('utf8') : '{}') as Record<string, unknown>;
  }

  /** The attestations of its images, of all platforms. */
  async attestations(): Promise<Statement[]> {
    const statements: Statement[] = [];
    for (const { digest, annotations } of this.#root.manifests ?? []) {
      if (annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest') continue;
      const { layers = [] } = await readManifest(this.#session, digest);
      for (const layer of layers)
        statements.push(JSON.parse((await this.#blob(layer)).toString('utf8')) as Statement);
    }
    return statements;
  }

  /** Everything in the registry that belongs to it, with unpacked layers. */
  async everything(): Promise<Buffer> {
    const { manifests = [] } = this.#root;
    const children = await Promise.all(manifests.map(({ digest }) => readManifest(this.#session, digest)));
    const roots = [this.#root, ...children];
    const blobs = roots.flatMap(({ config, layers = [] }) => [...(config ? [config] : []), ...layers]);
    const contents = await Promise.all(blobs.map((blob) => this.#blob(blob)));
    return Buffer.concat([Buffer.from(JSON.stringify(roots)), ...contents]);
  }

  get #images(): Descriptor[] {
    const { manifests = [] } = this.#root;
    return manifests.filter(({ annotations }) => annotations?.['vnd.docker.reference.type'] === undefined);
  }

  async #image(platform: string | undefined): Promise<Manifest> {
    if (!this.#root.manifests) return this.#root;
    const found = this.#images.find((image) => platform === undefined || platform === nameOf(image));
    if (!found) throw new Error(`no image for ${platform}`);
    return readManifest(this.#session, found.digest);
  }

  async #blob({ digest, mediaType }: Descriptor): Promise<Buffer> {
    const answer = await this.#session.fetch('GET', `blobs/${digest}`);
    const bytes = Buffer.from(await (await followed(answer)).arrayBuffer());
    return mediaType.endsWith('gzip') ? gunzipSync(bytes) : bytes;
  }
}

const nameOf = ({ platform }: Descriptor): string => `${platform?.os}/${platform?.architecture}`;

/** A registry may redirect to the bytes. */
async function followed(answer: Response): Promise<Response> {
  const location = answer.headers.get('location');
  const found = answer.status === 307 && location !== null ? await fetch(location) : answer;
  if (!found.ok) throw new Error(`${found.status} ${await found.text()}`);
  return found;
}

async function readManifest(session: RepositorySession, reference: string): Promise<Manifest> {
  const answer = await session.fetch('GET', `manifests/${reference}`, { headers: { accept: ACCEPT } });
  return (await (await followed(answer)).json()) as Manifest;
}

async function filesOf(tar: Buffer): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const entry of Readable.from([tar]).pipe(extract())) {
    const content = await buffer(entry);
    if (entry.header.type === 'file')
      files[entry.header.name.replace(/^\.?\//, '')] = content.toString('utf8');
  }
  return files;
}
