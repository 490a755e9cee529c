import type { Context } from '../../core/context.ts';
import { PlatformError } from '../../core/errors.ts';
import { type RetryPolicy, withRetry } from '../../core/retry.ts';
import type { RegistryClient } from './client.ts';
import type { Manifest } from './manifest.ts';

export type ProofContext = Pick<Context, 'clock' | 'signal' | 'log'>;

/** A registry with several nodes may return a manifest only a moment after it accepted it. */
const READ_BACK: RetryPolicy = { attempts: 8, baseMs: 100, longestMs: 4000 };

/** A repository, with its name for messages. */
interface Target {
  registry: RegistryClient;
  name: string;
}

/** The registry accepted an image or a tag, but returns another image or none for it. */
export class UnprovenError extends PlatformError {
  override readonly name = 'UnprovenError';
  /** Whether another image was returned. */
  readonly isOther: boolean;

  constructor(what: string, found: string | undefined, fix: string) {
    super('image-unproven', `${what}, but then returned ${found ?? 'no image'}`, { fix });
    this.isOther = found !== undefined;
  }
}

/**
 * Verifies that a pushed image exists, by its digest.
 *
 * @throws UnprovenError if the registry does not have it.
 */
export async function requireImage(
  { registry, name }: Target,
  digest: string,
  context: ProofContext,
): Promise<Manifest> {
  return untilProven(context, async () => {
    const manifest = await registry.find(digest);
    if (manifest) return manifest;
    throw new UnprovenError(`The registry accepted ${digest} for ${name}`, undefined, CHECK_REGISTRY);
  });
}

/** Like `requireTag`, for several tags. */
export async function requireTags(
  target: Target,
  digest: string,
  tags: readonly string[],
  context: ProofContext,
): Promise<void> {
  await Promise.all(tags.map((tag) => requireTag(target, digest, tag, context)));
}

/**
 * Verifies that a tag points to an image after it was set.
 *
 * @throws UnprovenError if it points to another image, such as after a push of another job, or to none.
 */
export async function requireTag(
  { registry, name }: Target,
  digest: string,
  tag: string,
  context: ProofContext,
): Promise<void> {
  await untilProven(context, async () => {
    const found = await registry.digest(tag);
    if (found === digest) return;
    const fix = found === undefined ? CHECK_REGISTRY : `Run the job again when no other job sets ${tag}.`;
    throw new UnprovenError(`The registry set the tag ${tag} of ${name} to ${digest}`, found, fix);
  });
}

const CHECK_REGISTRY =
  'Check the registry and any proxy in front of it: the response was 201 Created, but the content was not stored.';

function untilProven<T>(context: ProofContext, read: () => Promise<T>): Promise<T> {
  const isTransient = (error: unknown): boolean => error instanceof UnprovenError;
  return withRetry(context, { ...READ_BACK, isTransient }, read);
}
