import { AwsError, type Service, textOf } from '../protocols/service.ts';
import { partitionOf, type World } from '../world.ts';
import { isMissing } from '../scenario/missing.ts';
import { userId } from './credentials.ts';
import { identityStore } from './roles.ts';

/** IAM's reading calls. A role exists unless the scenario says that it is missing, or a stack has deleted it. */
export function iam(world: World): Service {
  return {
    name: 'iam',
    protocol: 'query',
    apiVersion: '2010-05-08',
    operations: {
      GetRole(input, call) {
        const name = textOf(input.RoleName) ?? '';
        const arn = `arn:${partitionOf(call.region).id}:iam::${call.account}:role/${name}`;
        if (isMissing(world, arn) || identityStore(world).isDeleted(arn)) {
          throw new AwsError('NoSuchEntity', `The role with name ${name} cannot be found.`, 404);
        }
        const role = identityStore(world).role(arn);
        return {
          Role: {
            Path: '/',
            RoleName: name,
            RoleId: userId(arn),
            Arn: arn,
            CreateDate: world.clock.now().toISOString(),
            AssumeRolePolicyDocument: encodeURIComponent(JSON.stringify(role?.trustPolicy ?? {})),
            MaxSessionDuration: role?.maxSessionSeconds ?? 3600,
          },
        };
      },
    },
  };
}
