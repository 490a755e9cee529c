import type { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { limitRate } from '../middleware.ts';
import { configuration } from './configuration.ts';
import type { Access, ClientContext } from './configuration.ts';

/** Loaded when it is first asked for. */
export async function quotasClient(access: Access, context: ClientContext): Promise<ServiceQuotasClient> {
  const { ServiceQuotasClient } = await import('@aws-sdk/client-service-quotas');
  const client = new ServiceQuotasClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  return client;
}
