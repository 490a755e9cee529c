import type { ImageIdentifier } from '@aws-sdk/client-ecr';
import { send } from '../../aws/send.ts';
import type { Context } from '../../core/context.ts';
import { PlatformError } from '../../core/errors.ts';
import type { RegistryClient } from './client.ts';
import {
  type ImageManifest,
  isAttestation,
  type Manifest,
  MEDIA_TYPES,
  parseConfig,
  parseManifest,
  platformOf,
} from './manifest.ts';
import { type ImageRepository, repositoryOf } from './repository.ts';

const IDS_A_CALL = 100;

/** A manifest and the tag by which it was requested. */
export interface FoundManifest {
  manifest: Manifest;
  tag: string | undefined;
}

/**
 * Reads manifests by digest or tag from ECR's API, byte for byte. Missing manifests are omitted. Each digest is verified.
 */
export async function readManifests(
  repository: ImageRepository,
  ids: readonly ImageIdentifier[],
  context: Pick<Context, 'signal'>,
): Promise<FoundManifest[]> {
  const { BatchGetImageCommand } = await import('@aws-sdk/client-ecr');
  const found: FoundManifest[] = [];
  for (let from = 0; from < ids.length; from += IDS_A_CALL) {
    const command = new BatchGetImageCommand({
      ...repositoryOf(repository),
      imageIds: ids.slice(from, from + IDS_A_CALL),
      acceptedMediaTypes: [...MEDIA_TYPES.image, ...MEDIA_TYPES.index],
    });
    const { images = [], failures = [] } = await send(repository.client, command, context);
    const broken = failures.find(({ failureCode }) => failureCode !== 'ImageNotFound');
    if (broken) {
      const { imageDigest, imageTag } = broken.imageId ?? {};
      const reason = broken.failureReason ?? broken.failureCode ?? 'no reason given';
      const image = imageTag ?? imageDigest ?? 'an image';
      throw new PlatformError('registry-rejected', `${repository.name} did not return ${image}: ${reason}`);
    }
    for (const { imageId = {}, imageManifest = '', imageManifestMediaType } of images) {
      const manifest = parseManifest(Buffer.from(imageManifest), imageManifestMediaType);
      if (imageId.imageDigest !== manifest.digest) {
        throw new PlatformError(
          'digest-mismatch',
          `${repository.name} returned a manifest for ${imageId.imageDigest ?? ''} with the digest ${manifest.digest}`,
        );
      }
      found.push({ manifest, tag: imageId.imageTag });
    }
  }
  return found;
}

/** One manifest by digest; undefined if it is not in the repository. */
export async function readManifest(
  repository: ImageRepository,
  digest: string,
  context: Pick<Context, 'signal'>,
): Promise<Manifest | undefined> {
  return (await readManifests(repository, [{ imageDigest: digest }], context))[0]?.manifest;
}

interface Layer {
  mediaType: string;
  digest: string;
  /** Compressed bytes. */
  size: number;
  /** The digest of the uncompressed layer; empty if the config does not have it. */
  diffId: string;
  /** The Dockerfile instruction that created it; empty if the config does not have it. */
  createdBy: string;
}

/** One platform of an image. */
export interface PlatformImage {
  /** `linux/amd64` */
  platform: string;
  digest: string;
  layers: readonly Layer[];
  /** Compressed bytes of all layers. */
  size: number;
}

interface Config {
  os?: string;
  architecture?: string;
  variant?: string;
  rootfs?: { diff_ids?: string[] };
  history?: { created_by?: string; empty_layer?: boolean }[];
}

/**
 * Reads the layers of each platform of an image over the registry protocol. The instructions of the layers are in the
 * configs, which are blobs, and ECR's API returns blobs only as a download URL. Attestations are ignored.
 */
export async function readImage(registry: RegistryClient, root: Manifest): Promise<PlatformImage[]> {
  if (root.kind === 'image') return [await platformImage(registry, root, '')];
  const images = root.children.filter((child) => !isAttestation(child));
  return Promise.all(
    images.map(async (child) => {
      const manifest = await registry.manifest(child.digest);
      if (manifest?.kind !== 'image')
        throw new PlatformError(
          'image-invalid',
          `the image ${child.digest} of the index ${root.digest} does not exist`,
        );
      return platformImage(registry, manifest, platformOf(child));
    }),
  );
}

async function platformImage(
  registry: RegistryClient,
  manifest: ImageManifest,
  platform: string,
): Promise<PlatformImage> {
  const { digest: configDigest } = manifest.config;
  const config: Config = parseConfig(await registry.blob(configDigest), configDigest);
  const steps = (config.history ?? []).filter((step) => step.empty_layer !== true);
  const layers = manifest.layers.map(({ mediaType, digest, size }, index) => ({
    mediaType,
    digest,
    size,
    diffId: config.rootfs?.diff_ids?.[index] ?? '',
    createdBy: steps[index]?.created_by ?? '',
  }));
  const own = [config.os, config.architecture, config.variant].filter(
    (part) => part !== undefined && part !== '',
  );
  return {
    platform: platform === '' ? own.join('/') : platform,
    digest: manifest.digest,
    layers,
    size: layers.reduce((sum, { size }) => sum + size, 0),
  };
}
