import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { limitRate } from '../middleware.ts';
import { configuration } from './configuration.ts';
import type { Access, ClientContext } from './configuration.ts';

/** Loaded when it is first asked for. */
export async function cloudWatchClient(access: Access, context: ClientContext): Promise<CloudWatchClient> {
  const { CloudWatchClient } = await import('@aws-sdk/client-cloudwatch');
  const client = new CloudWatchClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}
