import type { ImageIdentifier } from '@aws-sdk/client-ecr';
import { send } from '../aws/send.ts';
import { repositoryOf } from './copy-place.ts';
import type { CopyContext, ImagePlace } from './copy-place.ts';
import { MEDIA_TYPES, parseManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { DigestMismatchError } from './registry.ts';

const IDS_A_CALL = 100;

/** A manifest as the repository has it, and the tag that it was asked for by. */
export interface FoundManifest {
  manifest: Manifest;
  tag: string | undefined;
}

/**
 * Reads manifests by digest or tag, byte for byte; those that are not there are left out. Each digest is computed
 * from the bytes, not believed.
 */
export async function readManifests(
  place: ImagePlace,
  ids: readonly ImageIdentifier[],
  context: CopyContext,
): Promise<FoundManifest[]> {
  const { BatchGetImageCommand } = await import('@aws-sdk/client-ecr');
  const found: FoundManifest[] = [];
  for (let from = 0; from < ids.length; from += IDS_A_CALL) {
    const command = new BatchGetImageCommand({
      ...repositoryOf(place),
      imageIds: ids.slice(from, from + IDS_A_CALL),
      acceptedMediaTypes: [...MEDIA_TYPES.image, ...MEDIA_TYPES.index],
    });
    const { images = [], failures = [] } = await send(place.client, command, context);
    const broken = failures.find(({ failureCode }) => failureCode !== 'ImageNotFound');
    if (broken) {
      const { imageDigest, imageTag } = broken.imageId ?? {};
      const reason = broken.failureReason ?? broken.failureCode ?? 'no reason given';
      throw new Error(`${place.name} does not give ${imageTag ?? imageDigest ?? 'an image'}: ${reason}`);
    }
    for (const { imageId = {}, imageManifest = '', imageManifestMediaType } of images) {
      const manifest = parseManifest(Buffer.from(imageManifest), imageManifestMediaType);
      if (imageId.imageDigest !== manifest.digest) {
        throw new DigestMismatchError(
          `${place.name} gave a manifest for ${imageId.imageDigest ?? ''} that has the digest ${manifest.digest}`,
        );
      }
      found.push({ manifest, tag: imageId.imageTag });
    }
  }
  return found;
}

/** One manifest by digest; undefined when the repository does not have it. */
export async function readManifestOf(
  place: ImagePlace,
  digest: string,
  context: CopyContext,
): Promise<Manifest | undefined> {
  return (await readManifests(place, [{ imageDigest: digest }], context))[0]?.manifest;
}

/** A manifest and everything below it, each after what it names: the order in which a registry takes them. */
export async function withChildren(
  place: ImagePlace,
  root: Manifest,
  context: CopyContext,
): Promise<Manifest[]> {
  if (root.kind === 'image') return [root];
  const wanted = [...new Set(root.children.map(({ digest }) => digest))];
  const ids = wanted.map((imageDigest) => ({ imageDigest }));
  const children = (await readManifests(place, ids, context)).map(({ manifest }) => manifest);
  const missing = wanted.find((digest) => !children.some((child) => child.digest === digest));
  if (missing !== undefined) throw new Error(`${place.name} lacks ${missing}, a part of ${root.digest}`);
  const below = await Promise.all(children.map((child) => withChildren(place, child, context)));
  return [...below.flat(), root];
}

/** Puts a manifest, exactly as it is, and a tag on it. One that is there already is fine. */
export async function putManifestTo(
  place: ImagePlace,
  manifest: Manifest,
  tag: string | undefined,
  context: CopyContext,
): Promise<void> {
  const { PutImageCommand } = await import('@aws-sdk/client-ecr');
  const command = new PutImageCommand({
    ...repositoryOf(place),
    imageManifest: manifest.bytes.toString('utf8'),
    imageManifestMediaType: manifest.mediaType,
    imageDigest: manifest.digest,
    ...(tag !== undefined && { imageTag: tag }),
  });
  try {
    await send(place.client, command, context);
  } catch (error) {
    if ((error as Error).name !== 'ImageAlreadyExistsException') throw error;
  }
}
