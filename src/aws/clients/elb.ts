import type { ElasticLoadBalancingV2Client } from '@aws-sdk/client-elastic-load-balancing-v2';
import { limitRate, requireAnswer } from '../middleware.ts';
import { configuration } from './configuration.ts';
import type { Access, ClientContext } from './configuration.ts';

/** Loaded when it is first asked for. */
export async function elbClient(
  access: Access,
  context: ClientContext,
): Promise<ElasticLoadBalancingV2Client> {
  const { ElasticLoadBalancingV2Client } = await import('@aws-sdk/client-elastic-load-balancing-v2');
  const client = new ElasticLoadBalancingV2Client(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  requireAnswer(client.middlewareStack);
  return client;
}
