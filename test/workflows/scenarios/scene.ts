import type { Sandbox, Scenario } from '../../../sandbox/index.ts';
import { bootstrapped } from '../../../sandbox/scenario/bootstrapped.ts';
import { node24 } from '../../runtime/node24.js';
import type { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment } from '../../support/environment.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';
import type { Event, Reviewer } from '../rehearsal/run.ts';
import { ACCOUNTS, type EnvironmentName, Shop } from './shop.ts';
import { GITHUB, SECRETS } from './stage.ts';

const FIRST = 'a'.repeat(40);

interface Hooks {
  sandboxOf: ReturnType<typeof useSandboxes>;
  workspaceOf: ReturnType<typeof useWorkspaces>;
}

/** The shop in three accounts, and the workflows that deploy it. */
export interface Scene {
  shop: Shop;
  rehearsal: Rehearsal;
  /** The first image. */
  v1: string;
  deployByHand: (environment: string) => Promise<RunReport>;
  /** Starts a caller manually. */
  dispatch: (caller: string, event: Omit<Event, 'name'>) => Promise<RunReport>;
  /** Pushes a commit whose SHA is a digit repeated 40 times. */
  push: (digit: string) => Promise<RunReport>;
  rerun: Rehearsal['rerun'];
}

export async function sceneOf(
  { sandboxOf, workspaceOf }: Hooks,
  lead: Reviewer,
  scenario: Scenario = {},
): Promise<Scene> {
  const sandbox = await sandboxOf({
    accounts: Object.values(ACCOUNTS),
    scenario: {
      github: GITHUB,
      stacks: bootstrapped({ project: 'shop', environments: ACCOUNTS }),
      ...scenario,
    },
  });
  const shop = new Shop(sandbox, workspaceOf({}));
  const v1 = shop.commit('v1');
  const stage = { sandbox, repository: shop.folder, node: [node24()] as const, secrets: SECRETS };
  const rehearsal = new Rehearsal({ ...stage, reviewer: lead });
  return {
    shop,
    rehearsal,
    v1,
    deployByHand: (environment) =>
      rehearsal.play('workflows/deploy.yml', {
        name: 'workflow_dispatch',
        sha: FIRST,
        inputs: { environment },
      }),
    rerun: (...given) => rehearsal.rerun(...given),
    dispatch: (caller, event) =>
      rehearsal.play(`workflows/${caller}.yml`, { name: 'workflow_dispatch', ...event }),
    push: (digit) => rehearsal.play('workflows/pipeline.yml', { name: 'push', sha: digit.repeat(40) }),
  };
}

/** A platform that runs its first image everywhere. */
export async function madeOf(hooks: Hooks, lead: Reviewer, scenario: Scenario = {}): Promise<Scene> {
  const scene = await sceneOf(hooks, lead, scenario);
  for (const environment of Object.keys(ACCOUNTS)) {
    const made = await deployEnvironment(
      scene.shop.sandbox,
      { command: 'deploy', environment },
      { workspace: scene.shop.folder, env: jobIn(scene.shop.sandbox, environment) },
    );
    if (made.exitCode !== 0) throw new Error(made.log);
  }
  return scene;
}

/** A job in a GitHub environment, without AWS keys. */
export function jobIn(sandbox: Sandbox, environment: string): Record<string, string> {
  const permissions = { contents: 'read', deployments: 'write', 'id-token': 'write' } as const;
  return {
    ...sandbox.jobEnv({ permissions, claims: { environment } }),
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    GITHUB_SHA: FIRST,
  };
}

/** How often an operation was called in an environment's account. */
export function callsOf({ sandbox }: Shop, environment: EnvironmentName, operation: string): number {
  return sandbox.calls.where({ operation, account: ACCOUNTS[environment] }).length;
}
