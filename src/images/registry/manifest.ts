import { sha256 } from '../../core/canonical.ts';
import { PlatformError } from '../../core/errors.ts';

/** A reference to a blob or to another manifest. `size` is in bytes. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string; variant?: string };
  annotations?: Record<string, string>;
  artifactType?: string;
  /** Other addresses of the content. */
  urls?: readonly string[];
}

/** A manifest with its original bytes, because serialising it again could change its digest. */
export interface RawManifest {
  bytes: Buffer;
  digest: string;
  mediaType: string;
}

export interface ImageManifest extends RawManifest {
  kind: 'image';
  config: Descriptor;
  layers: readonly Descriptor[];
}

/** One image for several platforms, or an image with its attestations. */
interface IndexManifest extends RawManifest {
  kind: 'index';
  children: readonly Descriptor[];
}

export type Manifest = ImageManifest | IndexManifest;

/** The media types of images and indexes, of OCI and of Docker. */
export const MEDIA_TYPES = {
  image: [
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.v2+json',
  ],
  index: [
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
  ],
} as const;

interface Document {
  mediaType?: unknown;
  config?: unknown;
  layers?: unknown;
  manifests?: unknown;
}

/**
 * Parses a manifest.
 *
 * @param mediaType from the registry or the descriptor. The media type in the document takes precedence.
 * @throws PlatformError with the reason.
 */
export function parseManifest(bytes: Buffer, mediaType: string | undefined): Manifest {
  const document: Document = parseJson(bytes, 'the manifest');
  const type = typeof document.mediaType === 'string' ? document.mediaType : (mediaType ?? guess(document));
  const raw = { bytes, digest: digestOf(bytes), mediaType: type };
  if (includes(MEDIA_TYPES.index, type)) {
    return { ...raw, kind: 'index', children: descriptors(document.manifests, 'manifests') };
  }
  if (!includes(MEDIA_TYPES.image, type)) throw invalid(`${type} is not the media type of an image`);
  const layers = descriptors(document.layers, 'layers');
  return { ...raw, kind: 'image', config: descriptor(document.config, 'config'), layers };
}

/** The distinct blobs that a registry must have for these manifests, without foreign layers. */
export function storedBlobs(manifests: readonly Manifest[]): Descriptor[] {
  const blobs = manifests.flatMap((manifest) =>
    manifest.kind === 'image' ? [manifest.config, ...manifest.layers] : [],
  );
  const stored = blobs.filter((blob) => !isForeign(blob));
  return [...new Map(stored.map((blob) => [blob.digest, blob])).values()];
}

/**
 * Whether clients download a layer from its URLs and not from the registry, as for Windows base images. skopeo skips
 * layers with URLs, crane skips layers of these types, and a registry requires layers without URLs.
 *
 * @see https://github.com/containers/image (copy/single.go, `AcceptsForeignLayerURLs() && len(srcLayer.URLs) != 0`)
 * @see https://github.com/google/go-containerregistry (pkg/v1/remote/pusher.go, `!mt.IsDistributable()`)
 * @see https://github.com/distribution/distribution (registry/storage/ocimanifesthandler.go, "If no URLs, require that the blob exists")
 */
function isForeign({ mediaType, urls = [] }: Descriptor): boolean {
  return /\.(?:foreign|nondistributable)\./.test(mediaType) && urls.length > 0;
}

/** Whether a child of an index is an attestation and not an image. */
export function isAttestation({ annotations, platform }: Descriptor): boolean {
  return annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' || platform?.os === 'unknown';
}

/** `linux/arm64/v8`; empty if the descriptor has no platform. */
export function platformOf({ platform }: Descriptor): string {
  if (!platform) return '';
  const { os, architecture, variant } = platform;
  return [os, architecture, variant].filter((part) => part !== undefined).join('/');
}

/** The CPU architecture in an image's config; undefined if there is none. */
export function architectureIn(config: Buffer): string | undefined {
  const { architecture } = parseJson(config, 'the image config') as { architecture?: unknown };
  return typeof architecture === 'string' && architecture !== '' ? architecture : undefined;
}

/**
 * Parses the config of an image.
 *
 * @throws PlatformError if it is not a JSON object.
 */
export function parseConfig(bytes: Buffer, digest: string): object {
  return parseJson(bytes, `the image config ${digest}`);
}

function parseJson(bytes: Buffer, what: string): object {
  try {
    const document: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof document === 'object' && document !== null && !Array.isArray(document)) return document;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalid(`${what} is not a JSON object`);
}

function guess(document: Document): string {
  return document.manifests === undefined ? MEDIA_TYPES.image[0] : MEDIA_TYPES.index[0];
}

function descriptors(value: unknown, where: string): Descriptor[] {
  if (!Array.isArray(value)) throw invalid(`the manifest has no ${where} list`);
  return value.map((item, index) => descriptor(item, `${where}[${index}]`));
}

function descriptor(value: unknown, where: string): Descriptor {
  const { digest, size, mediaType } = Object(value) as Record<string, unknown>;
  if (
    typeof digest === 'string' &&
    isDigest(digest) &&
    Number.isSafeInteger(size) &&
    (size as number) >= 0 &&
    typeof mediaType === 'string'
  ) {
    return value as Descriptor;
  }
  throw invalid(`${where} of the manifest is not a descriptor with mediaType, size and a sha256 digest`);
}

function invalid(message: string): PlatformError {
  return new PlatformError('image-invalid', message);
}

function includes(list: readonly string[], text: string): boolean {
  return list.includes(text);
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** The digest of these bytes in a registry: `sha256:` and 64 hexadecimal digits. */
export function digestOf(bytes: Buffer): string {
  return `sha256:${sha256(bytes)}`;
}

/** The digest of `repository@digest`, or the text itself if it is only a digest. */
export function digestOfReference(image: string): string {
  return image.slice(image.indexOf('@') + 1);
}

export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}
