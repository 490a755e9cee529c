import { expect, test } from '@jest/globals';
import { useWorkspaces } from '../../support/action.ts';
import { PromotionWorld, promoteEnvironment } from '../../support/promotion.ts';

const workspaceOf = useWorkspaces();
const commitOf = (digit: string): string => digit.repeat(40);
const github = { commits: Array.from('1234', (digit) => ({ sha: commitOf(digit) })) };

/** The source of a release by a run of the pipeline. */
const sourceOf = (digit: string, more: object = {}): object => ({
  repository: 'org/platform',
  workflow: '.github/workflows/pipeline.yml',
  ref: 'refs/heads/main',
  commit: commitOf(digit),
  runNumber: 100 + Number(digit),
  attempt: 1,
  ...more,
});

async function releaseIn(world: PromotionWorld, environment: 'dev' | 'staging'): Promise<object> {
  const text = await world.parameter(environment, 'user-service/release');
  return JSON.parse(text ?? '{}') as object;
}

test('an older release upstream is outdated, and a promotion records the source of what it promotes', async () => {
  const world = await PromotionWorld.start({ scenario: { github } });
  const workspace = workspaceOf({ 'platform.yml': world.manifest() });
  await world.release('user-service', 'v2', 'dev', sourceOf('2'));
  const first = await promoteEnvironment(world, workspace, {});
  expect(first.outputs['verdict']).toBe('promoted');
  expect(await releaseIn(world, 'staging')).toMatchObject({ ...sourceOf('2'), from: 'dev', sequence: 1 });
  const newer = await world.runs('staging');

  const older = await world.release('user-service', 'v1b', 'dev', sourceOf('1'));
  for (const inputs of [{ 'dry-run': 'true' }, { 'bypass-reason': 'INC-1' }]) {
    const late = await promoteEnvironment(world, workspace, inputs);
    expect([late.exitCode, late.outputs['verdict']]).toEqual([1, 'outdated']);
    expect(late.outputs['reason']).toMatch(
      /^Run 101 of \.github\/workflows\/pipeline\.yml 1111111 is older than run 102 2222222, which was released to user-service in staging at .*Nothing was changed\. Fix: /,
    );
    expect(late.result['error']).toMatchObject({ code: 'outdated' });
  }
  expect(await world.runs('staging')).toEqual(newer);

  const allowed = await promoteEnvironment(world, workspace, { 'allow-older': 'true' });
  expect(allowed.outputs['verdict']).toBe('promoted');
  expect(await world.runs('staging')).toEqual([older]);
  expect(await releaseIn(world, 'staging')).toMatchObject({ ...sourceOf('1'), allowOlder: true });
});

test('a release of another workflow is compared by its commit, and one outdated service blocks all', async () => {
  const world = await PromotionWorld.start({
    scenario: { github },
    services: ['user-service', 'order-service'],
  });
  const workspace = workspaceOf({ 'platform.yml': world.manifest() });
  await world.release('user-service', 'v3', 'staging', sourceOf('3'));
  const hotfix = { workflow: '.github/workflows/hotfix.yml', runNumber: 900 };
  await world.release('user-service', 'v2', 'dev', sourceOf('2', hotfix));
  await world.release('order-service', 'v2', 'dev', sourceOf('2'));
  const before = await world.runs('staging', 'order-service');
  const run = await promoteEnvironment(world, workspace, {});
  expect(run.outputs['verdict']).toBe('outdated');
  expect(run.outputs['reason']).toMatch(/^The commit 2222222 is an ancestor of the commit 3333333/);
  expect(await world.runs('staging', 'order-service')).toEqual(before);
});
