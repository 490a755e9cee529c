import { awsNameOf } from '../../../aws/errors.ts';
import { send } from '../../../aws/send.ts';
import type { Context } from '../../../core/context.ts';
import { download } from '../http.ts';
import { layerDownloadUrl } from '../layer-download.ts';
import type { Descriptor } from '../manifest.ts';
import { readManifests } from '../manifest-reader.ts';
import { type ImageRepository, registryUri, repositoryOf } from '../repository.ts';
import { openEcrRegistry } from '../open.ts';
import type { ImageStore } from './store.ts';

const DIGESTS_A_CALL = 100;

/** A repository through ECR's API, which accepts a hundred digests in one call. */
export function ecrStore(
  repository: ImageRepository,
  context: Pick<Context, 'clock' | 'signal' | 'log'>,
): ImageStore {
  const { name, uri } = repository;
  return {
    name,
    uri,
    registryUri: registryUri(repository),
    manifests: (ids) => readManifests(repository, ids, context),
    referrers: (digest) => listReferrers(repository, digest, context),
    listsReferrers: () => Promise.resolve(true),
    missingBlobs: (blobs) => findMissingBlobs(repository, blobs, context),
    blobReader: (blob) => blobReader(repository, blob, context),
    putManifest: async (manifest, tag) => {
      const { PutImageCommand } = await import('@aws-sdk/client-ecr');
      const command = new PutImageCommand({
        ...repositoryOf(repository),
        imageManifest: manifest.bytes.toString('utf8'),
        imageManifestMediaType: manifest.mediaType,
        imageDigest: manifest.digest,
        ...(tag !== undefined && { imageTag: tag }),
      });
      try {
        await send(repository.client, command, context);
      } catch (error) {
        if (awsNameOf(error) !== 'ImageAlreadyExistsException') throw error;
      }
    },
    registry: () => openEcrRegistry(repository, context),
  };
}

/**
 * The first download URL is requested while the upload starts. URLs are short-lived, so each retry requests a new one.
 */
function blobReader(
  repository: ImageRepository,
  { digest, size }: Descriptor,
  context: Pick<Context, 'signal'>,
): () => AsyncIterable<Buffer> {
  let first: Promise<URL> | undefined = layerDownloadUrl(repository, digest, context);
  first.catch(() => undefined);
  return async function* () {
    const url = first ?? layerDownloadUrl(repository, digest, context);
    first = undefined;
    yield* download(await url, size, context.signal);
  };
}

async function findMissingBlobs(
  repository: ImageRepository,
  blobs: readonly Descriptor[],
  context: Pick<Context, 'signal'>,
): Promise<Descriptor[]> {
  const { BatchCheckLayerAvailabilityCommand } = await import('@aws-sdk/client-ecr');
  const available = new Set<string>();
  for (let from = 0; from < blobs.length; from += DIGESTS_A_CALL) {
    const layerDigests = blobs.slice(from, from + DIGESTS_A_CALL).map(({ digest }) => digest);
    const command = new BatchCheckLayerAvailabilityCommand({ ...repositoryOf(repository), layerDigests });
    const { layers = [] } = await send(repository.client, command, context);
    for (const { layerDigest, layerAvailability } of layers) {
      if (layerAvailability === 'AVAILABLE' && layerDigest !== undefined) available.add(layerDigest);
    }
  }
  return blobs.filter(({ digest }) => !available.has(digest));
}

async function listReferrers(
  repository: ImageRepository,
  digest: string,
  context: Pick<Context, 'signal'>,
): Promise<Descriptor[]> {
  const { ListImageReferrersCommand } = await import('@aws-sdk/client-ecr');
  const found: Descriptor[] = [];
  let nextToken: string | undefined;
  do {
    const subjectId = { imageDigest: digest };
    const command = new ListImageReferrersCommand({
      ...repositoryOf(repository),
      subjectId,
      maxResults: 50,
      nextToken,
    });
    const page = await send(repository.client, command, context);
    for (const {
      digest: referrer = '',
      mediaType = '',
      size = 0,
      artifactType,
      annotations,
    } of page.referrers ?? []) {
      const optional = {
        ...(artifactType !== undefined && { artifactType }),
        ...(annotations && { annotations }),
      };
      found.push({ digest: referrer, mediaType, size, ...optional });
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  return found;
}
