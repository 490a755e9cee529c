import { createHash, type KeyObject, sign as signBytes } from 'node:crypto';
import type { ImageStore } from '../../src/images/registry/copy/store.ts';
import type { RepositorySession } from './registry.ts';
import {
  type Descriptor,
  digestOf,
  parseManifest,
  type Manifest,
} from '../../src/images/registry/manifest.ts';

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** A repository in memory, with signatures in each of the formats that tools use. */
export class SignedImages {
  readonly #manifests = new Map<string, Manifest>();
  readonly #tags = new Map<string, string>();
  readonly #referrers = new Map<string, Descriptor[]>();
  readonly #blobs = new Map<string, Buffer>();

  get store(): ImageStore {
    const unused = (): never => {
      throw new Error('verification only reads');
    };
    return {
      name: 'shop/app',
      uri: '111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/app',
      registryUri: '111111111111.dkr.ecr.eu-west-1.amazonaws.com',
      manifests: (ids) =>
        Promise.resolve(
          ids.flatMap((id) => {
            const tag = 'imageTag' in id ? id.imageTag : undefined;
            const digest = 'imageTag' in id ? this.#tags.get(id.imageTag) : id.imageDigest;
            const manifest = this.#manifests.get(digest ?? '');
            return manifest ? [{ manifest, tag }] : [];
          }),
        ),
      referrers: (digest) => Promise.resolve(this.#referrers.get(digest) ?? []),
      listsReferrers: unused,
      missingBlobs: unused,
      blobReader:
        ({ digest }) =>
        () =>
          read(this.#blobs.get(digest)),
      putManifest: unused,
      registry: unused,
    };
  }

  /** A bundle that refers to an image. */
  attach(digest: string, bundle: object | string, size?: number): this {
    const manifest = this.#artifact(
      BUNDLE,
      typeof bundle === 'string' ? bundle : JSON.stringify(bundle),
      {},
      size,
    );
    const listed = { mediaType: IMAGE, digest: manifest.digest, size: manifest.bytes.length };
    this.#referrers.set(digest, [...(this.#referrers.get(digest) ?? []), listed]);
    return this;
  }

  /** A bundle in the list under the image's tag, as actions/attest pushes it to ECR. */
  list(digest: string, bundle: object): this {
    const { bytes, mediaType, ...manifest } = this.#artifact(BUNDLE, JSON.stringify(bundle));
    const entry = { mediaType, digest: manifest.digest, size: bytes.length };
    const index = this.#put(INDEX, { schemaVersion: 2, mediaType: INDEX, manifests: [entry] });
    this.#tags.set(digest.replace(':', '-'), index.digest);
    return this;
  }

  /** A signature in cosign's older format. */
  tag(digest: string, payload: string, annotations: Record<string, string>): this {
    const type = 'application/vnd.dev.cosign.simplesigning.v1+json';
    this.#tags.set(`${digest.replace(':', '-')}.sig`, this.#artifact(type, payload, annotations).digest);
    return this;
  }

  #artifact(type: string, content: string, annotations = {}, size?: number): Manifest {
    const bytes = Buffer.from(content);
    this.#blobs.set(digestOf(bytes), bytes);
    this.#blobs.set(digestOf(Buffer.from('{}')), Buffer.from('{}'));
    return this.#put(IMAGE, {
      schemaVersion: 2,
      mediaType: IMAGE,
      config: {
        mediaType: 'application/vnd.oci.empty.v1+json',
        digest: digestOf(Buffer.from('{}')),
        size: 2,
      },
      layers: [{ mediaType: type, digest: digestOf(bytes), size: size ?? bytes.length, annotations }],
    });
  }

  #put(mediaType: string, document: object): Manifest {
    const manifest = parseManifest(Buffer.from(JSON.stringify(document)), mediaType);
    this.#manifests.set(manifest.digest, manifest);
    return manifest;
  }
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* read(bytes: Buffer | undefined): AsyncIterable<Buffer> {
  if (bytes) yield bytes;
}

/** Attaches a bundle to an image in a registry, like cosign 3. */
export async function attachBundle(
  session: RepositorySession,
  digest: string,
  bundle: object,
): Promise<void> {
  const content = JSON.stringify(bundle);
  const [layer, config] = [await session.upload(content), await session.upload('{}')];
  const subject = await session.fetch('GET', `manifests/${digest}`, {
    headers: { accept: `${IMAGE}, ${INDEX}` },
  });
  const bytes = Buffer.from(await subject.arrayBuffer());
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE,
    artifactType: BUNDLE,
    config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: config, size: 2 },
    layers: [{ mediaType: BUNDLE, digest: layer, size: Buffer.byteLength(content) }],
    subject: { mediaType: subject.headers.get('content-type') ?? '', digest, size: bytes.length },
  });
  const answer = await session.put(digestOf(Buffer.from(manifest)), manifest);
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
}

/** The in-toto statement with which cosign 3 signs an image. */
export function statement(digest: string, predicateType = 'https://sigstore.dev/cosign/sign/v1'): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: digest.slice('sha256:'.length) } }],
    predicateType,
    predicate: {},
  };
}

/** A bundle signed with a key, as cosign 3 writes it: without log and certificate. */
export function keyBundle(payload: object, key: KeyObject, keyHint = ''): object {
  const type = 'application/vnd.in-toto+json';
  const body = Buffer.from(JSON.stringify(payload));
  // https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
  const encoded = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${body.length} `), body]);
  return {
    mediaType: BUNDLE,
    verificationMaterial: { publicKey: { hint: keyHint }, tlogEntries: [] },
    dsseEnvelope: {
      payload: body.toString('base64'),
      payloadType: type,
      signatures: [{ sig: signBytes('sha256', encoded, key).toString('base64') }],
    },
  };
}

/** The signed payload of cosign's older format. */
export function simplePayload(digest: string, type = 'cosign container image signature'): string {
  const identity = { 'docker-reference': 'registry.example/shop/app' };
  return JSON.stringify({
    critical: { identity, image: { 'docker-manifest-digest': digest }, type },
    optional: null,
  });
}

export function someDigest(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
