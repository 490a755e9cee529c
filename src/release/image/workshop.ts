import type { ECRClient } from '@aws-sdk/client-ecr';
import { registryAccess, registryPassword } from '../../ecr/authorization.ts';
import type { RegistryPassword } from '../../ecr/authorization.ts';
import { RegistryClient } from '../../ecr/registry.ts';
import { openRepository } from '../../ecr/repository.ts';
import type { Repository } from '../../ecr/repository.ts';
import type { Context } from '../../runtime/context.ts';
import type { Progress } from './progress.ts';
import type { ImageRequest } from './request.ts';

export interface ImageContext extends Context {
  env: NodeJS.ProcessEnv;
  /** Opens the client; nothing is asked of AWS before the inputs are known to be good. */
  ecr(): Promise<ECRClient>;
}

/** What a run works with once the repository is known. */
export interface Workshop {
  context: ImageContext;
  client: ECRClient;
  repository: Repository;
  registry: RegistryClient;
  /** The registry's host, as images are named. */
  registryHost: string;
  password: RegistryPassword;
  progress: Progress;
  /** Removed at the end, whatever happens. */
  folder: string;
}

/** Opens the repository, and the way into it. */
export async function openWorkshop(
  context: ImageContext,
  request: ImageRequest,
  progress: Progress,
  folder: string,
): Promise<Workshop> {
  const client = await context.ecr();
  const [repository, password] = await Promise.all([
    openRepository(client, request.repository, { create: request.createRepository }, context),
    registryPassword(client, context),
  ]);
  if (repository.created) progress.note(`The repository ${repository.name} was created.`);
  const access = registryAccess(repository.uri, password);
  const registryHost = access.endpoint.host;
  const registry = new RegistryClient(access, context);
  return { context, client, repository, registry, registryHost, password, progress, folder };
}
