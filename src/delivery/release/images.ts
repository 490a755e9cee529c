import { classify } from '../../aws/errors.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { sentence } from '../../core/text.ts';
import type { PreflightFinding } from '../../ecs/preflight.ts';
import type { IndexMembership } from '../../ecs/proof.ts';
import type { ContainerDefinition, TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import { findLogin } from '../../images/registry/access/login.ts';
import { readArchitectures, readDigest, readImageManifest } from '../../images/registry/image-reader.ts';
import type { Manifest } from '../../images/registry/manifest.ts';
import { ecrRegistry, type ImageReference, parseReference } from '../../images/registry/reference.ts';
import type { ServiceContext } from './request.ts';
import { unchecked } from './unchecked.ts';

/**
 * Images that could not be resolved to a digest, with the reason: the registry did not report it, or has no such image.
 */
export type UnpinnedImages = ReadonlyMap<string, PreflightFinding>;

/**
 * Replaces image tags with digests, so that all tasks run the same image, including those started later, and a moved
 * tag counts as a change.
 *
 * @param containers names of the containers whose images are pinned. Other containers keep their tags, which ECS
 *   resolves at each deployment.
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html#deployment-container-image-stability
 */
export async function pinImages(
  context: ServiceContext,
  definition: TaskDefinition,
  containers: ReadonlySet<string>,
): Promise<{ definition: TaskDefinition; unpinned: UnpinnedImages }> {
  const unpinned = new Map<string, PreflightFinding>();
  const containerDefinitions = await Promise.all(
    definition.containerDefinitions.map(async (container) => {
      const { name, image } = container;
      const reference = parseReference(image);
      if (!containers.has(name) || reference?.digest !== undefined) return container;
      const found = reference
        ? await resolve(context, container, reference)
        : unresolved(image, 'this is not a valid image reference');
      if ('pinned' in found) return { ...container, image: found.pinned };
      unpinned.set(image, found);
      return container;
    }),
  );
  return { definition: { ...definition, containerDefinitions }, unpinned };
}

/** The image by its tag's current digest, or the reason why the digest is unknown. */
async function resolve(
  context: ServiceContext,
  container: ContainerDefinition,
  reference: ImageReference,
): Promise<{ pinned: string } | PreflightFinding> {
  const { image } = container;
  try {
    const digest = await readDigest(reference, context);
    if (digest !== undefined) return { pinned: `${reference.name}@${digest}` };
    if (await mayBeHidden(context, container, reference)) {
      return unresolved(
        image,
        `${reference.registry} does not show this image to the job, and the task uses its own registry credentials`,
      );
    }
    return missing(image, reference);
  } catch (error) {
    context.signal.throwIfAborted();
    return unresolved(image, reasonOf(error), fixOf(error, reference));
  }
}

/** Some registries hide private images from anonymous clients. */
async function mayBeHidden(
  context: ServiceContext,
  { repositoryCredentials }: ContainerDefinition,
  { registry }: ImageReference,
): Promise<boolean> {
  return repositoryCredentials !== undefined && (await findLogin(registry, context)) === undefined;
}

function unresolved(image: string, reason: string, fix?: string): PreflightFinding {
  const message = `Cannot determine the digest of ${image}: ${sentence(reason)} A new deployment starts even if nothing else has changed, and the digest is read from its tasks.`;
  return { level: 'warning', message, ...(fix !== undefined && { fix }) };
}

/** A permission is advised only if access was denied. */
function fixOf(error: unknown, { registry }: ImageReference): string | undefined {
  if (ecrRegistry(registry)) {
    return classify(error) === 'denied' ? "Allow ecr:BatchGetImage for the job's role." : undefined;
  }
  if (!(error instanceof PlatformError) || error.code !== 'access-denied') return undefined;
  return `Log in to ${registry} before this step, for example with docker/login-action, or pass the image by digest.`;
}

/**
 * Findings for images that do not exist, or not for the task's CPU architecture. An ECR image that cannot be read is a
 * warning. For other registries the job may have no credentials, because ECS has its own.
 *
 * @param unpinned images that were already looked up, with their findings.
 */
export async function imageFindings(
  context: ServiceContext,
  definition: TaskDefinition,
  unpinned: UnpinnedImages,
): Promise<PreflightFinding[]> {
  const architecture = taskArchitecture(definition);
  const unread = definition.containerDefinitions.filter(({ image }) => !unpinned.has(image));
  const byImage = new Map(unread.map((container) => [container.image, container]));
  const findings = await Promise.all(
    [...byImage].map(async ([image, container]): Promise<PreflightFinding[]> => {
      const reference = parseReference(image);
      if (!reference) return [];
      try {
        const found = await readImageManifest(reference, context);
        if (!found)
          return (await mayBeHidden(context, container, reference)) ? [] : [missing(image, reference)];
        if (architecture === undefined) return [];
        return await platformFindings(context, image, reference, found, architecture);
      } catch (error) {
        context.signal.throwIfAborted();
        const what = `whether the image ${image} exists`;
        if (ecrRegistry(reference.registry)) return [unchecked(what, 'warning', error, 'ecr:BatchGetImage')];
        context.log.debug(`Cannot check ${what}: ${reasonOf(error)}`);
        return [];
      }
    }),
  );
  return [...unpinned.values(), ...findings.flat()];
}

/** The tasks' CPU architecture; undefined on EC2, where the instances decide if the definition does not set it. */
function taskArchitecture({
  runtimePlatform,
  networkMode,
  requiresCompatibilities: required = [],
}: TaskDefinition): string | undefined {
  const named = runtimePlatform?.cpuArchitecture;
  // Fargate requires awsvpc.
  const isFargate = networkMode === 'awsvpc' && (required.length === 0 || required.includes('FARGATE'));
  if (named === undefined && !isFargate) return undefined;
  return named === 'ARM64' ? 'arm64' : 'amd64';
}

/**
 * Whether a digest is one of the manifests in an image's index, because a task may report the digest of its platform.
 * Undefined if the index cannot be read.
 */
export async function indexMembership(
  context: ServiceContext,
  image: string,
  digest: string,
): Promise<IndexMembership> {
  const reference = parseReference(image);
  if (!reference) return 'unknown';
  const found = await readImageManifest(reference, context).catch((error: unknown) => {
    context.signal.throwIfAborted();
    context.log.debug(`Cannot read the index of ${image}: ${reasonOf(error)}`);
    return undefined;
  });
  if (!found) return 'unknown';
  return found.kind === 'index' && found.children.some((child) => child.digest === digest) ? 'part' : 'other';
}

async function platformFindings(
  context: ServiceContext,
  image: string,
  reference: ImageReference,
  found: Manifest,
  architecture: string,
): Promise<PreflightFinding[]> {
  try {
    const known = await readArchitectures(reference, found, context);
    if (known.length === 0 || known.includes(architecture)) return [];
    return [
      {
        level: 'error',
        message: `The image ${image} is built for ${known.join(', ')}, but the tasks run on ${architecture}.`,
        fix: `Build it for linux/${architecture} too (input platforms of build-push-image), or set runtimePlatform.cpuArchitecture.`,
      },
    ];
  } catch (error) {
    context.signal.throwIfAborted();
    const what = `the CPU architecture of the image ${image}`;
    return [unchecked(what, 'note', error, 'ecr:GetDownloadUrlForLayer')];
  }
}

/** The images of a task definition that are referenced by tag. */
export function imagesByTag({ containerDefinitions }: TaskDefinition): string[] {
  const images = containerDefinitions.map(({ image }) => image);
  return images.filter((image) => parseReference(image)?.digest === undefined);
}

function missing(image: string, { registry }: ImageReference): PreflightFinding {
  return {
    level: 'error',
    message: `The image ${image} is not in ${ecrRegistry(registry) ? 'ECR' : registry}.`,
    fix: 'Push it first, or correct the account, region, repository, tag or digest in its name.',
  };
}
