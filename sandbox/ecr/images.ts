import { AwsError, type Input, listOf, paginate, textOf } from '../protocols/service.ts';
import { putOrLie, readOrLie } from '../registry/lies.ts';
import { blobsOf, isIndex, type Manifest, MANIFEST_TYPES, readManifest } from '../registry/manifests.ts';
import { type ImageRepository, referrers, type ScanState } from '../registry/repository.ts';
import { isLeftToInspector, scanOnPush, startScan } from '../registry/scans.ts';
import type { World } from '../world.ts';
import {
  type EcrOperation,
  invalidParameter,
  pageOf,
  repositoryOfCall,
  repositoryReference,
} from './call.ts';

const MAX_IDS = 100;

interface ImageId {
  imageTag?: string;
  imageDigest?: string;
}

export const IMAGE_OPERATIONS: Record<string, EcrOperation> = {
  async BatchGetImage(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const found = await Promise.all(
      imageIds(input).map(async (id) => [id, await read(world, repository, id)] as const),
    );
    return {
      images: found.flatMap(([id, manifest]) => (manifest ? [image(repository, manifest, id.imageTag)] : [])),
      failures: found.flatMap(([id, manifest]) => (manifest ? [] : [missing(id)])),
    };
  },

  PutImage(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const bytes = Buffer.from(textOf(input.imageManifest) ?? '');
    const manifest = readManifest(bytes, textOf(input.imageManifestMediaType));
    const [tag, digest] = [textOf(input.imageTag), textOf(input.imageDigest)];
    if (digest !== undefined && digest !== manifest.digest) {
      const message = `The digest ${digest} does not match the digest of the manifest, ${manifest.digest}`;
      throw new AwsError('ImageDigestDoesNotMatchException', message);
    }
    putOrLie(world, repository, tag ?? manifest.digest, () => {
      repository.put(manifest, tag);
    });
    scanOnPush(world, repository, manifest);
    return { image: image(repository, manifest, tag) };
  },

  DescribeImages(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const ids = imageIds(input);
    if (ids.length > 0 && input.maxResults !== undefined) {
      // "This option cannot be used when you specify images with imageIds."
      throw invalidParameter('maxResults', 'cannot be used with imageIds');
    }
    const found =
      ids.length > 0 ? ids.map((id) => existing(repository, id)) : [...repository.manifests.values()];
    const all = found
      .map((manifest) => detail(repository, manifest))
      .filter(({ imageTags }) => isWanted(input, imageTags !== undefined));
    const { items, nextToken } = pageOf(all, input);
    return { imageDetails: items, nextToken };
  },

  ListImages(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const all = [...repository.manifests.keys()].flatMap((imageDigest): ImageId[] => {
      const tags = repository.tagsOf(imageDigest);
      return tags.length === 0 ? [{ imageDigest }] : tags.map((imageTag) => ({ imageDigest, imageTag }));
    });
    const { items, nextToken } = pageOf(
      all.filter(({ imageTag }) => isWanted(input, imageTag !== undefined)),
      input,
    );
    return { imageIds: items, nextToken };
  },

  BatchDeleteImage(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const results = imageIds(input).map((id) => {
      const removed = repository.remove({ tag: id.imageTag, digest: id.imageDigest });
      return { id, removed };
    });
    return {
      imageIds: results.filter(({ removed }) => removed).map(({ id }) => id),
      failures: results.filter(({ removed }) => !removed).map(({ id }) => missing(id)),
    };
  },

  ListImageReferrers(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const { imageDigest = '' } = (input.subjectId ?? {}) as ImageId;
    const { artifactTypes = [] } = (input.filter ?? {}) as { artifactTypes?: string[] };
    const all = referrers(repository, imageDigest).filter(
      ({ artifactType = '' }) => artifactTypes.length === 0 || artifactTypes.includes(artifactType),
    );
    // "This value can be between 1 and 50. If this parameter is not used, then ListImageReferrers returns up to 20 results".
    const request = { token: input.nextToken, limit: input.maxResults, most: 50, usual: 20 };
    const { items, nextToken } = paginate(all, request);
    return { referrers: items.map((found) => ({ ...found, artifactStatus: 'ACTIVE' })), nextToken };
  },
};

/** Whether the filter of a listing includes an image with or without a tag. */
function isWanted({ filter }: Input, isTagged: boolean): boolean {
  const { tagStatus = 'ANY' } = (filter ?? {}) as { tagStatus?: string };
  return tagStatus === 'ANY' || (tagStatus === 'TAGGED') === isTagged;
}

/** An image by tag and digest. Throws ImageNotFoundException. */
function existing(repository: ImageRepository, id: ImageId): Manifest {
  const manifest = select(repository, id);
  if (manifest) return manifest;
  const imageId = `{imageDigest:'${id.imageDigest ?? 'null'}', imageTag:'${id.imageTag ?? 'null'}'}`;
  const message = `The image with imageId ${imageId} does not exist within the repository with name '${repository.name}' in the registry with id '${repository.account}'`;
  throw new AwsError('ImageNotFoundException', message);
}

