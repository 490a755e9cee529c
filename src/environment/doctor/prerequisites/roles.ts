import { GetRoleCommand } from '@aws-sdk/client-iam';
import { iamClient } from '../../../aws/clients.ts';
import { isNotFound } from '../../../aws/errors.ts';
import { send } from '../../../aws/send.ts';
import type { Session } from '../../../aws/session.ts';
import { acceptsService, readTrustPolicy } from '../../../aws/trust-policy.ts';
import type { Context } from '../../../core/context.ts';
import type { Environment } from '../../manifest/manifest.ts';
import type { Check } from '../../run/result.ts';
import type { ReadStack } from '../templates.ts';
import { unread } from '../unread.ts';

const CLOUDFORMATION = 'cloudformation.amazonaws.com';

/**
 * Checks whether CloudFormation can assume its execution role. If not, it rejects the first change set: "Role … is invalid
 * or cannot be assumed".
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
 */
export async function checkExecutionRole(
  context: Context,
  session: Session,
  { name: environment, executionRole: role }: Pick<Environment, 'name' | 'executionRole'>,
): Promise<Check[]> {
  if (role === undefined) return [];
  const RoleName = role.split('/').at(-1) ?? '';
  const name = `the execution role ${RoleName}`;
  const key = `environments.${environment}.execution-role`;
  try {
    const client = await iamClient(session, context);
    const { Role } = await send(client, new GetRoleCommand({ RoleName }), context);
    if (acceptsService(readTrustPolicy(Role?.AssumeRolePolicyDocument ?? ''), CLOUDFORMATION))
      return [{ name, state: 'ok', says: 'CloudFormation can assume it' }];
    const says = `its trust policy does not allow ${CLOUDFORMATION} to assume it`;
    const fix = `Allow sts:AssumeRole for the service ${CLOUDFORMATION} in its trust policy, or correct ${key}.`;
    return [{ name, state: 'problem', says, fix }];
  } catch (error) {
    context.signal.throwIfAborted();
    if (isNotFound(error)) {
      const fix = `Deploy the stack that creates it, such as templates/bootstrap.yml, or correct ${key}.`;
      return [{ name, state: 'problem', says: `not found: ${role}`, fix }];
    }
    return [{ name, ...unread(error, `Allow iam:GetRole on ${role}.`) }];
  }
}

/**
 * Checks whether the account has the service-linked role of ECS. Without it, creating the first cluster fails, because ECS
 * creates the role then but cannot assume it immediately.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/818
 */
export async function checkEcsRole(
  context: Context,
  session: Session,
  stacks: readonly ReadStack[],
): Promise<Check[]> {
  if (stacks.every(({ template }) => !hasCluster(template))) return [];
  const name = `the role ${ECS_ROLE}`;
  try {
    const client = await iamClient(session, context);
    await send(client, new GetRoleCommand({ RoleName: ECS_ROLE }), context);
    return [{ name, state: 'ok', says: 'it exists' }];
  } catch (error) {
    context.signal.throwIfAborted();
    if (isNotFound(error)) {
      const says = 'it does not exist in the account, so the first cluster cannot be created';
      const fix =
        "Run aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com, or deploy templates/bootstrap.yml with CreateEcsRole: 'true'.";
      return [{ name, state: 'problem', says, fix }];
    }
    // An account that already has a cluster has the role, so a deployment can still succeed.
    return [{ name, ...unread(error, `Allow iam:GetRole on ${ECS_ROLE}.`) }];
  }
}

const ECS_ROLE = 'AWSServiceRoleForECS';

function hasCluster({ resources }: ReadStack['template']): boolean {
  return Object.values(resources).some(({ type }) => type === 'AWS::ECS::Cluster');
}
