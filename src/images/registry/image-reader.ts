import { isNotFound } from '../../aws/errors.ts';
import { withTimeLimit } from '../../core/concurrency.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import type { RetryPolicy } from '../../core/retry.ts';
import { findLogin } from './access/login.ts';
import type { RegistryClient } from './client.ts';
import { architectureOf } from './layer-download.ts';
import { architectureIn, type ImageManifest, type Manifest } from './manifest.ts';
import { readManifests } from './manifest-reader.ts';
import { openRegistry, type RegistryContext } from './open.ts';
import { ecrRegistry, type ImageReference, versionOf } from './reference.ts';
import type { ImageRepository } from './repository.ts';

/** How long a deployment waits for a registry. It can continue without the result. */
const READ_TIMEOUT_MS = 20_000;
const RETRY: RetryPolicy = { attempts: 4, baseMs: 250, longestMs: 5000 };

/** Reads one image in its registry. A failure to read it is an error, which is different from an image that does not exist. */
interface ImageReader {
  /** The current digest; undefined if the image does not exist. */
  digest(): Promise<string | undefined>;
  /** The manifest; undefined if the image does not exist. */
  manifest(): Promise<Manifest | undefined>;
  /** The CPU architecture in the config; undefined if there is none. */
  architecture(manifest: ImageManifest): Promise<string | undefined>;
}

/** The current digest of an image name; undefined if the image does not exist. */
export async function readDigest(
  reference: ImageReference,
  context: RegistryContext,
): Promise<string | undefined> {
  return await read(reference, context, (reader) => reader.digest());
}

/** The manifest of an image in any registry; undefined if the image does not exist. */
export async function readImageManifest(
  reference: ImageReference,
  context: RegistryContext,
): Promise<Manifest | undefined> {
  return await read(reference, context, (reader) => reader.manifest());
}

/** The CPU architectures of an image: `amd64`, `arm64`; none if they are not known. */
export async function readArchitectures(
  reference: ImageReference,
  manifest: Manifest,
  context: RegistryContext,
): Promise<string[]> {
  return await architecturesOf(manifest, (image) =>
    read(reference, context, (reader) => reader.architecture(image)),
  );
}

/** Like `readArchitectures`, for an image in an ECR repository that is already open. */
export async function readArchitecturesIn(
  repository: ImageRepository,
  manifest: Manifest,
  context: Pick<RegistryContext, 'clock' | 'signal' | 'log'>,
): Promise<string[]> {
  return await architecturesOf(manifest, (image) => architectureOf(repository, image, context));
}

async function architecturesOf(
  manifest: Manifest,
  readConfig: (image: ImageManifest) => Promise<string | undefined>,
): Promise<string[]> {
  const named =
    manifest.kind === 'index'
      ? manifest.children.map(({ platform }) => platform?.architecture)
      : [await readConfig(manifest)];
  return named.filter((one) => one !== undefined && one !== 'unknown') as string[];
}

/**
 * Reads from ECR through its API, which needs no password, and from other registries over the registry protocol. If the
 * job's AWS credentials have no access to an ECR registry, its docker login may have.
 */
async function read<T>(
  reference: ImageReference,
  context: RegistryContext,
  query: (reader: ImageReader) => Promise<T | undefined>,
): Promise<T | undefined> {
  const { name, registry } = reference;
  const limit = { what: `reading ${name}`, timeoutMs: READ_TIMEOUT_MS };
  return await withTimeLimit(context, limit, async (signal) => {
    const limited = { ...context, signal };
    if (!ecrRegistry(registry)) return await orMissing(query(registryReader(reference, limited)));
    try {
      return await orMissing(query(ecrReader(reference, limited)));
    } catch (error) {
      signal.throwIfAborted();
      if (!(await findLogin(registry, limited))) throw error;
      context.log.debug(`Using the docker login for ${name}, because ECR's API failed: ${reasonOf(error)}`);
      return await orMissing(query(registryReader(reference, limited)));
    }
  });
}

/** If the repository does not exist, neither does the image. */
async function orMissing<T>(reading: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isNotFound(error) || (error instanceof PlatformError && error.code === 'not-found')) return undefined;
    throw error;
  }
}

function registryReader(reference: ImageReference, context: RegistryContext): ImageReader {
  const version = versionOf(reference);
  const open = (): Promise<RegistryClient> => openRegistry(reference, context, { retry: RETRY });
  return {
    digest: async () => (await open()).digest(version),
    manifest: async () => (await open()).find(version),
    architecture: async ({ config }) => architectureIn(await (await open()).blob(config.digest)),
  };
}

function ecrReader(reference: ImageReference, context: RegistryContext): ImageReader {
  const { registry, path, digest } = reference;
  const { region = '' } = ecrRegistry(registry) ?? {};
  const repository = async () => ({
    client: await context.ecr(region),
    name: path,
    uri: `${registry}/${path}`,
  });
  const manifest = async (): Promise<Manifest | undefined> => {
    const id = digest === undefined ? { imageTag: versionOf(reference) } : { imageDigest: digest };
    return (await readManifests(await repository(), [id], context))[0]?.manifest;
  };
  return {
    manifest,
    digest: async () => (await manifest())?.digest,
    architecture: async (image) => architectureOf(await repository(), image, context),
  };
}
