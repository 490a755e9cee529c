import type { World } from '../../world.ts';
import { type Stack, type StackResource, identityOf } from '../engine/stack.ts';
import { stackDatabase } from '../engine/stack-database.ts';
import { isCreated } from '../engine/stack-scope.ts';
import * as effects from './effects.ts';
import { physicalIdOf } from './identity.ts';
import { nameProperty } from './names.ts';

type Draft = Pick<StackResource, 'logicalId' | 'type' | 'definition' | 'properties' | 'unique'>;

/**
 * The physical id of an existing resource that can be imported by its name, or undefined if it has to be created. Its
 * name must be static, its DeletionPolicy must retain it, and it must not belong to another stack.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
 */
export function existingResource(world: World, stack: Stack, draft: Draft): string | undefined {
  const { deletionPolicy, properties: given } = draft.definition;
  if (deletionPolicy !== 'Retain' && deletionPolicy !== 'RetainExceptOnCreate') return undefined;
  const name = nameProperty(identityOf(stack, draft).schema);
  if (name === undefined || typeof given[name] !== 'string') return undefined;
  if (!effects.nameIsTaken(world, stack, draft)) return undefined;
  const physicalId = physicalIdOf(identityOf(stack, draft));
  const stacks = [...stackDatabase(world, stack.account, stack.region).stacks.values()];
  const owned = stacks.some(({ resources }) =>
    [...resources.values()].some(
      (resource) => resource.type === draft.type && resource.physicalId === physicalId && isCreated(resource),
    ),
  );
  return owned ? undefined : physicalId;
}
