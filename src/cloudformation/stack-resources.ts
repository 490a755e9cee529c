import { ListStackResourcesCommand, type StackResourceSummary } from '@aws-sdk/client-cloudformation';
import { send } from '../aws/send.ts';
import type { CloudFormationContext } from './types.ts';

/** The resources of a stack, all pages; those that a failed creation never made or has removed are among them. */
export async function listResources(
  context: CloudFormationContext,
  stackId: string,
): Promise<StackResourceSummary[]> {
  const found: StackResourceSummary[] = [];
  let next: string | undefined;
  do {
    const command = new ListStackResourcesCommand({
      StackName: stackId,
      ...(next ? { NextToken: next } : {}),
    });
    const answer = await send(context.client, command, context);
    found.push(...(answer.StackResourceSummaries ?? []));
    next = answer.NextToken;
  } while (next);
  return found;
}

/** Whether something of the resource exists, so that a deletion would remove it. */
export function isAlive(resource: StackResourceSummary): boolean {
  const status = resource.ResourceStatus ?? '';
  if (status === 'DELETE_COMPLETE' || status === 'DELETE_SKIPPED') return false;
  return status !== 'CREATE_FAILED' || Boolean(resource.PhysicalResourceId);
}
