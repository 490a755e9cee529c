import { readFileSync } from 'node:fs';
import { DEFAULT_REGION, type World } from '../world.ts';
import { prepareDefinition } from './engine/definition.ts';
import { startDeployment } from './engine/engine.ts';
import { newStack } from './engine/stack.ts';
import { stackDatabase } from './engine/stack-database.ts';

/** A stack that exists at the start. */
export interface GivenStack {
  account: string;
  region: string;
  name: string;
  /** The text of the template. */
  body: string;
  parameters: Readonly<Record<string, string>>;
  tags: Readonly<Record<string, string>>;
}

/**
 * Creates the stacks that exist at the start of a scenario, in order and without delay.
 *
 * @throws Error with the first failed event of a stack that cannot be created.
 */
export async function createExistingStacks(world: World): Promise<void> {
  for (const { region = DEFAULT_REGION, template, parameters = {}, tags = {}, ...place } of world.scenario
    .stacks ?? []) {
    await createExistingStack(world, {
      ...place,
      region,
      body: readFileSync(template, 'utf8'),
      parameters,
      tags,
    });
  }
}

/**
 * Creates a stack immediately, with all capabilities.
 *
 * @throws AwsError for a template that CloudFormation refuses, Error with the first failed event otherwise.
 */
export async function createExistingStack(world: World, given: GivenStack): Promise<void> {
  const { account, region, name, body, parameters, tags } = given;
  const stack = newStack(world, account, region, name);
  const definition = prepareDefinition(world, stack, {
    body,
    parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
      ParameterKey,
      ParameterValue,
    })),
    tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    capabilities: ['CAPABILITY_NAMED_IAM', 'CAPABILITY_AUTO_EXPAND'],
    direct: true,
  });
  stackDatabase(world, account, region).add(stack);
  await world.clock.withoutDelay(async () => {
    startDeployment(world, stack, 'CREATE_STACK', { definition, onFailure: 'DO_NOTHING' });
    await stack.work;
  });
  if (stack.status === 'CREATE_COMPLETE') return;
  const failed = stack.events.find(({ ResourceStatus }) => ResourceStatus === 'CREATE_FAILED');
  throw new Error(
    `${name}: ${failed?.LogicalResourceId ?? stack.status}: ${failed?.ResourceStatusReason ?? ''}`,
  );
}
