import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { limitRate, requireAnswer } from '../middleware.ts';
import { configuration } from './configuration.ts';
import type { Access, ClientContext } from './configuration.ts';

/** Loaded when it is first asked for. */
export async function cloudFormationClient(
  access: Access,
  context: ClientContext,
): Promise<CloudFormationClient> {
  const { CloudFormationClient } = await import('@aws-sdk/client-cloudformation');
  const client = new CloudFormationClient(configuration(access, context));
  limitRate(client.middlewareStack, context.limiter);
  requireAnswer(client.middlewareStack);
  return client;
}
