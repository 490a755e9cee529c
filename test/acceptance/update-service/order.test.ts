import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import type { Run, RunOptions, WorkflowRun } from '../../../sandbox/runner.ts';
import { ssmOf } from '../../unit/sandbox/clients.ts';
import { EcsWorld } from '../../unit/sandbox/ecs/ecs-world.ts';
import { useWorkspaces } from '../../support/action.ts';
import { checkOut } from '../../support/checkout.ts';
import { imageOf, updateService } from '../../support/service.ts';
import { expectExample } from '../../support/error-example.ts';

const workspaceOf = useWorkspaces();
const PARAMETER = '/platform/dev/user-service/image';
const commitOf = (digit: string): string => digit.repeat(40);

/** A repository with consecutive commits: 0, 1, 2 … */
const github = { commits: Array.from('01234', (digit) => ({ sha: commitOf(digit) })) };

/** Deploys the image of a commit, as run 100 + digit. */
function deploy(
  world: EcsWorld,
  digit: string,
  run: Partial<WorkflowRun> = {},
  inputs: Record<string, string> = {},
  options: RunOptions = {},
): Promise<Run> {
  const ours = { number: 100 + Number(digit), sha: commitOf(digit), ...run };
  return updateService(
    world,
    { image: imageOf(digit), parameter: PARAMETER, ...inputs },
    { token: world.sandbox.tokens.installation, run: ours, ...options },
  );
}

async function recorded(world: EcsWorld): Promise<Record<string, unknown>> {
  const command = new GetParameterCommand({ Name: '/platform/dev/user-service/release' });
  const { Parameter } = await ssmOf(world.sandbox).send(command);
  return JSON.parse(Parameter?.Value ?? '{}') as Record<string, unknown>;
}

function changesOf({ sandbox }: EcsWorld): number {
  return ['RegisterTaskDefinition', 'UpdateService'].flatMap((name) => sandbox.calls.of(name)).length;
}

test('runs that arrive late, in any order, are outdated, and nothing is registered', async () => {
  const world = await EcsWorld.withService({ scenario: { github } });
  expect((await deploy(world, '3')).outputs['verdict']).toBe('deployed');
  const changes = changesOf(world);
  for (const late of ['1', '2']) {
    const run = await deploy(world, late);
    expect([run.exitCode, run.outputs['verdict']]).toEqual([1, 'outdated']);
    expect(run.outputs['reason']).toMatch(
      /^Run 10[12] of \.github\/workflows\/pipeline\.yml \d{7} is older than run 103 3333333, which was released to user-service at .*Nothing was changed\. Fix: Deploy the newer commit, or set `allow-older: true`/,
    );
    expect(run.result['error']).toMatchObject({ code: 'outdated' });
  }
  expect(changesOf(world)).toBe(changes);
  expect(await recorded(world)).toMatchObject({ image: imageOf('3'), runNumber: 103, sequence: 1 });

  const again = await deploy(world, '3', { attempt: 2 });
  expect(again.outputs['verdict']).toBe('unchanged');
  const allowed = await deploy(world, '2', {}, { 'allow-older': 'true' });
  expect(allowed.outputs['verdict']).toBe('deployed');
  expect(allowed.summary).toContain('It is replaced because allow-older is true.');
  expect(await recorded(world)).toMatchObject({ runNumber: 102, allowOlder: true, proven: true });
});

