import type { Principal } from '../../iam/principal.ts';
import { identityStore, trusts } from '../../iam/roles.ts';
import { isMissing } from '../../scenario/missing.ts';
import type { World } from '../../world.ts';
import type { Stack } from '../engine/stack.ts';
import { invalid } from '../errors.ts';

/** CloudFormation's session of a service role. */
export function serviceRoleSession(roleArn: string): Principal {
  const [, , , , account = '', path = ''] = roleArn.split(':');
  const name = path.slice(path.lastIndexOf('/') + 1);
  const arn = `arn:aws:sts::${account}:assumed-role/${name}/AWSCloudFormation`;
  return { arn, account, session: { roleArn, policies: [], context: {} } };
}

/** Throws CloudFormation's error if it cannot assume the role. */
export function requireServiceRole(
  world: World,
  stack: Pick<Stack, 'id' | 'account'>,
  roleArn: string | undefined,
): void {
  if (roleArn === undefined) return;
  const role = identityStore(world).role(roleArn);
  const isTrusting =
    role &&
    trusts(role.trustPolicy, {
      action: 'sts:AssumeRole',
      principal: { kind: 'Service', names: ['cloudformation.amazonaws.com'] },
      context: { 'aws:SourceAccount': stack.account, 'aws:SourceArn': stack.id },
    });
  const isGone = identityStore(world).isDeleted(roleArn) || isMissing(world, roleArn);
  if (role ? !isTrusting : isGone) {
    throw invalid(`Role ${roleArn} is invalid or cannot be assumed`);
  }
}
