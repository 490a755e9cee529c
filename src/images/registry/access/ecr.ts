import type { ECRClient } from '@aws-sdk/client-ecr';
import { ReadOnce } from '../../../aws/reads.ts';
import { send } from '../../../aws/send.ts';
import type { Context } from '../../../core/context.ts';
import { PlatformError } from '../../../core/errors.ts';
import type { RegistryAccess } from '../client.ts';

/** A password for the account's registry. ECR's passwords are valid for twelve hours. */
export interface RegistryPassword {
  username: string;
  password: string;
  /** The registry that accepts it: `https://111111111111.dkr.ecr.eu-west-1.amazonaws.com`. */
  endpoint: URL;
}

/** A new password is requested after half an hour, although passwords are valid for twelve hours. */
const KEPT_MS = 30 * 60_000;

const passwords = new ReadOnce<ECRClient, RegistryPassword & { readAt: number }>(
  ({ readAt }) => performance.now() - readAt < KEPT_MS,
);

/** The account's password for ECR. It is requested once, and masked in the log before it is used. */
export async function registryPassword(
  client: ECRClient,
  context: Pick<Context, 'signal' | 'log'>,
): Promise<RegistryPassword> {
  return await passwords.get(client, '', context, async () => ({
    ...(await requestPassword(client, context)),
    readAt: performance.now(),
  }));
}

async function requestPassword(
  client: ECRClient,
  context: Pick<Context, 'signal' | 'log'>,
): Promise<RegistryPassword> {
  const { GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr');
  const { authorizationData = [] } = await send(client, new GetAuthorizationTokenCommand({}), context);
  const { authorizationToken = '', proxyEndpoint = '' } = authorizationData[0] ?? {};
  const [username = '', password = ''] = Buffer.from(authorizationToken, 'base64')
    .toString('utf8')
    .split(':');
  if (password === '' || !URL.canParse(proxyEndpoint)) {
    throw new PlatformError('service-unavailable', 'GetAuthorizationToken returned no token');
  }
  context.log.secret(password);
  context.log.secret(authorizationToken);
  return { username, password, endpoint: new URL(proxyEndpoint) };
}

/** Access to the repository at a URI. If the hosts are equal, the protocol is that of the password's endpoint. */
export function registryAccess(repositoryUri: string, password: RegistryPassword): RegistryAccess {
  const slash = repositoryUri.indexOf('/');
  const host = repositoryUri.slice(0, slash);
  const protocol = password.endpoint.host === host ? password.endpoint.protocol : 'https:';
  const credentials = Buffer.from(`${password.username}:${password.password}`).toString('base64');
  return {
    endpoint: new URL(`${protocol}//${host}`),
    path: repositoryUri.slice(slash + 1),
    authorization: `Basic ${credentials}`,
  };
}
