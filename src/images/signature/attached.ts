import { inParallel } from '../../core/concurrency.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { bytes, shortDigest } from '../../core/text.ts';
import type { ImageStore } from '../registry/copy/store.ts';
import { type Descriptor, digestOf, type Manifest } from '../registry/manifest.ts';

/**
 * Signatures that are attached to an image, in the formats that tools write to registries:
 * - a Sigstore bundle that refers to the image, of cosign 3 and of actions/attest with `push-to-registry`
 *   (https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md);
 * - the same in an index under the tag `sha256-…`, if actions/attest pushes without `subject`, as it does for ECR
 *   (https://github.com/sigstore/sigstore-js/blob/main/packages/oci/src/image.ts, DOWNGRADE_REGISTRIES);
 * - cosign's older tag `sha256-….sig`, whose layers are payloads with the signature in their annotations
 *   (https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md).
 */
export type AttachedSignature = {
  /** The digest of its manifest, for messages. */
  name: string;
} & (
  | { form: 'bundle'; bytes: Buffer }
  | { form: 'simple-signing'; payload: Buffer; annotations: Readonly<Record<string, string>> }
  | { form: 'unreadable'; reason: string }
);

const BUNDLE = 'application/vnd.dev.sigstore.bundle';
const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json';
/** An attestation may contain a complete bill of materials. */
const LARGEST_BYTES = 32 * 1024 * 1024;
/** Much more than the attachments of any release. */
const MOST_MANIFESTS = 200;
const READS_AT_ONCE = 8;

/** All signatures that are attached to an image. Unreadable ones are included with the reason. */
export async function attachedSignatures(store: ImageStore, digest: string): Promise<AttachedSignature[]> {
  const tag = digest.replace(':', '-');
  const [referring, index, tagged] = await Promise.all([
    store.referrers(digest),
    store.manifests([{ imageTag: tag }]),
    readSignatures(store, { imageTag: `${tag}.sig` }),
  ]);
  const listed = index.flatMap(({ manifest }) =>
    manifest.kind === 'index' ? manifest.children.map((child) => child.digest) : [],
  );
  const digests = [...new Set([...referring.map((one) => one.digest), ...listed])].slice(0, MOST_MANIFESTS);
  const found = [tagged];
  await inParallel(digests, READS_AT_ONCE, async (imageDigest) => {
    found.push(await readSignatures(store, { imageDigest }));
  });
  return found.flat();
}

async function readSignatures(
  store: ImageStore,
  id: { imageDigest: string } | { imageTag: string },
): Promise<AttachedSignature[]> {
  try {
    const [found] = await store.manifests([id]);
    return found ? await signaturesIn(store, found.manifest) : [];
  } catch (error) {
    // Anything can refer to the image. A damaged manifest is not a valid signature.
    if (!(error instanceof PlatformError) || !UNREADABLE.includes(error.code)) throw error;
    const name = 'imageTag' in id ? id.imageTag : shortDigest(id.imageDigest);
    return [{ name, form: 'unreadable', reason: reasonOf(error) }];
  }
}

const UNREADABLE: readonly string[] = ['image-invalid', 'digest-mismatch'];

async function signaturesIn(store: ImageStore, manifest: Manifest): Promise<AttachedSignature[]> {
  if (manifest.kind !== 'image') return [];
  const name = shortDigest(manifest.digest);
  const layers = manifest.layers.filter(
    ({ mediaType }) => mediaType.startsWith(BUNDLE) || mediaType === SIMPLE_SIGNING,
  );
  const signatures: AttachedSignature[] = [];
  for (const layer of layers) {
    if (layer.size > LARGEST_BYTES) {
      const reason = `its size of ${bytes(layer.size)} exceeds the limit of ${bytes(LARGEST_BYTES)}`;
      signatures.push({ name, form: 'unreadable', reason });
      continue;
    }
    const content = await readBlob(store, layer);
    signatures.push(
      layer.mediaType === SIMPLE_SIGNING
        ? { name, form: 'simple-signing', payload: content, annotations: layer.annotations ?? {} }
        : { name, form: 'bundle', bytes: content },
    );
  }
  return signatures;
}

async function readBlob(store: ImageStore, blob: Descriptor): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of store.blobReader(blob)()) {
    size += chunk.length;
    if (size > blob.size) break;
    chunks.push(chunk);
  }
  const content = Buffer.concat(chunks);
  if (size === blob.size && digestOf(content) === blob.digest) return content;
  throw new PlatformError(
    'digest-mismatch',
    `${store.name} returned different bytes for the blob ${blob.digest}`,
  );
}
