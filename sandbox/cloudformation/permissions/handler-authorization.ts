import { denialOf } from '../../iam/authorization.ts';
import type { Principal } from '../../iam/principal.ts';
import { AwsError } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import type { Stack } from '../engine/stack.ts';
import { stackDatabase } from '../engine/stack-database.ts';
import { serviceRoleSession } from './service-role.ts';
import { handlerChecks, type HandlerWork, hasHandlers } from './handler-checks.ts';

/**
 * Whose permissions CloudFormation uses for a stack: those of its service role, otherwise those of the caller. Nested
 * stacks use the permissions of the root stack. Undefined if neither is known: all permissions.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
 */
function actorOf(world: World, stack: Stack): Principal | undefined {
  const root = stackDatabase(world, stack.account, stack.region).stacks.get(stack.rootId ?? '') ?? stack;
  const roleArn = root.definition?.roleArn;
  return roleArn === undefined ? root.caller : serviceRoleSession(roleArn);
}

/** Throws the handler's AccessDenied unless the stack's principal has every permission that the handler needs. */
export function authorizeHandler(world: World, stack: Stack, work: HandlerWork): void {
  const denial = handlerDenial(world, stack, work, actorOf(world, stack));
  if (denial === undefined) return;
  const service = /perform: ([a-z0-9-]+):/.exec(denial)?.[1] ?? '';
  const name = service.charAt(0).toUpperCase() + service.slice(1);
  throw new AwsError(
    'AccessDenied',
    `${denial} (Service: ${name}, Status Code: 403, Request ID: ${world.newUuid()})`,
    403,
  );
}

/** Why a principal may not run a handler, in AWS's words, or undefined if it may. */
export function handlerDenial(
  world: World,
  stack: Stack,
  work: HandlerWork,
  actor: Principal | undefined,
): string | undefined {
  const { type } = work.resource;
  if (!actor?.session || type.startsWith('AWS::CloudFormation::') || type.startsWith('AWS::CDK::'))
    return undefined;
  return denialOf(world, actor, stack.region, () => {
    if (!hasHandlers(type)) {
      const message = `the sandbox has no handler permissions for ${type}: use a role that allows every action`;
      throw new AwsError('NotImplemented', message, 501);
    }
    return handlerChecks(world, stack, work);
  });
}
