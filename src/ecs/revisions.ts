import { DeregisterTaskDefinitionCommand, ListTaskDefinitionsCommand } from '@aws-sdk/client-ecs';
import { send } from '../aws/send.ts';
import type { EcsContext } from './context.ts';

/** All active revisions of a family, the newest first. */
export async function revisionsOf(context: EcsContext, family: string): Promise<string[]> {
  const client = await context.ecs();
  const arns: string[] = [];
  let nextToken: string | undefined;
  do {
    const command = new ListTaskDefinitionsCommand({
      familyPrefix: family,
      status: 'ACTIVE',
      sort: 'DESC',
      nextToken,
    });
    const page = await send(client, command, context);
    arns.push(...(page.taskDefinitionArns ?? []));
    nextToken = page.nextToken;
  } while (nextToken !== undefined && nextToken !== '');
  // The prefix matches longer families too.
  return arns
    .filter((arn) => arn.includes(`/${family}:`))
    .toSorted((a, b) => revisionNumber(b) - revisionNumber(a));
}

/**
 * Deregisters all but the newest revisions of a family. One that is in use is kept, whatever its age.
 *
 * @returns the ARNs that were deregistered.
 */
export async function pruneRevisions(
  context: EcsContext,
  family: string,
  { keep, inUse }: { keep: number; inUse: ReadonlySet<string> },
): Promise<string[]> {
  const revisions = await revisionsOf(context, family);
  const old = revisions.slice(keep).filter((arn) => !inUse.has(arn));
  const client = await context.ecs();
  for (const arn of old) {
    await send(client, new DeregisterTaskDefinitionCommand({ taskDefinition: arn }), context);
  }
  return old;
}

function revisionNumber(arn: string): number {
  return Number(arn.slice(arn.lastIndexOf(':') + 1));
}