function imageIds(input: Input): ImageId[] {
  const ids = listOf(input.imageIds) as ImageId[];
  if (ids.length > MAX_IDS) throw invalidParameter('imageIds', `at most ${MAX_IDS}`);
  return ids;
}

function select(repository: ImageRepository, { imageTag, imageDigest }: ImageId): Manifest | undefined {
  const manifest = repository.find(imageTag ?? imageDigest ?? '');
  return imageDigest === undefined || manifest?.digest === imageDigest ? manifest : undefined;
}

/** Like `select`, but as a client reads it: from another registry if the scenario names one. */
async function read(
  world: World,
  repository: ImageRepository,
  { imageTag, imageDigest }: ImageId,
): Promise<Manifest | undefined> {
  const reference = imageTag ?? imageDigest ?? '';
  const registry = world.scenario.ecr?.registry;
  const manifest =
    registry === undefined
      ? readOrLie(world, repository, reference)
      : await readElsewhere(registry, repository, reference);
  return imageDigest === undefined || manifest?.digest === imageDigest ? manifest : undefined;
}

async function readElsewhere(
  registry: string,
  { account, region, name }: ImageRepository,
  reference: string,
): Promise<Manifest | undefined> {
  const url = `${registry}/v2/${account}/${region}/${name}/manifests/${reference}`;
  const answer = await fetch(url, { headers: { accept: MANIFEST_TYPES.join(', ') } });
  if (answer.status === 404) return undefined;
  if (!answer.ok) throw new AwsError('ServerException', `${url} answered ${answer.status}`, 500);
  return readManifest(
    Buffer.from(await answer.arrayBuffer()),
    answer.headers.get('content-type') ?? undefined,
  );
}

function image(repository: ImageRepository, manifest: Manifest, tag: string | undefined): object {
  return {
    ...repositoryReference(repository),
    imageId: { imageDigest: manifest.digest, imageTag: tag },
    imageManifest: manifest.bytes.toString('utf8'),
    imageManifestMediaType: manifest.mediaType,
  };
}

function missing(imageId: ImageId): object {
  return { imageId, failureCode: 'ImageNotFound', failureReason: 'Requested image not found' };
}

function detail(repository: ImageRepository, manifest: Manifest) {
  const tags = repository.tagsOf(manifest.digest);
  const sizes = blobsOf(manifest).map(({ size }) => size);
  const scan = repository.scans.get(manifest.digest);
  return {
    ...repositoryReference(repository),
    imageDigest: manifest.digest,
    imageTags: tags.length > 0 ? tags : undefined,
    // ECR returns no size for an index.
    imageSizeInBytes: isIndex(manifest) ? undefined : sizes.reduce((sum, size) => sum + size, 0),
    imagePushedAt: manifest.pushedAt,
    imageScanStatus: scan && { status: scan.status, description: scan.description },
    imageManifestMediaType: manifest.mediaType,
    artifactMediaType: manifest.artifactType,
    subjectManifestDigest: manifest.subject,
  };
}

export const SCAN_OPERATIONS: Record<string, EcrOperation> = {
  StartImageScan(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const manifest = existing(repository, imageId(input));
    if (isLeftToInspector(world, repository)) {
      throw new AwsError('ValidationException', 'This feature is disabled');
    }
    if (repository.scans.has(manifest.digest)) {
      const message = `The scan quota per image has been exceeded. Wait and try again.`;
      throw new AwsError('LimitExceededException', message);
    }
    const scan = startScan(world, repository, manifest);
    return {
      ...repositoryReference(repository),
      imageId: { imageDigest: manifest.digest },
      imageScanStatus: status(scan),
    };
  },

  DescribeImageScanFindings(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const { digest } = existing(repository, imageId(input));
    const scan = scanOf(repository, digest);
    const { items, nextToken } = pageOf(scan.findings, input);
    return {
      ...repositoryReference(repository),
      imageId: { imageDigest: digest },
      imageScanStatus: status(scan),
      imageScanFindings: scan.completedAt && {
        imageScanCompletedAt: scan.completedAt,
        findingSeverityCounts: counts(scan),
        [scan.enhanced ? 'enhancedFindings' : 'findings']: items,
      },
      nextToken,
    };
  },
};

function imageId(input: Input): { imageTag?: string; imageDigest?: string } {
  return input.imageId ?? {};
}

function scanOf(repository: ImageRepository, digest: string): ScanState {
  const scan = repository.scans.get(digest);
  if (scan) return scan;
  const message = `Image scan does not exist for the image with '{imageDigest:'${digest}', imageTag:'null'}' in the repository with name '${repository.name}' in the registry with id '${repository.account}'`;
  throw new AwsError('ScanNotFoundException', message);
}

function status(scan: ScanState): object {
  return { status: scan.status, description: scan.description };
}

function counts(scan: ScanState): Record<string, number> {
  const severities = scan.findings.map((finding) => (finding as { severity: string }).severity);
  return Object.fromEntries(
    [...new Set(severities)].map((severity) => [
      severity,
      severities.filter((each) => each === severity).length,
    ]),
  );
}
