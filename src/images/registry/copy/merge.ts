import { canonicalJson } from '../../../core/canonical.ts';
import {
  type Descriptor,
  digestOf,
  type ImageManifest,
  type Manifest,
  MEDIA_TYPES,
  parseManifest,
} from '../manifest.ts';

/** The limit of cosign: in a longer list, no signature could be read (pkg/oci/remote/signatures.go, maxLayers). */
const MOST_SIGNATURES = 1000;
const EPOCH = '0001-01-01T00:00:00Z';
const IMAGE_CONFIGS = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

/** The result of merging a tag: already complete, a new manifest, or a conflict. */
export type Merge =
  | { kind: 'present' }
  | { kind: 'put'; manifest: Manifest; added: number; kept: number; config?: Buffer }
  | { kind: 'conflict'; why: string };

/**
 * Merges the content of a cosign tag in the source into the same tag in the target, so that nothing in the target is lost.
 * cosign appends each signature and attestation as a layer. An SBOM must be the only layer ("expected exactly one layer in
 * attachment").
 *
 * @param theirs undefined if the tag does not exist in the target.
 * @see https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
 */
export function mergeTagged(tag: string, ours: Manifest, theirs: Manifest | undefined): Merge {
  if (!theirs) return { kind: 'put', manifest: ours, added: entriesOf(ours).length, kept: 0 };
  const added = missingFrom(theirs, ours);
  if (added.length === 0) return { kind: 'present' };
  if (missingFrom(ours, theirs).length === 0) {
    return { kind: 'put', manifest: ours, added: added.length, kept: entriesOf(theirs).length };
  }
  if (tag.endsWith('.sbom')) return { kind: 'conflict', why: 'has another SBOM' };
  if (!isListOfSignatures(ours) || !isListOfSignatures(theirs)) {
    return { kind: 'conflict', why: 'has content that cannot be merged' };
  }
  if (theirs.layers.length + added.length > MOST_SIGNATURES) {
    return { kind: 'conflict', why: `would have more than ${MOST_SIGNATURES} signatures` };
  }
  return { kind: 'put', ...appendLayers(theirs, added), added: added.length, kept: theirs.layers.length };
}

/**
 * Adds descriptors to the list of an image's referrers, which clients maintain under a tag in registries without the
 * referrers API: "If that pull returns a manifest other than the expected image index, the client SHOULD report a failure
 * and skip the remaining steps. If the tag returns a 404, the client MUST begin with an empty image index."
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests-with-subject
 */
export function mergeReferrers(
  subject: string,
  ours: readonly Descriptor[],
  theirs: Manifest | undefined,
): Merge {
  const listed = theirs?.kind === 'index' ? theirs.children : [];
  const added = ours.filter(({ digest }) => !listed.some((known) => known.digest === digest));
  if (theirs && (theirs.kind !== 'index' || theirs.digest === subject)) {
    return { kind: 'conflict', why: 'is not a list of referrers' };
  }
  if (added.length === 0) return { kind: 'present' };
  const [mediaType] = MEDIA_TYPES.index;
  const document = theirs ? documentOf(theirs) : { schemaVersion: 2, mediaType };
  const bytes = Buffer.from(JSON.stringify({ ...document, manifests: [...listed, ...added] }));
  return { kind: 'put', manifest: parseManifest(bytes, mediaType), added: added.length, kept: listed.length };
}

/** The entries of the second manifest that are not in the first one. */
function missingFrom(present: Manifest, wanted: Manifest): Descriptor[] {
  const known = new Set(entriesOf(present).map((entry) => keyOf(present, entry)));
  return entriesOf(wanted).filter((entry) => !known.has(keyOf(wanted, entry)));
}

function entriesOf(manifest: Manifest): readonly Descriptor[] {
  return manifest.kind === 'image' ? manifest.layers : manifest.children;
}

/** The signatures of two keys may have the same payload. They differ in the annotations. */
function keyOf({ kind }: Manifest, { mediaType, digest, annotations = {} }: Descriptor): string {
  return canonicalJson({ kind, mediaType, digest, annotations });
}

function isListOfSignatures(manifest: Manifest): manifest is ImageManifest {
  return manifest.kind === 'image' && IMAGE_CONFIGS.includes(manifest.config.mediaType);
}

/** The manifest with additional layers, and its config with the digest of each layer. cosign does not compress layers. */
function appendLayers(
  theirs: ImageManifest,
  added: readonly Descriptor[],
): { manifest: Manifest; config: Buffer } {
  const layers = [...theirs.layers, ...added];
  const config = Buffer.from(
    JSON.stringify({
      architecture: '',
      created: EPOCH,
      history: layers.map(() => ({ created: EPOCH })),
      os: '',
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
      config: {},
    }),
  );
  const { mediaType } = theirs.config;
  const descriptor = { mediaType, size: config.length, digest: digestOf(config) };
  const bytes = Buffer.from(JSON.stringify({ ...documentOf(theirs), config: descriptor, layers }));
  return { manifest: parseManifest(bytes, theirs.mediaType), config };
}

function documentOf({ bytes }: Manifest): object {
  return JSON.parse(bytes.toString('utf8')) as object;
}
