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

/** A build waits for the answers, and can go on without them. */
const ANSWER_WITHIN_MS = 5000;
const IMAGE_SCHEME = 'docker-image://';

type Digest = { digest: string } | { problem: string };

/** The digests of base images, which the builds of one command share: each is asked for once. */
export class BaseDigests {
  readonly #digests = new Map<string, Promise<Digest>>();
  readonly #warned = new Set<string>();

  /** The digest that an image's name stands for now, or why it is not known. Never throws. */
  read(name: string, reference: ImageReference, context: RegistryContext): Promise<Digest> {
    const known = this.#digests.get(name) ?? readBase(reference, context);
    this.#digests.set(name, known);
    return known;
  }

  /** Whether a place is new to the command. */
  isNew(place: string): boolean {
    if (this.#warned.has(place)) return false;
    this.#warned.add(place);
    return true;
  }
}

/** A base image, and where it is named: a line of the Dockerfile, or a named context. */
interface Base extends Partial<Pick<UsedImage, 'line'>> {
  name: string;
  /** Of a named context. */
  context?: string;
}

/**
 * The current digests of the images that a build uses by a tag: what the tag names later is other content. Each gets
 * a warning with the digest to pin. An image whose registry does not answer counts by its name, with a note.
 *
 * @param platforms what is built.
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
        : { problem: 'it is not the name of an image' };
      if ('problem' in found) {
        const { name } = base;
        progress.note(
          `The base image ${name} counts by its name, as its digest is not known: ${found.problem}.`,
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
  const limit = { what: `reading ${reference.name}`, timeoutMs: ANSWER_WITHIN_MS };
  try {
    const digest = await withTimeLimit(context, limit, (signal) =>
      readDigest(reference, { ...context, signal }),
    );
    return digest === undefined ? { problem: `${reference.registry} has no such image` } : { digest };
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
  if (!bases.isNew(`${place} ${name}`)) return;
  const of = context === undefined ? '' : ` of the named context ${context}`;
  log.warning(
    `The image ${name}${of} is not pinned, so the same commit may later be built from another image. ` +
      `Fix: Pin it to what it is now: ${name}@${digest}.`,
    {
      title: 'Unpinned base image',
      ...(context === undefined && { file: relative(workspace, file), ...(line !== undefined && { line }) }),
    },
  );
}
