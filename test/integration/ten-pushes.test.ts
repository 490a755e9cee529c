import { ECSClient, ListServiceDeploymentsCommand } from '@aws-sdk/client-ecs';
import { expect, test } from '@jest/globals';
import { useSandboxes, useWorkspaces } from '../support/action.ts';
import { clientOf } from '../support/aws-clients.ts';
import { madeOf } from '../workflows/scenarios/scene.ts';
import { ACCOUNTS, type EnvironmentName, type Shop } from '../workflows/scenarios/shop.ts';
import { logOf, reviewer } from '../workflows/scenarios/stage.ts';

const hooks = { sandboxOf: useSandboxes(), workspaceOf: useWorkspaces() };
const PUSHES = 10;

/** The number of rollouts of the service in each environment. */
async function rollouts({ sandbox }: Shop): Promise<number[]> {
  const names = Object.keys(ACCOUNTS) as EnvironmentName[];
  return await Promise.all(
    names.map(async (name) => {
      const client = clientOf(sandbox, ECSClient, ACCOUNTS[name]);
      const command = new ListServiceDeploymentsCommand({ cluster: `${name}-shop`, service: 'api' });
      return (await client.send(command)).serviceDeployments?.length ?? 0;
    }),
  );
}

test('each of ten pushes is one rollout in each environment', async () => {
  const lead = reviewer();
  const { shop, push } = await madeOf(hooks, lead);
  let before = await rollouts(shop);
  for (let digit = 0; digit < PUSHES; digit++) {
    const image = shop.commit(`push ${digit}`);
    const report = await push(String(digit));
    if (report.result !== 'success') throw new Error(logOf(report));
    const after = await rollouts(shop);
    expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([1, 1, 1]);
    expect(await shop.runs()).toEqual({ dev: [image], staging: [image], prod: [image] });
    before = after;
  }
  expect(lead.asked).toHaveLength(2 * PUSHES);
}, 600_000);
