import { CONFIG_TYPE, IMAGE_TYPE } from './registry.ts';
import type { RepositorySession } from './registry.ts';
import { sha256 } from './oci.ts';

const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
const LAYER_TYPE = 'application/vnd.oci.image.layer.v1.tar+gzip';
const IN_TOTO_TYPE = 'application/vnd.in-toto+json';

interface Pushed {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string };
  annotations?: Record<string, string>;
}

/** The parts of a multi-platform image as buildx pushes it: an index of images, each with its attestation. */
export interface MultiPlatformImage {
  /** Of the index. */
  digest: string;
  /** Of its images and attestations. */
  children: string[];
}

/** Pushes an index of two platforms with one own and one shared layer each, and with attestations. */
export async function pushMultiPlatform(
  session: RepositorySession,
  tag: string,
  layers: { shared: Buffer | string; own: (architecture: string) => Buffer | string } = {
    shared: `shared ${tag}`,
    own: (architecture) => `${architecture} ${tag}`,
  },
): Promise<MultiPlatformImage> {
  const images: Pushed[] = [];
  for (const architecture of ['amd64', 'arm64']) {
    const config = { os: 'linux', architecture };
    const image = await pushImage(session, config, [layers.shared, layers.own(architecture)]);
    images.push({ ...image, platform: config });
  }
  const attestations: Pushed[] = [];
  for (const image of images) {
    const statement = JSON.stringify({ _type: 'https://in-toto.io/Statement/v1', subject: image.digest });
    const unknown = { os: 'unknown', architecture: 'unknown' };
    const attestation = await pushImage(session, unknown, [statement], IN_TOTO_TYPE);
    const annotations = {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': image.digest,
    };
    attestations.push({ ...attestation, platform: unknown, annotations });
  }
  const manifests = [...images, ...attestations];
  // White space is part of the digest: serializing it again results in a different image.
  const index = JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests }, null, 3);
  await put(session, tag, index, INDEX_TYPE);
  return { digest: sha256(index), children: manifests.map(({ digest }) => digest) };
}

/** Pushes a manifest that refers to another one, like a signature or an SBOM. Returns its digest. */
export async function pushReferrer(
  session: RepositorySession,
  subject: string,
  content: string,
  tag?: string,
): Promise<string> {
  const empty = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: await session.upload('{}'),
    size: 2,
  };
  const layer = {
    mediaType: 'application/octet-stream',
    digest: await session.upload(content),
    size: Buffer.byteLength(content),
  };
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE_TYPE,
    artifactType: 'application/vnd.example.signature',
    config: empty,
    layers: [layer],
    // With cosign's tags, there is no subject.
    ...(tag === undefined && { subject: { mediaType: INDEX_TYPE, digest: subject, size: 1 } }),
  });
  await put(session, tag ?? sha256(manifest), manifest, IMAGE_TYPE);
  return sha256(manifest);
}

async function pushImage(
  session: RepositorySession,
  platform: { os: string; architecture: string },
  layers: readonly (Buffer | string)[],
  layerType = LAYER_TYPE,
): Promise<Pushed> {
  const descriptors: Pushed[] = [];
  for (const layer of layers) {
    const digest = await session.upload(Buffer.from(layer));
    descriptors.push({ mediaType: layerType, digest, size: Buffer.byteLength(layer) });
  }
  const diffIds = descriptors.map(({ digest }) => digest);
  const config = JSON.stringify({ ...platform, rootfs: { type: 'layers', diff_ids: diffIds } });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: await session.upload(config), size: Buffer.byteLength(config) },
    layers: descriptors,
  });
  await put(session, sha256(manifest), manifest, IMAGE_TYPE);
  return { mediaType: IMAGE_TYPE, digest: sha256(manifest), size: Buffer.byteLength(manifest) };
}

async function put(session: RepositorySession, tag: string, manifest: string, type: string): Promise<void> {
  const answer = await session.put(tag, manifest, type);
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
}
