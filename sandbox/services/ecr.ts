import type { Operation, Service } from '../service.ts';
import type { World } from '../world.ts';
import { IMAGE_OPERATIONS } from './ecr-images.ts';
import { LAYER_OPERATIONS } from './ecr-layers.ts';
import { POLICY_OPERATIONS } from './ecr-policies.ts';
import { REGISTRY_OPERATIONS } from './ecr-registry.ts';
import { REPOSITORY_OPERATIONS } from './ecr-repositories.ts';
import { SCAN_OPERATIONS } from './ecr-scans.ts';

/** ECR's API over the registry that speaks OCI's protocol under /v2/. */
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
