import type { ECSClient } from '@aws-sdk/client-ecs';
import { limitRate } from '../middleware.ts';
import { configuration } from './configuration.ts';
import type { Access, ClientContext } from './configuration.ts';

/** Loaded when it is first asked for. */
export async function ecsClient(access: Access, context: ClientContext): Promise<ECSClient> {
  const { ECSClient } = await import('@aws-sdk/client-ecs');
  const client = new ECSClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}
