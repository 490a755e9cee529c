import { inParallel } from '../../../core/concurrency.ts';
import { CancelledError, PlatformError, TimeoutError } from '../../../core/errors.ts';
import type { RegistryClient } from '../client.ts';
import type { Descriptor, Manifest } from '../manifest.ts';
import type { FoundManifest } from '../manifest-reader.ts';
import type { ImageStore } from './store.ts';

const REQUESTS_AT_ONCE = 8;

/**
 * A repository in any registry, through the registry protocol.
 *
 * @param uri host and path.
 */
export function registryStore(client: RegistryClient, uri: string): ImageStore {
  return {
    name: uri,
    uri,
    registryUri: uri.slice(0, uri.indexOf('/')),
    manifests: async (ids) => {
      const found = await inOrder(ids, async (id): Promise<FoundManifest[]> => {
        const tag = 'imageTag' in id ? id.imageTag : undefined;
        const manifest = await orMissing(client.manifest('imageTag' in id ? id.imageTag : id.imageDigest));
        return manifest ? [{ manifest, tag }] : [];
      });
      return found.flat();
    },
    referrers: (digest) => client.referrers(digest),
    listsReferrers: (digest) => client.listsReferrers(digest),
    missingBlobs: async (blobs) => {
      const missing = await inOrder(blobs, async (blob): Promise<Descriptor[]> => {
        return (await client.hasBlob(blob.digest, blob.size)) ? [] : [blob];
      });
      return missing.flat();
    },
    blobReader: (blob) => () => client.read(blob),
    putManifest: (manifest, tag) => client.putManifest(tag ?? manifest.digest, manifest),
    registry: () => Promise.resolve(client),
  };
}

/** Like `registryStore`, as the source of a copy: its errors contain its name, to distinguish them from the target's. */
export function registrySource(client: RegistryClient, uri: string): ImageStore {
  const store = registryStore(client, uri);
  const named = <T>(reading: Promise<T>): Promise<T> =>
    reading.catch((error: unknown) => {
      throw nameError(error, uri);
    });
  return {
    ...store,
    manifests: (ids) => named(store.manifests(ids)),
    referrers: (digest) => named(store.referrers(digest)),
    blobReader: (blob) =>
      async function* () {
        try {
          yield* client.read(blob);
        } catch (error) {
          throw nameError(error, uri);
        }
      },
  };
}

/** A failure of a registry other than the account's own ECR registry. The message contains the repository. */
class NamedRegistryError extends PlatformError {
  override readonly name = 'NamedRegistryError';

  constructor(error: PlatformError, uri: string) {
    const host = uri.slice(0, uri.indexOf('/'));
    const hint =
      error.code === 'access-denied' ? `. Log in to ${host} before this step (docker/login-action)` : '';
    super(error.code, `${uri}: ${error.message}${hint}`, { cause: error });
  }
}

/** Adds the repository's name to an error and, if access is denied, a fix. Cancellations are not changed. */
export function nameError(error: unknown, uri: string): unknown {
  const isOther = error instanceof CancelledError || error instanceof TimeoutError;
  if (!(error instanceof PlatformError) || isOther || error instanceof NamedRegistryError) return error;
  return new NamedRegistryError(error, uri);
}

async function inOrder<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const numbered = items.map((item, index) => ({ item, index }));
  await inParallel(numbered, REQUESTS_AT_ONCE, async ({ item, index }) => {
    results[index] = await work(item);
  });
  return results;
}

/** If the repository does not exist, neither does the image. */
async function orMissing(reading: Promise<Manifest | undefined>): Promise<Manifest | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof PlatformError && error.code === 'not-found') return undefined;
    throw error;
  }
}
