import type { ECRClient } from '@aws-sdk/client-ecr';
import type { Context } from '../runtime/context.ts';
import { registryAccess, registryPassword } from './authorization.ts';
import { RegistryClient } from './registry.ts';

/** A repository to copy from or to. */
export interface ImagePlace {
  client: ECRClient;
  /** The repository's name. */
  name: string;
  /** Host and path, as images are named: `111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/app`. */
  uri: string;
}

/** What a copy works with. */
export type CopyContext = Pick<Context, 'clock' | 'signal' | 'log'>;

/** How the API names a repository: one of another account by that account's id, which its URI tells. */
export function repositoryOf({ name, uri }: ImagePlace): { repositoryName: string; registryId?: string } {
  const account = /^(\d{12})\.dkr[.-]ecr[.-]/.exec(uri)?.[1];
  return { repositoryName: name, ...(account !== undefined && { registryId: account }) };
}

/** The registry that the repository is in: its URI without its name. */
export function registryUri({ name, uri }: ImagePlace): string {
  return uri.endsWith(`/${name}`) ? uri.slice(0, -name.length - 1) : uri;
}

/** Opens a repository for the registry protocol, with a password of its account. */
export async function openRegistry(place: ImagePlace, context: CopyContext): Promise<RegistryClient> {
  const password = await registryPassword(place.client, context);
  return new RegistryClient(registryAccess(place.uri, password), context);
}
