import { BatchGetImageCommand, type Image } from '@aws-sdk/client-ecr';
import { classify } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { reasonOf } from '../../core/errors.ts';
import type { TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import type { PreflightFinding } from '../../ecs/preflight.ts';
import type { ServiceContext } from './request.ts';

/** An image's name that is one of ECR. */
interface EcrImage {
  account: string;
  region: string;
  repository: string;
  tag?: string;
  digest?: string;
}

/** @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html */
const ECR =
  /^(?<account>\d{12})\.(?:dkr\.ecr(?:-fips)?|dkr-ecr(?:-fips)?)\.(?<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)\/(?<repository>[^:@]+)(?::(?<tag>[^@]+))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$/;

const MANIFESTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

/** The parts of an ECR image's name; undefined for another registry's. */
export function ecrImage(image: string): EcrImage | undefined {
  const found = ECR.exec(image)?.groups;
  if (!found) return undefined;
  const { account = '', region = '', repository = '', tag, digest } = found;
  return {
    account,
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
      const digest = (await readImage(context, named).catch(() => undefined))?.imageId?.imageDigest;
      if (digest === undefined) return container;
      return { ...container, image: `${container.image.replace(/:[^:/]+$/, '')}@${digest}` };
    }),
  );
  return { ...definition, containerDefinitions };
}

/** Images that are not in ECR, or not for the CPU of the task. One that may not be looked at is let pass, and told. */
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
        return platformFindings(image, found, architecture);
      } catch (error) {
        context.signal.throwIfAborted();
        if (classify(error) === 'not-found') return [missing(image)];
        const message = `Whether the image ${image} exists cannot be checked: ${reasonOf(error)}.`;
        return [
          {
            level: 'warning',
            message,
            fix: 'Allow ecr:BatchGetImage on its repository to the role of the job.',
          },
        ];
      }
    }),
  );
  return findings.flat();
}

/** Whether a digest is one of the manifests in an image's index: a task may tell that of its own platform. */
export async function isPartOf(context: ServiceContext, image: string, digest: string): Promise<boolean> {
  const named = ecrImage(image);
  if (!named) return false;
  const found = await readImage(context, named);
  return manifestsOf(found).some((manifest) => manifest.digest === digest);
}

async function readImage(context: ServiceContext, named: EcrImage): Promise<Image | undefined> {
  const { account, repository, tag, digest } = named;
  const imageId = digest === undefined ? { imageTag: tag ?? 'latest' } : { imageDigest: digest };
  const command = new BatchGetImageCommand({
    registryId: account,
    repositoryName: repository,
    imageIds: [imageId],
    acceptedMediaTypes: MANIFESTS,
  });
  const { images = [] } = await send(await context.ecr(), command, context);
  return images[0];
}

interface ManifestEntry {
  digest?: string;
  platform?: { os?: string; architecture?: string };
}

function manifestsOf(image: Image | undefined): ManifestEntry[] {
  const { manifests = [] } = JSON.parse(image?.imageManifest ?? '{}') as { manifests?: ManifestEntry[] };
  return manifests;
}

function platformFindings(image: string, found: Image, architecture: string): PreflightFinding[] {
  const platforms = manifestsOf(found).flatMap(({ platform }) => platform?.architecture ?? []);
  const known = platforms.filter((one) => one !== 'unknown');
  if (known.length === 0 || known.includes(architecture)) return [];
  return [
    {
      level: 'error',
      message: `The image ${image} is built for ${known.join(', ')}, and the tasks run on ${architecture}.`,
      fix: `Build it for linux/${architecture} too (build-push-image: platforms), or set runtimePlatform.cpuArchitecture.`,
    },
  ];
}

function missing(image: string): PreflightFinding {
  return {
    level: 'error',
    message: `The image ${image} is not in ECR.`,
    fix: 'Push it first, and check repository, digest or tag, account and region in its name.',
  };
}
