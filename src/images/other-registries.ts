import { InputError, PlatformError } from '../core/errors.ts';
import type { RetryPolicy } from '../core/retry.ts';
import { outOf, sentence } from '../core/text.ts';
import type { CopyRequest, ImageBuildContext, ImageContext } from './context.ts';
import type { ImageCopy, Progress } from './progress.ts';
import type { RegistryClient } from './registry/client.ts';
import { copyAttachments, copyWhole } from './registry/copy/copier.ts';
import { nameError, registrySource, registryStore } from './registry/copy/registry-store.ts';
import type { ImageStore } from './registry/copy/store.ts';
import type { Manifest } from './registry/manifest.ts';
import { requireTags } from './registry/proof.ts';
import { openRegistry } from './registry/open.ts';
import { type ImageReference, versionOf } from './registry/reference.ts';

/** An image of another registry, by its current digest. */
export interface MirrorSource {
  kind: 'mirror';
  store: ImageStore;
  digest: string;
}

/** The retries of one request. An upload of a blob is also retried as a whole. */
const RETRY: RetryPolicy = { attempts: 4, baseMs: 250, longestMs: 5000 };

/**
 * Finds the image to mirror. Only its digest is read, which Docker Hub does not count as a pull.
 *
 * @throws InputError if it does not exist.
 */
export async function openMirror(
  image: ImageReference,
  progress: Progress,
  context: ImageContext,
): Promise<MirrorSource> {
  const uri = `${image.registry}/${image.path}`;
  const version = versionOf(image);
  const client = await openRegistry(image, context, { retry: RETRY });
  const digest = await client.digest(version).catch((error: unknown) => {
    throw nameError(error, uri);
  });
  if (digest === undefined) {
    throw new InputError('from', uri, `expected a repository that contains ${version}`);
  }
  progress.run.from = `${uri}@${digest}`;
  context.log.info(`${uri}: ${version} is ${digest}.`);
  return { kind: 'mirror', store: registrySource(client, uri), digest };
}

/**
 * Copies the image with its exact manifest, platforms, attestations and signatures.
 *
 * @param existing the image if it is already in the repository: then only new attestations and signatures are copied.
 */
export async function mirrorImage(
  { store, digest }: MirrorSource,
  { registry, repository, progress }: ImageBuildContext,
  existing?: Manifest,
): Promise<Manifest> {
  return progress.runStage('push', async () => {
    const target = registryStore(registry, repository.uri);
    const manifest = existing ?? (await store.manifests([{ imageDigest: digest }]))[0]?.manifest;
    if (!manifest) throw new PlatformError('not-found', `${store.name} did not return ${digest}`);
    const copy = existing ? copyAttachments : copyWhole;
    const copied = await copy(store, target, manifest);
    for (const note of copied.notes) progress.note(note);
    if (existing) return existing;
    progress.run.push = {
      pushedBlobs: copied.copiedBlobs,
      pushedBytes: copied.copiedBytes,
      presentBlobs: copied.presentBlobs + copied.mountedBlobs,
      presentBytes: copied.presentBytes,
    };
    return manifest;
  });
}

/** A repository of another registry that the image is copied to. */
interface OtherRepository {
  /** Host and path. */
  uri: string;
  client: RegistryClient;
  store: ImageStore;
  tags: readonly string[];
}

/** Opens the repositories that the image is copied to. It reads from each, so that a missing login fails before a build. */
export async function openRepositories(
  requests: readonly CopyRequest[],
  context: ImageContext,
): Promise<OtherRepository[]> {
  return Promise.all(
    requests.map(async ({ repository, tags }) => {
      const uri = `${repository.registry}/${repository.path}`;
      try {
        const client = await openRegistry(repository, context, { push: true });
        const store = registryStore(client, uri);
        await store.manifests(tags.slice(0, 1).map((imageTag) => ({ imageTag })));
        return { uri, client, store, tags };
      } catch (error) {
        throw nameError(error, uri);
      }
    }),
  );
}

/**
 * Copies the image to each repository with its exact manifest, and sets its tags there. If one copy fails, the others are
 * still attempted.
 *
 * @throws PlatformError that names the repositories of failed copies.
 */
export async function copyToAll(
  { context, progress, registry, repository }: ImageBuildContext,
  manifest: Manifest,
  others: readonly OtherRepository[],
): Promise<void> {
  const source = registrySource(registry, repository.uri);
  const copies: ImageCopy[] = [];
  progress.run.copies = copies;
  const failures: PlatformError[] = [];
  for (const other of others) {
    try {
      const { notes, ...copy } = await copyTo(source, other, manifest, context);
      copies.push(copy);
      for (const note of notes) progress.note(note);
      context.log.info(`${copy.repository}: ${copy.state}, tags ${copy.tags.join(', ')}`);
    } catch (error) {
      context.signal.throwIfAborted();
      const failure = nameError(error, other.uri);
      if (!(failure instanceof PlatformError)) throw failure;
      failures.push(failure);
    }
  }
  const [first] = failures;
  if (!first) return;
  const reasons = failures.map(({ message }) => sentence(message)).join(' ');
  const done = copies.map((copy) => copy.repository).join(', ');
  const left = done === '' ? '' : ` Copied to ${done}.`;
  throw new PlatformError(
    first.code,
    `${outOf(failures.length, others.length, 'copy', 'copies')} failed. ${reasons}${left}`,
  );
}

/** Tags are set last, so that they never point to an incomplete image, and are verified. */
async function copyTo(
  source: ImageStore,
  { uri, client, store, tags }: OtherRepository,
  manifest: Manifest,
  context: ImageContext,
): Promise<ImageCopy & { notes: readonly string[] }> {
  const { digest } = manifest;
  const present = (await store.manifests([{ imageDigest: digest }])).length > 0;
  const copied = await (present ? copyAttachments : copyWhole)(source, store, manifest);
  const current = await Promise.all(tags.map(async (tag) => ({ tag, found: await client.digest(tag) })));
  const wanted = current.flatMap(({ tag, found }) => (found === digest ? [] : [tag]));
  for (const tag of wanted) await store.putManifest(manifest, tag);
  await requireTags({ registry: client, name: uri }, digest, wanted, context);
  return {
    repository: uri,
    tags,
    state: present ? 'present' : 'copied',
    copiedBytes: copied.copiedBytes,
    notes: copied.notes,
  };
}
