import { AwsError, type Service, textOf } from '../protocols/service.ts';
import { isMissing } from '../scenario/missing.ts';
import { partitionOf, type World } from '../world.ts';

/** The read call of Secrets Manager. A secret exists unless the scenario says that it is missing. */
export function secretsManager(world: World): Service {
  return {
    name: 'secretsmanager',
    protocol: 'json',
    operations: {
      DescribeSecret(input, call) {
        const id = textOf(input.SecretId) ?? '';
        const arn = id.startsWith('arn:')
          ? id
          : `arn:${partitionOf(call.region).id}:secretsmanager:${call.region}:${call.account}:secret:${id}`;
        if (isMissing(world, arn)) {
          throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
        }
        return { ARN: arn, Name: arn.split(':').slice(6).join(':'), CreatedDate: world.clock.now() };
      },
    },
  };
}
