import { expect, test } from '@jest/globals';
import { useWorkspaces } from '../../support/action.ts';
import { PromotionWorld, promoteEnvironment } from '../../support/promotion.ts';

const workspaceOf = useWorkspaces();

test('what runs upstream is promoted: the same digest, in the tasks, the ledger and the tag', async () => {
  const world = await PromotionWorld.start();
  const digest = await world.release('user-service', 'v2');
  const run = await promoteEnvironment(world, workspaceOf({ 'platform.yml': world.manifest() }), {});
  expect(run.outputs).toMatchObject({ verdict: 'promoted', from: 'dev', to: 'staging' });
  expect(await world.runs('staging')).toEqual([digest]);
});
