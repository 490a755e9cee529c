import type { SSMClient } from '@aws-sdk/client-ssm';
import { limitRate } from '../middleware.ts';
import { configuration } from './configuration.ts';
import type { Access, ClientContext } from './configuration.ts';

/** Loaded when it is first asked for. */
export async function ssmClient(access: Access, context: ClientContext): Promise<SSMClient> {
  const { SSMClient } = await import('@aws-sdk/client-ssm');
  const client = new SSMClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}
