import { readFileSync } from 'node:fs';
import type { ExistingStack } from '../scenario/scenario.ts';
import { DEFAULT_REGION, type World } from '../world.ts';
import { prepareDefinition } from './engine/definition.ts';
import { startDeployment } from './engine/engine.ts';
import { newStack } from './engine/stack.ts';
import { stackDatabase } from './engine/stack-database.ts';

/**
 * Creates the stacks that a scenario has from the start, one after the other, without the time that it takes.
 *
 * @throws Error with the first failed event of a stack that cannot be created.
 */
export async function createExistingStacks(world: World): Promise<void> {
  for (const stack of world.scenario.stacks ?? []) {
    await world.clock.withoutDelay(() => createStack(world, stack));
  }
}

async function createStack(world: World, given: ExistingStack): Promise<void> {
  const { account, region = DEFAULT_REGION, name, template, parameters = {}, tags = {} } = given;
  const stack = newStack(world, account, region, name);
  const definition = prepareDefinition(world, stack, {
    body: readFileSync(template, 'utf8'),
    parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
      ParameterKey,
      ParameterValue,
    })),
    tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    capabilities: ['CAPABILITY_NAMED_IAM'],
    direct: true,
  });
  stackDatabase(world, account, region).add(stack);
  startDeployment(world, stack, 'CREATE_STACK', { definition, onFailure: 'DO_NOTHING' });
  await stack.work;
  if (stack.status === 'CREATE_COMPLETE') return;
  const failed = stack.events.find(({ ResourceStatus }) => ResourceStatus === 'CREATE_FAILED');
  throw new Error(
    `${name}: ${failed?.LogicalResourceId ?? stack.status}: ${failed?.ResourceStatusReason ?? ''}`,
  );
}
