import { isAttestation, platformOf } from './manifest.ts';
import type { ImageManifest, Manifest } from './manifest.ts';
import type { RegistryClient } from './registry.ts';

export interface Layer {
  mediaType: string;
  digest: string;
  /** Compressed bytes. */
  size: number;
  /** Of the uncompressed layer; empty when the config does not say. */
  diffId: string;
  /** The instruction that made it; empty when nobody says. */
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

/** What an image in the repository consists of, platform by platform; attestations are no platform. */
export async function readImage(registry: RegistryClient, root: Manifest): Promise<PlatformImage[]> {
  if (root.kind === 'image') return [await platformImage(registry, root, '')];
  const images = root.children.filter((child) => !isAttestation(child));
  return Promise.all(
    images.map(async (child) => {
      const manifest = await registry.manifest(child.digest);
      if (manifest?.kind !== 'image')
        throw new Error(`the index ${root.digest} lacks its image ${child.digest}`);
      return platformImage(registry, manifest, platformOf(child));
    }),
  );
}

async function platformImage(
  registry: RegistryClient,
  manifest: ImageManifest,
  platform: string,
): Promise<PlatformImage> {
  const config = Object(JSON.parse((await registry.blob(manifest.config.digest)).toString('utf8'))) as Config;
  const made = (config.history ?? []).filter((step) => step.empty_layer !== true);
  const layers = manifest.layers.map(({ mediaType, digest, size }, index) => ({
    mediaType,
    digest,
    size,
    diffId: config.rootfs?.diff_ids?.[index] ?? '',
    createdBy: made[index]?.created_by ?? '',
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
