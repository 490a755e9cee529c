import type { Context } from '../../core/context.ts';
import { PlatformError } from '../../core/errors.ts';
import { type RetryPolicy, withRetry } from '../../core/retry.ts';
import type { RegistryClient } from './client.ts';
import type { Manifest } from './manifest.ts';

export type ProofContext = Pick<Context, 'clock' | 'signal' | 'log'>;

/** A registry of several nodes may show a manifest a moment after it accepted it. */
const READ_BACK: RetryPolicy = { attempts: 8, baseMs: 100, longestMs: 4000 };

/** A repository that something was put into, with its name for messages. */
interface Place {
  registry: RegistryClient;
  name: string;
}

/** The registry accepted an image or a tag, and gives another image or none for it. */
export class UnprovenError extends PlatformError {
  override readonly name = 'UnprovenError';
  /** Whether there is another image. */
  readonly isOther: boolean;

  constructor(what: string, found: string | undefined, fix: string) {
    super('image-unproven', `${what}, and reading it back finds ${found ?? 'no image'}`, { fix });
    this.isOther = found !== undefined;
  }
}

/**
 * Reads an image back by the digest that it was pushed under.
 *
 * @throws UnprovenError where the registry does not have it.
 */
export async function requireImage(
  { registry, name }: Place,
  digest: string,
  context: ProofContext,
): Promise<Manifest> {
  return untilProven(context, async () => {
    const manifest = await registry.find(digest);
    if (manifest) return manifest;
    throw new UnprovenError(`The registry accepted ${digest} into ${name}`, undefined, CHECK_REGISTRY);
  });
}

/** As `requireTag`, of several tags at once. */
export async function requireTags(
  place: Place,
  digest: string,
  tags: readonly string[],
  context: ProofContext,
): Promise<void> {
  await Promise.all(tags.map((tag) => requireTag(place, digest, tag, context)));
}

/**
 * Reads a tag back that was put on an image.
 *
 * @throws UnprovenError where it is on another image, as after a push of another job, or on none.
 */
export async function requireTag(
  { registry, name }: Place,
  digest: string,
  tag: string,
  context: ProofContext,
): Promise<void> {
  await untilProven(context, async () => {
    const found = await registry.digest(tag);
    if (found === digest) return;
    const fix = found === undefined ? CHECK_REGISTRY : `Run the job again when no other job sets ${tag}.`;
    throw new UnprovenError(`The tag ${tag} of ${name} was set to ${digest}`, found, fix);
  });
}

const CHECK_REGISTRY =
  'Check the registry, and proxies in front of it: it answered 201 Created and did not keep what was sent.';

function untilProven<T>(context: ProofContext, read: () => Promise<T>): Promise<T> {
  const isTransient = (error: unknown): boolean => error instanceof UnprovenError;
  return withRetry(context, { ...READ_BACK, isTransient }, read);
}
