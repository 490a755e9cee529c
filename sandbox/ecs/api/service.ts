import type { Operation, Service } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import { CLUSTER_OPERATIONS } from './clusters.ts';
import { EXPRESS_SERVICE_OPERATIONS } from './express-services.ts';
import { ecsOf } from '../model.ts';
import { SERVICE_DEPLOYMENT_OPERATIONS } from './service-deployments.ts';
import { SERVICE_OPERATIONS } from './services.ts';
import { TAG_OPERATIONS } from './tags.ts';
import { TASK_DEFINITION_OPERATIONS } from './task-definitions.ts';
import { TASK_OPERATIONS } from './tasks.ts';

/** ECS on Fargate, with rollouts simulated task by task. */
export function ecs(world: World): Service {
  const all = {
    ...CLUSTER_OPERATIONS,
    ...TASK_DEFINITION_OPERATIONS,
    ...SERVICE_OPERATIONS,
    ...EXPRESS_SERVICE_OPERATIONS,
    ...(world.scenario.ecs?.serviceDeployments === false ? {} : SERVICE_DEPLOYMENT_OPERATIONS),
    ...TASK_OPERATIONS,
    ...TAG_OPERATIONS,
  };
  const bound = Object.entries(all).map(([name, operation]): [string, Operation] => [
    name,
    (input, call) => operation(ecsOf(world, call.account, call.region), input, call),
  ]);
  return { name: 'ecs', protocol: 'json', operations: Object.fromEntries(bound) };
}
