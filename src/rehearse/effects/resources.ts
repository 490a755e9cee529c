import { stackDatabase } from '../../../sandbox/cloudformation/engine/stack-database.ts';
import type { Stack } from '../../../sandbox/cloudformation/engine/stack.ts';
import type { Json, JsonObject } from '../../../sandbox/cloudformation/json.ts';
import type { Sandbox } from '../../../sandbox/index.ts';

export type { Json, JsonObject };

/** A resource of an environment, with the resolved values of its template's functions. */
export interface Resource {
  /** Stack name; for a nested stack, its path from the root: `shop-dev-app/Database`. */
  stack: string;
  logicalId: string;
  type: string;
  physicalId: string;
  properties: JsonObject;
}

/** All resources of the stacks in one account and region, including nested stacks. */
export function resourcesIn({ world }: Sandbox, account: string, region: string): Resource[] {
  const stacks = stackDatabase(world, account, region).active();
  return stacks.flatMap((stack) =>
    [...stack.resources.values()].map(({ logicalId, type, physicalId, properties }) => ({
      stack: pathOf(stack, stacks),
      logicalId,
      type,
      physicalId,
      properties,
    })),
  );
}

function pathOf(stack: Stack, stacks: readonly Stack[]): string {
  const parent = stacks.find(({ id }) => id === stack.parentId);
  if (!parent) return stack.name;
  const own = [...parent.resources.values()].find(({ physicalId }) => physicalId === stack.id);
  return `${pathOf(parent, stacks)}/${own?.logicalId ?? stack.name}`;
}
