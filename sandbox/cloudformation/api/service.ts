import type { Service } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import { changeSetOperations } from './change-set-operations.ts';
import { driftOperations } from './drift-operations.ts';
import { eventOperations, readOperations } from './read-operations.ts';
import { stackOperations } from './stack-operations.ts';
import { templateOperations } from './template-operations.ts';

/** CloudFormation, with every resource type in the service specification. */
export function cloudFormation(world: World): Service {
  return {
    name: 'cloudformation',
    protocol: 'query',
    apiVersion: '2010-05-15',
    operations: {
      ...stackOperations(world),
      ...changeSetOperations(world),
      ...readOperations(world),
      ...eventOperations(world),
      ...templateOperations(world),
      ...driftOperations(world),
    },
  };
}
