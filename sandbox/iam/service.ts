import { AwsError, type Service, textOf } from '../protocols/service.ts';
import { partitionOf, type World } from '../world.ts';
import { isMissing } from '../scenario/missing.ts';
import { userId } from './credentials.ts';
import { identityStore } from './roles.ts';

/** The trust policy that STS and CloudFormation assume for an undeclared role. */
function undeclaredTrust(world: World, account: string): object {
  const [owner = ''] = (world.scenario.github?.repository ?? 'org/platform').split('/');
  const issuer = 'token.actions.githubusercontent.com';
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRoleWithWebIdentity',
        Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/${issuer}` },
        Condition: { StringLike: { [`${issuer}:sub`]: `repo:${owner}/*` } },
      },
      { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'cloudformation.amazonaws.com' } },
    ],
  };
}

/** IAM's read calls. A role exists unless the scenario says that it is missing, or a stack has deleted it. */
export function iam(world: World): Service {
  return {
    name: 'iam',
    protocol: 'query',
    apiVersion: '2010-05-08',
    operations: {
      GetRole(input, call) {
        const name = textOf(input.RoleName) ?? '';
        const role = identityStore(world).roleNamed(call.account, name);
        const arn = role?.arn ?? `arn:${partitionOf(call.region).id}:iam::${call.account}:role/${name}`;
        const missing = role === undefined && isMissing(world, arn);
        if (missing || identityStore(world).isDeleted(arn)) {
          throw new AwsError('NoSuchEntity', `The role with name ${name} cannot be found.`, 404);
        }
        return {
          Role: {
            Path: arn.replace(/^.*?:role(\/.*?)[^/]*$/, '$1'),
            RoleName: name,
            RoleId: userId(arn),
            Arn: arn,
            CreateDate: world.clock.now().toISOString(),
            AssumeRolePolicyDocument: encodeURIComponent(
              JSON.stringify(role?.trustPolicy ?? undeclaredTrust(world, call.account)),
            ),
            MaxSessionDuration: role?.maxSessionSeconds ?? 3600,
          },
        };
      },
    },
  };
}
