import type { World } from '../world.ts';
import { digestOf } from './blobs.ts';
import { readManifest } from './manifests.ts';
import { registryOf, repositoryOf } from './registry.ts';

const OCI = 'application/vnd.oci.image';

/**
 * Pushes an image without layers as a placeholder for one that was never built. The same name always results in the
 * same digest.
 *
 * @returns the image as a task definition names it, `repository@digest`.
 * @throws AwsError when the repository does not exist.
 */
export async function pushPlaceholder(
  world: World,
  place: { account: string; region: string; repository: string },
  name: string,
): Promise<string> {
  const repository = repositoryOf(world, place.account, place.region, place.repository);
  const registry = registryOf(world);
  const { config, bytes } = placeholder(name);
  const manifest = readManifest(bytes, undefined);
  if (!repository.manifests.has(manifest.digest)) {
    repository.blobs.add(await registry.blobs.write(config));
    repository.put(manifest, undefined);
  }
  return `${registry.uriOf(repository)}@${manifest.digest}`;
}

/** The digest of the image that `pushPlaceholder` pushes for a name. */
export function placeholderDigest(name: string): string {
  return digestOf(placeholder(name).bytes);
}

/** @see https://github.com/opencontainers/image-spec/blob/main/manifest.md */
function placeholder(name: string): { config: Buffer; bytes: Buffer } {
  const config = Buffer.from(
    JSON.stringify({
      os: 'linux',
      architecture: 'arm64',
      config: { Labels: { 'org.opencontainers.image.title': name } },
      rootfs: { type: 'layers', diff_ids: [] },
    }),
  );
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      config: { mediaType: `${OCI}.config.v1+json`, digest: digestOf(config), size: config.length },
      layers: [],
    }),
  );
  return { config, bytes };
}
