import { relative } from 'node:path';
import { withTimeLimit } from '../core/concurrency.ts';
import { reasonOf } from '../core/errors.ts';
import type { BuildRequest } from './build/command.ts';
import { readDockerfile } from './build/content-hash.ts';
import { type UsedImage, usedImages } from './dockerfile/images.ts';
import type { Progress } from './progress.ts';
import { readDigest } from './registry/image-reader.ts';
import type { RegistryContext } from './registry/open.ts';
import { type ImageReference, parseReference } from './registry/reference.ts';

/** How long a build waits for a registry. It can continue without the digest. */
const REGISTRY_TIMEOUT_MS = 5000;
const IMAGE_SCHEME = 'docker-image://';

type Digest = { digest: string } | { problem: string };

/** The digests of base images. The builds of one command share them, so that each is read only once. */
export class BaseDigests {
  readonly #digests = new Map<string, Promise<Digest>>();
  readonly #warned = new Set<string>();

  /** The current digest of an image name, or why it could not be read. Never throws. */
  read(name: string, reference: ImageReference, context: RegistryContext): Promise<Digest> {
    const known = this.#digests.get(name) ?? readBase(reference, context);
    this.#digests.set(name, known);
    return known;
  }

  /** Whether this is the first warning for a place. */
  isFirstWarning(place: string): boolean {
    if (this.#warned.has(place)) return false;
    this.#warned.add(place);
    return true;
  }
}

/** A base image and where it is used: a line of the Dockerfile, or a named context. */
interface Base extends Partial<Pick<UsedImage, 'line'>> {
  name: string;
  /** The name of the context. */
  context?: string;
}

/**
 * The current digests of the images that a build refers to by tag, because a tag may point to another image later. Each
 * gets a warning with the digest to pin. If a digest cannot be read, the image is omitted, with a note.
 *
 * @param platforms the platforms of the build.
 * @returns name and digest, sorted.
 */
export async function resolveBases(
  build: BuildRequest,
  platforms: readonly string[],
  progress: Progress,
  context: RegistryContext & { bases?: BaseDigests },
): Promise<[name: string, digest: string][]> {
  const { bases = new BaseDigests() } = context;
  const resolved = await Promise.all(
    unpinnedBases(build, platforms).map(async (base): Promise<[string, string][]> => {
      const reference = parseReference(base.name);
      const found: Digest = reference
        ? await bases.read(base.name, reference, context)
        : { problem: 'it is not a valid image name' };
      if ('problem' in found) {
        const { name } = base;
        progress.note(
          `The content hash contains the name of the base image ${name}, because its digest could not be read: ${found.problem}.`,
        );
        return [];
      }
      warn(base, found.digest, build, bases, context);
      return [[base.name, found.digest]];
    }),
  );
  return resolved.flat().sort(([a], [b]) => (a < b ? -1 : 1));
}

function unpinnedBases(build: BuildRequest, platforms: readonly string[]): Base[] {
  const { buildArgs, target, buildContexts } = build;
  const contexts = Object.keys(buildContexts);
  const dockerfile = readDockerfile(build.file).toString('utf8');
  const named = Object.entries(buildContexts).flatMap(([context, value]): Base[] =>
    value.startsWith(IMAGE_SCHEME) ? [{ name: value.slice(IMAGE_SCHEME.length), context }] : [],
  );
  const used = usedImages(dockerfile, { buildArgs, target, platforms, contexts });
  return [...used, ...named].filter(({ name }) => name !== 'scratch' && !name.includes('@'));
}

async function readBase(reference: ImageReference, context: RegistryContext): Promise<Digest> {
  const limit = { what: `reading ${reference.name}`, timeoutMs: REGISTRY_TIMEOUT_MS };
  try {
    const digest = await withTimeLimit(context, limit, (signal) =>
      readDigest(reference, { ...context, signal }),
    );
    return digest === undefined
      ? { problem: `the image does not exist in ${reference.registry}` }
      : { digest };
  } catch (error) {
    context.signal.throwIfAborted();
    return { problem: reasonOf(error) };
  }
}

function warn(
  { name, line, context }: Base,
  digest: string,
  { workspace, file }: BuildRequest,
  bases: BaseDigests,
  { log }: RegistryContext,
): void {
  const place = context === undefined ? `${file}:${line ?? ''}` : `build-contexts ${context}`;
  if (!bases.isFirstWarning(`${place} ${name}`)) return;
  const of = context === undefined ? '' : ` of the named context ${context}`;
  log.warning(
    `The image ${name}${of} is not pinned by digest, so the same commit may later be built from another image. ` +
      `Fix: Pin it to its current digest: ${name}@${digest}.`,
    {
      title: 'Unpinned base image',
      ...(context === undefined && { file: relative(workspace, file), ...(line !== undefined && { line }) }),
    },
  );
}
