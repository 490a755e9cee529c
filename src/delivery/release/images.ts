import { classify } from '../../aws/errors.ts';
import { DNS_SUFFIXES } from '../../aws/partition.ts';
import { reasonOf } from '../../core/errors.ts';
import { unchecked } from './unchecked.ts';
import type { PartOfImage } from '../../ecs/proof.ts';
import type { TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import type { PreflightFinding } from '../../ecs/preflight.ts';
import type { Manifest } from '../../images/registry/manifest.ts';
import { architectureOf } from '../../images/registry/layer-download.ts';
import { readManifests } from '../../images/registry/manifest-reader.ts';
import type { ServiceContext } from './request.ts';

/** An image's name that is one of ECR. */
interface EcrImage {
  region: string;
  repository: string;
  /** The name without tag and digest. */
  uri: string;
  tag?: string;
  digest?: string;
}

/** @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html */
const HOST = String.raw`\d{12}\.(?:dkr\.ecr(?:-fips)?|dkr-ecr(?:-fips)?)\.(?<region>[a-z0-9-]+)\.(?:${[...DNS_SUFFIXES, 'on.aws'].join('|').replaceAll('.', String.raw`\.`)})`;
const ECR = new RegExp(
  String.raw`^(?<uri>${HOST}\/(?<repository>[^:@]+))(?::(?<tag>[^@]+))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$`,
);

/** The parts of an ECR image's name; undefined for another registry's. */
function ecrImage(image: string): EcrImage | undefined {
  const found = ECR.exec(image)?.groups;
  if (!found) return undefined;
  const { uri = '', region = '', repository = '', tag, digest } = found;
  return {
    uri,
    region,
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  };
}

/**
 * Names images of ECR that are given by tag by their digest, so that all tasks run the same, also those that are
 * started later. What cannot be resolved stays as it is: the checks that follow say why.
 */
export async function pinImages(
  context: ServiceContext,
  definition: TaskDefinition,
): Promise<TaskDefinition> {
  const containerDefinitions = await Promise.all(
    definition.containerDefinitions.map(async (container) => {
      const named = ecrImage(container.image);
      if (!named || named.digest !== undefined || named.region !== context.region) return container;
      const digest = (await readImage(context, named).catch(() => undefined))?.digest;
      if (digest === undefined) return container;
      return { ...container, image: `${container.image.replace(/:[^:/]+$/, '')}@${digest}` };
    }),
  );
  return { ...definition, containerDefinitions };
}

/** Images that are not in ECR, or not for the CPU of the task. An image that cannot be read is a warning. */
export async function imageFindings(
  context: ServiceContext,
  { containerDefinitions, runtimePlatform }: TaskDefinition,
): Promise<PreflightFinding[]> {
  const architecture = runtimePlatform?.cpuArchitecture === 'ARM64' ? 'arm64' : 'amd64';
  const images = [...new Set(containerDefinitions.map(({ image }) => image))];
  const findings = await Promise.all(
    images.map(async (image): Promise<PreflightFinding[]> => {
      const named = ecrImage(image);
      if (!named || named.region !== context.region) return [];
      try {
        const found = await readImage(context, named);
        if (!found) return [missing(image)];
        return await platformFindings(context, named, found, architecture);
      } catch (error) {
        context.signal.throwIfAborted();
        if (classify(error) === 'not-found') return [missing(image)];
        return [unchecked(`Whether the image ${image} exists`, 'warning', error, 'ecr:BatchGetImage')];
      }
    }),
  );
  return findings.flat();
}

/**
 * Whether a digest is one of the manifests in an image's index: a task may tell that of its own platform. Unknown where
 * the index cannot be read: another registry's, another region's, or without the permission.
 */
export async function partOfImage(
  context: ServiceContext,
  image: string,
  digest: string,
): Promise<PartOfImage> {
  const named = ecrImage(image);
  if (!named || named.region !== context.region) return 'unknown';
  const found = await readImage(context, named).catch((error: unknown) => {
    context.signal.throwIfAborted();
    context.log.debug(`The index of ${image} cannot be read: ${reasonOf(error)}`);
    return undefined;
  });
  if (!found) return 'unknown';
  return found.kind === 'index' && found.children.some((child) => child.digest === digest) ? 'part' : 'other';
}

async function readImage(context: ServiceContext, image: EcrImage): Promise<Manifest | undefined> {
  const { uri, repository, tag, digest } = image;
  const id = digest === undefined ? { imageTag: tag ?? 'latest' } : { imageDigest: digest };
  const found = await readManifests({ client: await context.ecr(), name: repository, uri }, [id], context);
  return found[0]?.manifest;
}

async function platformFindings(
  context: ServiceContext,
  image: EcrImage,
  found: Manifest,
  architecture: string,
): Promise<PreflightFinding[]> {
  const name = nameOf(image);
  try {
    const known = await architecturesOf(context, image, found);
    if (known.length === 0 || known.includes(architecture)) return [];
    return [
      {
        level: 'error',
        message: `The image ${name} is built for ${known.join(', ')}, and the tasks run on ${architecture}.`,
        fix: `Build it for linux/${architecture} too (build-push-image: platforms), or set runtimePlatform.cpuArchitecture.`,
      },
    ];
  } catch (error) {
    context.signal.throwIfAborted();
    const what = `Which CPU architecture the image ${name} is built for`;
    return [unchecked(what, 'note', error, 'ecr:GetDownloadUrlForLayer')];
  }
}

/** Those that an index names, or that the config of its only manifest does; none when they are not known. */
async function architecturesOf(
  context: ServiceContext,
  { repository, uri }: EcrImage,
  found: Manifest,
): Promise<string[]> {
  const source = { client: await context.ecr(), name: repository, uri };
  const named =
    found.kind === 'index'
      ? found.children.map(({ platform }) => platform?.architecture)
      : [await architectureOf(source, found, context)];
  return named.filter((one) => one !== undefined && one !== 'unknown') as string[];
}

function nameOf({ uri, tag, digest }: EcrImage): string {
  return `${uri}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

function missing(image: string): PreflightFinding {
  return {
    level: 'error',
    message: `The image ${image} is not in ECR.`,
    fix: 'Push it first, and check repository, digest or tag, account and region in its name.',
  };
}
