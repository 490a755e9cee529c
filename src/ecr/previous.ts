import type { ECRClient, ImageDetail } from '@aws-sdk/client-ecr';
import { send } from '../aws/send.ts';
import type { Context } from '../runtime/context.ts';
import { readImage } from './image.ts';
import type { PlatformImage } from './image.ts';
import { MEDIA_TYPES } from './manifest.ts';
import type { RegistryClient } from './registry.ts';

export interface PreviousImage {
  digest: string;
  tags: readonly string[];
  platforms: readonly PlatformImage[];
}

const CONFIG_TYPES: readonly string[] = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];
const IMAGE_TYPES: readonly string[] = [...MEDIA_TYPES.image, ...MEDIA_TYPES.index];

/** The image that was pushed last, caches and artefacts aside; undefined when the repository has none. */
export async function previousImage(
  client: ECRClient,
  repositoryName: string,
  registry: RegistryClient,
  context: Pick<Context, 'signal'>,
): Promise<PreviousImage | undefined> {
  const { DescribeImagesCommand } = await import('@aws-sdk/client-ecr');
  let newest: ImageDetail | undefined;
  let nextToken: string | undefined;
  do {
    const command = new DescribeImagesCommand({
      repositoryName,
      filter: { tagStatus: 'TAGGED' },
      maxResults: 1000,
      nextToken,
    });
    const page = await send(client, command, context);
    for (const image of (page.imageDetails ?? []).filter(isRelease)) {
      if (pushedAt(image) >= pushedAt(newest)) newest = image;
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  const manifest =
    newest?.imageDigest === undefined ? undefined : await registry.manifest(newest.imageDigest);
  if (!manifest) return undefined;
  const tags = newest?.imageTags ?? [];
  return { digest: manifest.digest, tags, platforms: await readImage(registry, manifest) };
}

/** Not a build cache, a signature or another artefact: those have the manifest of an image, with another config. */
function isRelease(image: ImageDetail): boolean {
  const { imageManifestMediaType = '', artifactMediaType, imageTags = [] } = image;
  const isImage = artifactMediaType === undefined || CONFIG_TYPES.includes(artifactMediaType);
  const isCache = imageTags.every((tag) => tag.startsWith('cache-'));
  return IMAGE_TYPES.includes(imageManifestMediaType) && isImage && !isCache;
}

function pushedAt(image: ImageDetail | undefined): number {
  return image?.imagePushedAt?.getTime() ?? 0;
}
