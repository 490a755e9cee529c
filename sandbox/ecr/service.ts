import type { Operation, Service } from '../protocols/service.ts';
import type { World } from '../world.ts';
import { IMAGE_OPERATIONS, SCAN_OPERATIONS } from './images.ts';
import { LAYER_OPERATIONS, REGISTRY_OPERATIONS } from './registry.ts';
import { POLICY_OPERATIONS, REPOSITORY_OPERATIONS } from './repositories.ts';
/** ECR's API for the registry that also serves the OCI protocol under /v2/. */
export function ecr(world: World): Service {
  const all = {
    ...REGISTRY_OPERATIONS,
    ...REPOSITORY_OPERATIONS,
    ...POLICY_OPERATIONS,
    ...IMAGE_OPERATIONS,
    ...LAYER_OPERATIONS,
    ...SCAN_OPERATIONS,
  };
  const bound = Object.entries(all).map(([name, operation]): [string, Operation] => [
    name,
    (input, call) => operation(world, input, call),
  ]);
  return { name: 'ecr', protocol: 'json', operations: Object.fromEntries(bound) };
}
