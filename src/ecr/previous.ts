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

const IMAGE_TYPES: readonly string[] = [...MEDIA_TYPES.image, ...MEDIA_TYPES.index];

/** The image that was pushed last, build caches aside; undefined when the repository has none. */
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

function isRelease({ imageManifestMediaType = '', imageTags = [] }: ImageDetail): boolean {
  return IMAGE_TYPES.includes(imageManifestMediaType) && !imageTags.every((tag) => tag.startsWith('cache-'));
}

function pushedAt(image: ImageDetail | undefined): number {
  return image?.imagePushedAt?.getTime() ?? 0;
}
