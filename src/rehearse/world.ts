import { createExistingStack } from '../../sandbox/cloudformation/existing-stacks.ts';
import type { Timer } from '../../sandbox/clock.ts';
import { startSandbox, type Sandbox, type Scenario } from '../../sandbox/index.ts';
import { pushPlaceholder } from '../../sandbox/registry/placeholder-image.ts';
import { repositoriesOf } from '../../sandbox/registry/registry.ts';
import { parameterStore } from '../../sandbox/ssm/parameter-store.ts';
import { PlatformError, reasonOf } from '../core/errors.ts';
import type { EnvironmentState, ServiceState, StackState } from './base.ts';

interface Options {
  /** By which time passes. Default: the wall clock. */
  timer?: Timer;
  /** Simulated seconds per second of the timer. */
  timeScale: number;
  /** `owner/name` of the repository whose jobs assume roles. */
  repository: string;
  scenario: Scenario;
  /** The accounts of all environments. */
  accounts: readonly string[];
}

/**
 * Starts a sandbox on loopback and creates the environment in it. The failures of the scenario apply only after that. The
 * caller closes the sandbox.
 */
export async function openWorld(state: EnvironmentState, options: Options): Promise<Sandbox> {
  const { repository, scenario, accounts, ...time } = options;
  const { ecs, resources, faults = [], ...existing } = scenario;
  const sandbox = await startSandbox({
    ...time,
    stableIds: true,
    accounts: [...accounts],
    // Hosted zones and certificates are not in the repository.
    scenario: { assumesDomains: true, ...existing, github: { repository, ...scenario.github } },
  });
  try {
    for (const stack of state.stacks) await createStack(sandbox, state, stack);
    Object.assign(sandbox.world.scenario, { ...(ecs && { ecs }), ...(resources && { resources }) });
    for (const rule of faults) sandbox.addFault(rule);
    return sandbox;
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}

async function createStack(sandbox: Sandbox, state: EnvironmentState, stack: StackState): Promise<void> {
  const { account, region } = state;
  const service = state.services.find(({ stackName }) => stackName === stack.stackName);
  if (service) await releasePlaceholder(sandbox, state, service);
  const { stackName, template, parameters, tags } = stack;
  try {
    await createExistingStack(sandbox.world, {
      account,
      region,
      name: stackName,
      body: template,
      parameters,
      tags,
    });
  } catch (error) {
    throw new PlatformError('request-rejected', `Cannot create stack ${stackName}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** Pushes a placeholder image of a service and records it in the ledger, if the repository exists. */
async function releasePlaceholder(
  { world }: Sandbox,
  { account, region }: EnvironmentState,
  { name, repository, imageParameter }: ServiceState,
): Promise<void> {
  if (!repositoriesOf(world, account, region).has(repository)) return;
  const image = await pushPlaceholder(world, { account, region, repository }, name);
  parameterStore(world, account, region).put({ name: imageParameter, type: 'String', value: image });
}
