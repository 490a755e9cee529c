import type { ECRClient } from '@aws-sdk/client-ecr';
import type { Context } from '../../core/context.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import type { RetryPolicy } from '../../core/retry.ts';
import { answerChallenge } from './access/challenge.ts';
import { registryAccess, registryPassword } from './access/ecr.ts';
import { findLogin } from './access/login.ts';
import { RegistryClient } from './client.ts';
import { DOCKER_HUB, ecrRegistry, type ImageReference, isLoopback } from './reference.ts';
import type { ImageRepository } from './repository.ts';

/** What a registry is opened with: the job's docker login, or its credentials of AWS. */
export interface RegistryContext extends Pick<Context, 'clock' | 'signal' | 'log'> {
  env: NodeJS.ProcessEnv;
  /** Opens ECR's API in a region. */
  ecr(region: string): Promise<ECRClient>;
}

/** Docker Hub's registry, which has another host than its images' names. */
const DOCKER_HUB_HOST = 'registry-1.docker.io';

/**
 * Opens the repository of an image, in any registry, by the registry's own protocol and with what the job has for it:
 * for ECR a password of the region's API, for all others the job's docker login, else anonymously. Nothing is sent to
 * a registry other than ECR before the first request.
 *
 * @param options.retry default, as often as a push needs.
 * @param options.push whether images are pushed: a token server is asked for that, too.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export async function openRegistry(
  reference: Pick<ImageReference, 'registry' | 'path'>,
  context: RegistryContext,
  { retry, push = false }: { retry?: RetryPolicy; push?: boolean } = {},
): Promise<RegistryClient> {
  const { registry, path } = reference;
  const password = await ecrPassword(registry, context);
  if (password) return new RegistryClient(registryAccess(`${registry}/${path}`, password), context, retry);
  const host = registry === DOCKER_HUB ? DOCKER_HUB_HOST : registry;
  const origin = `${isLoopback(host) ? 'http' : 'https'}://${host}`;
  if (!URL.canParse(origin)) throw new PlatformError('image-invalid', `${registry} is not a host`);
  const authorize = async (challenge: string): Promise<string> => {
    const login = await findLogin(registry, context);
    return await answerChallenge(challenge, { registry, path, login, push }, context);
  };
  return new RegistryClient({ endpoint: new URL(origin), path, authorize }, context, retry);
}

/** Undefined where the registry is not ECR's, and where only the job's docker login has access to it. */
async function ecrPassword(
  registry: string,
  context: RegistryContext,
): Promise<Awaited<ReturnType<typeof registryPassword>> | undefined> {
  const place = ecrRegistry(registry);
  if (!place) return undefined;
  try {
    return await registryPassword(await context.ecr(place.region), context);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(await findLogin(registry, context))) throw error;
    context.log.debug(`ECR gives no password for ${registry}, the docker login is used: ${reasonOf(error)}`);
    return undefined;
  }
}

/** Opens a repository of ECR by the registry protocol, with a password of its account. */
export async function openEcrRegistry(
  repository: ImageRepository,
  context: Pick<Context, 'clock' | 'signal' | 'log'>,
): Promise<RegistryClient> {
  const password = await registryPassword(repository.client, context);
  return new RegistryClient(registryAccess(repository.uri, password), context);
}
