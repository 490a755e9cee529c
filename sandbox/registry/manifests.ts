import { AwsError } from '../protocols/service.ts';
import { digestOf } from './blobs.ts';

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  artifactType?: string;
  urls?: string[];
}

/** An image, an image index, or another artifact, as pushed. */
export interface Manifest {
  /** Byte for byte. */
  bytes: Buffer;
  digest: string;
  mediaType: string;
  config: Descriptor | undefined;
  layers: readonly Descriptor[];
  /** The manifests of an index. */
  children: readonly Descriptor[];
  /** The manifest that it refers to. */
  subject: string | undefined;
  artifactType: string | undefined;
  annotations: Readonly<Record<string, string>>;
  pushedAt: Date;
}

const INDEXES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const IMAGES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
/** All media types of manifests. */
export const MANIFEST_TYPES: readonly string[] = [...INDEXES, ...IMAGES];
const IMAGE_CONFIGS = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

interface Document {
  mediaType?: string;
  config?: Descriptor;
  layers?: Descriptor[];
  manifests?: Descriptor[];
  subject?: Descriptor;
  artifactType?: string;
  annotations?: Record<string, string>;
}

/** Parses a manifest. Throws InvalidParameterException for an invalid text or media type. */
export function readManifest(bytes: Buffer, contentType: string | undefined): Manifest {
  const document = parse(bytes);
  const mediaType = contentType ?? document.mediaType ?? '';
  if (!MANIFEST_TYPES.includes(mediaType)) throw invalid(`the media type ${mediaType} is not supported`);
  if (document.mediaType !== undefined && document.mediaType !== mediaType) {
    throw invalid(`its mediaType is ${document.mediaType}, not ${mediaType}`);
  }
  const { config, layers = [], manifests = [], subject, artifactType, annotations = {} } = document;
  return {
    bytes,
    digest: digestOf(bytes),
    mediaType,
    config,
    layers,
    children: manifests,
    subject: subject?.digest,
    artifactType: artifactType ?? config?.mediaType,
    annotations,
    pushedAt: new Date(),
  };
}

export function isIndex(manifest: Manifest): boolean {
  return INDEXES.includes(manifest.mediaType);
}

/** A runnable image, in contrast to an attestation, a signature or a build cache. */
export function isRunnable(manifest: Manifest): boolean {
  const layersRun = manifest.layers.every(({ mediaType }) => !mediaType.includes('in-toto'));
  return IMAGE_CONFIGS.includes(manifest.config?.mediaType ?? '') && layersRun;
}

/**
 * Every blob that the registry must have. Clients download foreign layers from their URLs.
 *
 * @see https://github.com/distribution/distribution/blob/main/registry/storage/ocimanifesthandler.go (verifyManifest)
 */
export function blobsOf({ config, layers }: Manifest): Descriptor[] {
  const stored = layers.filter(
    ({ mediaType, urls = [] }) => urls.length === 0 || !/\.(foreign|nondistributable)\./.test(mediaType),
  );
  return config ? [config, ...stored] : stored;
}

function parse(bytes: Buffer): Document {
  try {
    const document: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof document === 'object' && document !== null) return document;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalid('it is not a JSON object');
}

function invalid(why: string): AwsError {
  const message = `Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax': ${why}`;
  return new AwsError('InvalidParameterException', message);
}
