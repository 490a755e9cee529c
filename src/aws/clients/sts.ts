import type { STSClient } from '@aws-sdk/client-sts';
import { limitRate, requireAnswer } from '../middleware.ts';
import { configuration } from './configuration.ts';
import type { Access, ClientContext } from './configuration.ts';

/** Loaded when it is first asked for. */
export async function stsClient(access: Access, context: ClientContext): Promise<STSClient> {
  const { STSClient } = await import('@aws-sdk/client-sts');
  const client = new STSClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  requireAnswer(client.middlewareStack);
  return client;
}