test('another workflow is compared by commit ancestry, if the token can read the commits', async () => {
  const world = await EcsWorld.withService({ scenario: { github } });
  await deploy(world, '2');
  const hotfix = { workflow: '.github/workflows/hotfix.yml', number: 500 };
  const run = await deploy(world, '1', hotfix);
  expect(run.outputs['verdict']).toBe('outdated');
  expect(run.outputs['reason']).toMatch(
    /^The commit 1111111 is an ancestor of the commit 2222222, which was/,
  );

  const job = world.sandbox.jobEnv({ permissions: { actions: 'read' }, claims: {} });
  const denied = await deploy(world, '1', hotfix, {}, { token: job['GITHUB_TOKEN'] ?? '' });
  expect(denied.outputs['verdict']).toBe('deployed');
  expect(denied.summary).toMatch(/could not be compared \(GitHub: Resource not accessible by integration/);
});

test('a run is compared by the commit that it has checked out', async () => {
  const world = await EcsWorld.withService({ scenario: { github } });
  const checkedOut = (digit: string): string => {
    const workspace = workspaceOf({});
    checkOut(workspace, commitOf(digit));
    return workspace;
  };
  const dispatch = (digit: string, number: number, inputs: Record<string, string> = {}) =>
    deploy(world, digit, { number, sha: commitOf('4') }, inputs, { workspace: checkedOut(digit) });
  expect((await dispatch('2', 201)).outputs['verdict']).toBe('deployed');
  expect(await recorded(world)).toMatchObject({ commit: commitOf('2'), runNumber: 201 });

  const older = await dispatch('1', 202);
  expect([older.exitCode, older.outputs['verdict']]).toEqual([1, 'outdated']);
  expect(older.outputs['reason']).toMatch(/^The commit 1111111 is an ancestor of the commit 2222222/);
  const again = await dispatch('1', 201);
  expect(again.outputs['verdict']).toBe('outdated');
  expect((await dispatch('1', 203, { 'allow-older': 'true' })).outputs['verdict']).toBe('deployed');
  expect(await recorded(world)).toMatchObject({ commit: commitOf('1'), allowOlder: true });

  const given = await dispatch('1', 204, { image: imageOf('3'), commit: commitOf('3') });
  expect(given.outputs['verdict']).toBe('deployed');
  expect(await recorded(world)).toMatchObject({ commit: commitOf('3'), runNumber: 204 });
});

test('a run that arrives during the rollout of a newer one waits for it, and is outdated', async () => {
  const world = await EcsWorld.withService({ scenario: { github }, timeScale: 100 });
  let late: Promise<Run> | undefined;
  const newer = await deploy(
    world,
    '2',
    {},
    {},
    {
      onLine: (line) => {
        if (line.includes(' started.')) late ??= deploy(world, '1');
      },
    },
  );
  expect(newer.outputs['verdict']).toBe('deployed');
  const run = await late;
  expect(run?.log).toMatch(/The service is locked by octocat since .*waiting up to 600 s/);
  expect(run?.outputs['verdict']).toBe('outdated');
  expect((await world.service()).taskDefinition).toMatch(/:2$/);
});

test('a rollback is exempt, and the ledger records the source of its target', async () => {
  const world = await EcsWorld.withService({ scenario: { github } });
  await deploy(world, '1');
  await deploy(world, '2');
  const rollback = { workflow: '.github/workflows/rollback.yml', number: 1, sha: commitOf('2') };
  const back = await updateService(
    world,
    { command: 'rollback', parameter: PARAMETER },
    { token: world.sandbox.tokens.installation, run: rollback },
  );
  expect(back.outputs['verdict']).toBe('deployed');
  expect(await recorded(world)).toMatchObject({ image: imageOf('1'), commit: commitOf('1'), runNumber: 101 });
  const changes = changesOf(world);
  const bad = await deploy(world, '2', { attempt: 2 });
  expect([bad.exitCode, bad.outputs['verdict']]).toEqual([1, 'outdated']);
  expect(bad.outputs['reason']).toMatch(
    /^Run 102 of \.github\/workflows\/pipeline\.yml 2222222 was rolled back from user-service at .* Nothing was changed\. Fix: Deploy a newer commit, or set `allow-older: true` to release this one again\.$/,
  );
  expectExample('outdated', bad);
  const rebuilt = await deploy(world, '2', { attempt: 3 }, { image: imageOf('4') });
  expect(rebuilt.outputs['verdict']).toBe('outdated');
  expect(changesOf(world)).toBe(changes);
  expect((await deploy(world, '1', { attempt: 2 })).outputs['verdict']).toBe('unchanged');
  expect((await deploy(world, '2', { attempt: 4 })).outputs['verdict']).toBe('outdated');
  expect((await deploy(world, '3')).outputs['verdict']).toBe('deployed');
});

test('a hold stops releases, but not a restart or a rollback', async () => {
  const world = await EcsWorld.withService({ scenario: { github } });
  await deploy(world, '1');
  await deploy(world, '2');
  const hold = { Name: '/platform/dev/hold', Type: 'String' as const };
  const Value = JSON.stringify({ reason: 'Orders fail', actor: 'eve', at: '2026-11-27T08:00:00Z', run: '' });
  await ssmOf(world.sandbox).send(new PutParameterCommand({ ...hold, Value }));
  const changes = changesOf(world);
  const run = await deploy(world, '3');
  expect([run.exitCode, run.outputs['verdict']]).toEqual([1, 'held']);
  expect(run.outputs['reason']).toBe(
    'dev is on hold (set by eve at 2026-11-27T08:00:00Z): Orders fail. Nothing was changed. Fix: Release the hold with promote-environment and `command: release-hold`, or delete the parameter /platform/dev/hold.',
  );
  expect(run.result['error']).toMatchObject({ code: 'held' });
  expect((await deploy(world, '1', {}, { 'allow-older': 'true' })).outputs['verdict']).toBe('held');
  expect(changesOf(world)).toBe(changes);
  for (const command of ['restart', 'rollback']) {
    const exempt = await updateService(world, { command, parameter: PARAMETER });
    expect([command, exempt.outputs['verdict']]).toEqual([command, 'deployed']);
  }
});

test('without permission for the lock, the ledger is read again before each change', async () => {
  const world = await EcsWorld.withService({ scenario: { github } });
  const fault = {
    kind: 'error' as const,
    operation: 'PutParameter',
    code: 'AccessDeniedException',
    status: 400,
  };
  world.sandbox.addFault({ ...fault, times: 1 });
  const run = await deploy(world, '2');
  expect(run.outputs['verdict']).toBe('deployed');
  expect(run.log).toContain(
    'Fix: Allow ssm:PutParameter, ssm:GetParameterHistory and ssm:DeleteParameter on',
  );
  expect((await deploy(world, '1')).outputs['verdict']).toBe('outdated');
});
