import { classify } from '../../aws/errors.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { sentence } from '../../core/text.ts';
import type { PreflightFinding } from '../../ecs/preflight.ts';
import type { PartOfImage } from '../../ecs/proof.ts';
import type { ContainerDefinition, TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import { findLogin } from '../../images/registry/access/login.ts';
import { readArchitectures, readDigest, readImageManifest } from '../../images/registry/image-reader.ts';
import type { Manifest } from '../../images/registry/manifest.ts';
import { ecrRegistry, type ImageReference, parseReference } from '../../images/registry/reference.ts';
import type { ServiceContext } from './request.ts';
import { unchecked } from './unchecked.ts';

/** Images that still go by their tag, and why: the registry did not tell the digest, or has no such image. */
export type UnpinnedImages = ReadonlyMap<string, PreflightFinding>;

/**
 * Names images that are given by tag by their digest, so that all tasks run the same, also those that are started
 * later, and a tag that was moved is a change.
 *
 * @param containers names of the containers whose images are pinned. The others keep their tags, which ECS resolves
 *   with each deployment.
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
        : unresolved(image, 'this is not the name of an image');
      if ('pinned' in found) return { ...container, image: found.pinned };
      unpinned.set(image, found);
      return container;
    }),
  );
  return { definition: { ...definition, containerDefinitions }, unpinned };
}

/** The image by the digest that its tag has now, or why that is not known. */
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
        `${reference.registry} shows the job no such image, and the task pulls it with a login of its own`,
      );
    }
    return missing(image, reference);
  } catch (error) {
    context.signal.throwIfAborted();
    return unresolved(image, reasonOf(error), fixOf(error, reference));
  }
}

/** Some registries hide private images from those who are not logged in. */
async function mayBeHidden(
  context: ServiceContext,
  { repositoryCredentials }: ContainerDefinition,
  { registry }: ImageReference,
): Promise<boolean> {
  return repositoryCredentials !== undefined && (await findLogin(registry, context)) === undefined;
}

function unresolved(image: string, reason: string, fix?: string): PreflightFinding {
  const message = `The digest of ${image} is not known: ${sentence(reason)} A new deployment is started even if nothing else has changed. Its digest is the one that its tasks report.`;
  return { level: 'warning', message, ...(fix !== undefined && { fix }) };
}

/** A fix is advised only where access was denied. */
function fixOf(error: unknown, { registry }: ImageReference): string | undefined {
  if (ecrRegistry(registry)) {
    return classify(error) === 'denied' ? 'Allow ecr:BatchGetImage to the role of the job.' : undefined;
  }
  if (!(error instanceof PlatformError) || error.code !== 'access-denied') return undefined;
  return `Log in to ${registry} before this step, such as with docker/login-action, or give the image by digest.`;
}

/**
 * Images that do not exist, or not for the CPU of the task. An image of ECR that cannot be read is a warning; of other
 * registries the job need not have a login, as ECS has its own.
 *
 * @param unpinned images that were looked for already, with what was found.
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
        const what = `Whether the image ${image} exists`;
        if (ecrRegistry(reference.registry)) return [unchecked(what, 'warning', error, 'ecr:BatchGetImage')];
        context.log.debug(`${what} cannot be checked: ${reasonOf(error)}`);
        return [];
      }
    }),
  );
  return [...unpinned.values(), ...findings.flat()];
}

/** That of the tasks; undefined on EC2, where a definition need not name it and the instances decide. */
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
 * Whether a digest is one of the manifests in an image's index: a task may tell that of its own platform. Unknown where
 * the index cannot be read.
 */
export async function partOfImage(
  context: ServiceContext,
  image: string,
  digest: string,
): Promise<PartOfImage> {
  const reference = parseReference(image);
  if (!reference) return 'unknown';
  const found = await readImageManifest(reference, context).catch((error: unknown) => {
    context.signal.throwIfAborted();
    context.log.debug(`The index of ${image} cannot be read: ${reasonOf(error)}`);
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
        message: `The image ${image} is built for ${known.join(', ')}, and the tasks run on ${architecture}.`,
        fix: `Build it for linux/${architecture} too (build-push-image: platforms), or set runtimePlatform.cpuArchitecture.`,
      },
    ];
  } catch (error) {
    context.signal.throwIfAborted();
    const what = `Which CPU architecture the image ${image} is built for`;
    return [unchecked(what, 'note', error, 'ecr:GetDownloadUrlForLayer')];
  }
}

/** The images of a task definition that are given by tag. */
export function imagesByTag({ containerDefinitions }: TaskDefinition): string[] {
  const images = containerDefinitions.map(({ image }) => image);
  return images.filter((image) => parseReference(image)?.digest === undefined);
}

function missing(image: string, { registry }: ImageReference): PreflightFinding {
  return {
    level: 'error',
    message: `The image ${image} is not in ${ecrRegistry(registry) ? 'ECR' : registry}.`,
    fix: 'Push it first, and check repository, digest or tag, account and region in its name.',
  };
}
