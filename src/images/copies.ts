import { PlatformError } from '../core/errors.ts';
import { sentence } from '../core/text.ts';
import type { CopyRequest, ImageBuildContext, ImageContext } from './context.ts';
import type { ImageCopy } from './progress.ts';
import type { RegistryClient } from './registry/client.ts';
import { copyWhole } from './registry/copy/copier.ts';
import { nameError, registrySource, registryStore } from './registry/copy/registry-store.ts';
import type { ImageStore } from './registry/copy/store.ts';
import type { Manifest } from './registry/manifest.ts';
import { openRegistry } from './registry/open.ts';

/** A repository of another registry that the image is copied to. */
interface OtherRepository {
  /** Host and path. */
  uri: string;
  client: RegistryClient;
  store: ImageStore;
  tags: readonly string[];
}

/** Opens the repositories that the image is copied to, and reads from each: a missing login fails before a build. */
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
 * Copies the image to each repository, by its exact manifest, and sets its tags there. All of them are tried.
 *
 * @throws PlatformError that names the repositories that do not have it.
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
      const copy = await copyTo(source, other, manifest);
      copies.push(copy);
      context.log.info(`${copy.repository}: ${copy.state}, with the tags ${copy.tags.join(', ')}.`);
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
    `${failures.length} of ${others.length} copies failed. ${reasons}${left}`,
  );
}

/** The tags are set last, so that each is on a complete image, and read back. */
async function copyTo(
  source: ImageStore,
  { uri, client, store, tags }: OtherRepository,
  manifest: Manifest,
): Promise<ImageCopy> {
  const { digest } = manifest;
  const present = (await store.manifests([{ imageDigest: digest }])).length > 0;
  const copied = present ? undefined : await copyWhole(source, store, manifest, { attachmentsOf: 'nothing' });
  for (const tag of tags) {
    if ((await client.digest(tag)) !== digest) await store.putManifest(manifest, tag);
    const found = await client.digest(tag);
    if (found === digest) continue;
    throw new PlatformError(
      'digest-mismatch',
      `the tag ${tag} was set to ${digest}, and names ${String(found)}`,
    );
  }
  return {
    repository: uri,
    tags,
    state: copied ? 'copied' : 'present',
    copiedBytes: copied?.copiedBytes ?? 0,
  };
}
