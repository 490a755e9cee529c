import type { ECRClient } from '@aws-sdk/client-ecr';
import { limitRate } from '../middleware.ts';
import { configuration } from './configuration.ts';
import type { Access, ClientContext } from './configuration.ts';

/** Loaded when it is first asked for. */
export async function ecrClient(access: Access, context: ClientContext): Promise<ECRClient> {
  const { ECRClient } = await import('@aws-sdk/client-ecr');
  const client = new ECRClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}
