import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { limitRate } from '../middleware.ts';
import { configuration } from './configuration.ts';
import type { Access, ClientContext } from './configuration.ts';

/** Loaded when it is first asked for. */
export async function logsClient(access: Access, context: ClientContext): Promise<CloudWatchLogsClient> {
  const { CloudWatchLogsClient } = await import('@aws-sdk/client-cloudwatch-logs');
  const client = new CloudWatchLogsClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}
