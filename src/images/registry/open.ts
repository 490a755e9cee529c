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

/** The job's credentials for registries: its docker logins and its AWS credentials. */
export interface RegistryContext extends Pick<Context, 'clock' | 'signal' | 'log'> {
  env: NodeJS.ProcessEnv;
  /** Creates a client of ECR's API in a region. */
  ecr(region: string): Promise<ECRClient>;
}

/** The host of Docker Hub's registry, which is different from the one in image names. */
const DOCKER_HUB_HOST = 'registry-1.docker.io';

/**
 * Opens a repository in any registry over the registry protocol. The credentials are a password from the API for ECR, and
 * the job's docker login for any other registry; without a login, access is anonymous. Nothing is sent to a registry
 * other than ECR before the first request.
 *
 * @param options.retry the default is enough for a push.
 * @param options.push whether images are pushed, for which a token must have permission.
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
  if (!URL.canParse(origin)) throw new PlatformError('image-invalid', `${registry} is not a valid host`);
  const authorize = async (challenge: string): Promise<string> => {
    const login = await findLogin(registry, context);
    return await answerChallenge(challenge, { registry, path, login, push }, context);
  };
  return new RegistryClient({ endpoint: new URL(origin), path, authorize }, context, retry);
}

/** Undefined if the registry is not in ECR, or if the job can access it only with its docker login. */
async function ecrPassword(
  registry: string,
  context: RegistryContext,
): Promise<Awaited<ReturnType<typeof registryPassword>> | undefined> {
  const ecr = ecrRegistry(registry);
  if (!ecr) return undefined;
  try {
    return await registryPassword(await context.ecr(ecr.region), context);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(await findLogin(registry, context))) throw error;
    context.log.debug(
      `Using the docker login to ${registry}, because ECR issued no password: ${reasonOf(error)}`,
    );
    return undefined;
  }
}

/** Opens an ECR repository over the registry protocol, with a password of its account. */
export async function openEcrRegistry(
  repository: ImageRepository,
  context: Pick<Context, 'clock' | 'signal' | 'log'>,
): Promise<RegistryClient> {
  const password = await registryPassword(repository.client, context);
  return new RegistryClient(registryAccess(repository.uri, password), context);
}
