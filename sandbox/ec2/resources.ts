import { stackDatabase } from '../cloudformation/engine/stack-database.ts';
import type { JsonObject } from '../cloudformation/json.ts';
import type { World } from '../world.ts';

/** A resource of an account, whether a stack has created it or not. */
export interface AccountResource {
  id: string;
  properties: JsonObject;
}

/** Each region of an account begins with a default VPC. */
const FROM_THE_START: Readonly<Record<string, number>> = { 'AWS::EC2::VPC': 1 };

/** The resources of a type in one account and region: those of stacks, and those of the scenario. */
export function resourcesOfType(
  world: World,
  account: string,
  region: string,
  type: string,
): AccountResource[] {
  const stacks = stackDatabase(world, account, region).active();
  const own = stacks
    .flatMap(({ resources }) => [...resources.values()])
    .filter((one) => one.type === type && one.physicalId !== '' && one.status !== 'DELETE_COMPLETE')
    .map(({ physicalId, properties }) => ({ id: physicalId, properties }));
  const others = world.scenario.unmanaged?.[type] ?? FROM_THE_START[type] ?? 0;
  return [
    ...own,
    ...Array.from({ length: others }, (_, index) => ({ id: `unmanaged-${index + 1}`, properties: {} })),
  ];
}
