import { expect, test } from '@jest/globals';
import { node24 } from '../../runtime/node24.js';
import { useWorkspaces } from '../../support/action.ts';
import { PromotionWorld } from '../../support/promotion.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';
import type { Reviewer } from '../rehearsal/run.ts';
import { GITHUB, SECRETS, droppedOf, reviewer, verdictsOf } from './stage.ts';

const workspaceOf = useWorkspaces();

interface Scene {
  world: PromotionWorld;
  /** What runs everywhere at the beginning. */
  first: string;
  /** Plays a caller that is started manually. */
  dispatch: (caller: string, inputs: Record<string, string>) => Promise<RunReport>;
}

async function scene(review: (world: () => PromotionWorld) => Reviewer): Promise<Scene> {
  const world = await PromotionWorld.start({ scenario: { github: GITHUB } });
  const [first = ''] = await world.runs('staging');
  const repository = workspaceOf({ 'platform.yml': world.manifest() });
  const { sandbox } = world;
  const stage = {
    sandbox,
    repository,
    node: [node24()] as const,
    secrets: SECRETS,
    reviewer: review(() => world),
  };
  const rehearsal = new Rehearsal(stage);
  const dispatch: Scene['dispatch'] = (caller, inputs) =>
    rehearsal.play(`workflows/${caller}.yml`, { name: 'workflow_dispatch', inputs });
  return { world, first, dispatch };
}

const toStaging = { from: 'dev', to: 'staging' };

test('a manual promotion is planned, approved and executed', async () => {
  const lead = reviewer();
  const { world, dispatch } = await scene(() => lead);
  const digest = await world.release('user-service', 'v2');
  const report = await dispatch('promote', toStaging);
  expect(verdictsOf(report)).toEqual({ 'promote / plan': 'planned', 'promote / promote': 'promoted' });
  expect(droppedOf(report)).toEqual([]);
  expect(lead.asked).toEqual(['staging']);
  expect(await world.runs('staging')).toEqual([digest]);

  const again = await dispatch('promote', toStaging);
  expect(verdictsOf(again)).toEqual({ 'promote / plan': 'planned', 'promote / promote': 'skipped' });
  expect(lead.asked).toEqual(['staging']);
});

test('a rejected promotion changes nothing', async () => {
  const { world, first, dispatch } = await scene(() => reviewer(() => 'rejected'));
  await world.release('user-service', 'v2');
  const report = await dispatch('promote', toStaging);
  expect(report.result).toBe('failure');
  expect(report.jobs['promote / promote']).toMatchObject({ result: 'failure', steps: [] });
  expect(await world.runs('staging')).toEqual([first]);
});

test('of two images, the approved one is promoted', async () => {
  const { world, dispatch } = await scene((current) =>
    reviewer(
      () => 'approved',
      () => current().release('user-service', 'v3'),
    ),
  );
  const digest = await world.release('user-service', 'v2');
  const report = await dispatch('promote', toStaging);
  expect(verdictsOf(report)).toEqual({ 'promote / plan': 'planned', 'promote / promote': 'promoted' });
  expect(await world.runs('staging')).toEqual([digest]);
});

test('a rollback restores the previous release and sets a hold; releasing the other one again needs both inputs', async () => {
  const { world, first, dispatch } = await scene(() => reviewer());
  const digest = await world.release('user-service', 'v2');
  await dispatch('promote', toStaging);
  const back = await dispatch('rollback', { environment: 'staging', reason: 'Orders fail' });
  expect(verdictsOf(back)).toEqual({ 'rollback / rollback': 'restored' });
  expect(back.jobs['rollback / rollback']?.environmentUrl).toEqual({
    url: 'https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/staging-shop/services?region=eu-west-1',
  });
  expect(await world.runs('staging')).toEqual([first]);

  const held = await dispatch('promote', toStaging);
  expect(verdictsOf(held)).toEqual({ 'promote / plan': 'held', 'promote / promote': 'skipped' });
  const reason = { ...toStaging, 'bypass-reason': 'It was the network' };
  expect(verdictsOf(await dispatch('promote', reason))).toEqual({
    'promote / plan': 'outdated',
    'promote / promote': 'skipped',
  });
  const passed = await dispatch('promote', { ...reason, 'allow-older': 'true' });
  expect(verdictsOf(passed)).toEqual({ 'promote / plan': 'planned', 'promote / promote': 'promoted' });
  expect(await world.runs('staging')).toEqual([digest]);
});
