import { PlatformError } from '../../core/errors.ts';
import type { RegistryClient } from '../registry/client.ts';
import { digestOf, type Manifest, MEDIA_TYPES, type RawManifest } from '../registry/manifest.ts';

const [MANIFEST_TYPE] = MEDIA_TYPES.image;
const [INDEX_TYPE] = MEDIA_TYPES.index;
const EMPTY = { type: 'application/vnd.oci.empty.v1+json', content: Buffer.from('{}') };
/** Another job may write the same list concurrently. */
const ATTEMPTS = 4;

/** A Sigstore bundle to attach to an image. */
interface Artifact {
  type: string;
  content: Buffer;
  predicate: string;
}

/**
 * Attaches a bundle to an image like cosign 3: with a manifest whose `subject` is the image. In a registry without the
 * referrers API, clients maintain the list of referrers under a tag.
 *
 * @see https://github.com/sigstore/cosign/blob/main/pkg/oci/remote/write.go (WriteAttestationNewBundleFormat)
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests-with-subject
 */
export async function pushReferrer(
  registry: RegistryClient,
  subject: Manifest,
  { type, content, predicate }: Artifact,
): Promise<void> {
  for (const bytes of [content, EMPTY.content]) {
    if (!(await registry.hasBlob(digestOf(bytes), bytes.length))) await registry.upload(blobOf(bytes));
  }
  const annotations = {
    'org.opencontainers.image.created': new Date().toISOString(),
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': predicate,
  };
  const manifest = rawManifest(MANIFEST_TYPE, {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: type,
    config: descriptor(EMPTY.type, EMPTY.content),
    layers: [descriptor(type, content)],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.bytes.length },
    annotations,
  });
  await registry.putManifest(manifest.digest, manifest);
  const listed = { ...descriptor(MANIFEST_TYPE, manifest.bytes), artifactType: type, annotations };
  await listReferrer(registry, subject.digest, listed);
}

/** Adds a manifest to the list under the tag of its subject, if the registry does not have the referrers API. */
async function listReferrer(
  registry: RegistryClient,
  subject: string,
  listed: { digest: string },
): Promise<void> {
  const tag = subject.replace(':', '-');
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const list = await registry.referrers(subject);
    if (list.some(({ digest }) => digest === listed.digest)) return;
    const present = await registry.manifest(tag);
    if (present && (present.kind !== 'index' || present.digest === subject)) {
      throw new PlatformError(
        'conflict',
        `The tag ${tag} is reserved for the list of signatures, but is an image`,
      );
    }
    const index = rawManifest(INDEX_TYPE, {
      schemaVersion: 2,
      mediaType: INDEX_TYPE,
      manifests: [...(present?.children ?? []), listed],
    });
    await registry.putManifest(tag, index);
  }
  throw new PlatformError(
    'conflict',
    `The registry does not list the signature ${listed.digest} of ${subject}`,
    {
      fix: 'Make tags that begin with sha256- mutable in the repository, as build-push-image does with create-repository: true.',
    },
  );
}

function rawManifest(mediaType: string, document: object): RawManifest {
  const bytes = Buffer.from(JSON.stringify(document));
  return { bytes, digest: digestOf(bytes), mediaType };
}

function descriptor(mediaType: string, content: Buffer): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest: digestOf(content), size: content.length };
}

function blobOf(bytes: Buffer) {
  // eslint-disable-next-line @typescript-eslint/require-await
  const open = async function* () {
    yield bytes;
  };
  return { digest: digestOf(bytes), size: bytes.length, open };
}
