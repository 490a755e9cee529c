import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { node24 } from '../../runtime/node24.js';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { PromotionWorld } from '../../support/promotion.ts';
import { refusal, ssmOf } from '../../unit/sandbox/clients.ts';
import { gate } from '../rehearsal/made-up.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';
import { ACCOUNTS, Shop } from './shop.ts';
import { GITHUB, LEAD, logOf, SECRETS, verdictsOf } from './stage.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

const deployed = { 'deploy / plan': 'planned, unchanged', 'deploy / apply': 'deployed' };
const outdatedPlan = { 'deploy / plan': 'outdated', 'deploy / apply': 'skipped' };
const outdatedApply = { 'deploy / plan': 'planned, unchanged', 'deploy / apply': 'outdated' };

/** Runs that deploy dev, each with its own commit: run n has commit n. A run waits for a runner at its gate. */
async function scene(count: number) {
  const sandbox = await sandboxOf({
    accounts: Object.values(ACCOUNTS),
    scenario: { github: { ...GITHUB, environments: [{ name: 'dev' }] } },
  });
  const commits = Array.from({ length: count }, (_, index) => {
    const shop = new Shop(sandbox, workspaceOf({}));
    const sha = String(index + 1).repeat(40);
    return { shop, sha, repository: shop.folder, digest: shop.commit(`v${index + 1}`) };
  });
  const [first] = commits;
  const gates = new Map<string, ReturnType<typeof gate<undefined>>>();
  const rehearsal = new Rehearsal({
    sandbox,
    repository: first!.repository,
    refs: Object.fromEntries(commits.map((commit) => [`v${commit.sha[0] ?? ''}`, commit])),
    node: [node24()],
    secrets: SECRETS,
    pickUp: async (job, { number }) => gates.get(`${number}: ${job}`)?.passed,
  });
  const start = (number: number, queued?: string) => {
    const passage = gate<undefined>();
    if (queued !== undefined) gates.set(`${number}: ${queued}`, passage);
    const inputs = { environment: 'dev' };
    const sha = commits[number - 1]!.sha;
    const { finished } = rehearsal.start('workflows/deploy.yml', { name: 'workflow_dispatch', sha, inputs });
    const pickUp = (): void => {
      passage.open(undefined);
    };
    return { finished, pickUp };
  };
  const runs = () => first!.shop.runsIn('dev');
  return { sandbox, rehearsal, start, runs, digestOf: (number: number) => [commits[number - 1]!.digest] };
}

/** Expects the verdicts, and shows the log if they differ. */
function expectVerdicts(report: RunReport, expected: Record<string, string>): void {
  const verdicts = verdictsOf(report);
  if (JSON.stringify(verdicts) !== JSON.stringify(expected)) console.error(logOf(report));
  expect(verdicts).toEqual(expected);
}

const lockOf = async ({ sandbox }: Awaited<ReturnType<typeof scene>>) =>
  (await refusal(ssmOf(sandbox).send(new GetParameterCommand({ Name: '/shop/dev/lock' })))).name;

test('a queued older run is outdated, wherever a newer one overtook it', async () => {
  const place = await scene(7);
  expectVerdicts(await place.start(1).finished, deployed);

  // Before its plan.
  const beforePlan = place.start(2, 'deploy / plan');
  expectVerdicts(await place.start(3).finished, deployed);
  beforePlan.pickUp();
  expectVerdicts(await beforePlan.finished, outdatedPlan);

  // Between its plan and its apply.
  const beforeApply = place.start(4, 'deploy / apply');
  expectVerdicts(await place.start(5).finished, deployed);
  beforeApply.pickUp();
  expectVerdicts(await beforeApply.finished, outdatedApply);
  expect(await place.runs()).toEqual(place.digestOf(5));
});

test('of two concurrent deployments, the older is outdated and the newer waits for the lock', async () => {
  const place = await scene(5);
  const { sandbox, rehearsal } = place;
  expectVerdicts(await place.start(1).finished, deployed);
  /** The next change of a stack takes as long as the other run needs to find that the lock is held. */
  const slow = () => {
    sandbox.addFault({ kind: 'delay', operation: 'ExecuteChangeSet', times: 1, delayMs: 12_000 });
    const next = sandbox.calls.of('ExecuteChangeSet').length + 1;
    return sandbox.calls.arrival({ operation: 'ExecuteChangeSet' }, next);
  };

  const older = place.start(2, 'deploy / apply');
  const newer = place.start(3, 'deploy / apply');
  const changing = slow();
  newer.pickUp();
  await changing;
  older.pickUp();
  expectVerdicts(await older.finished, outdatedApply);
  expectVerdicts(await newer.finished, deployed);
  expect(await place.runs()).toEqual(place.digestOf(3));

  const first = place.start(4, 'deploy / apply');
  const second = place.start(5, 'deploy / apply');
  const changingAgain = slow();
  first.pickUp();
  await changingAgain;
  second.pickUp();
  expectVerdicts(await first.finished, deployed);
  expect(await place.runs()).toEqual(place.digestOf(4));
  // The planned state has changed since, and nothing is lost: the run is planned again.
  const waited = await second.finished;
  expect(logOf(waited)).toMatch(/The environment is locked by .*waiting up to 3600 s/);
  expectVerdicts(waited, { 'deploy / plan': 'planned, unchanged', 'deploy / apply': 'plan-changed' });
  expect(await lockOf(place)).toBe('ParameterNotFound');
  expectVerdicts(await rehearsal.rerun(waited, 'all'), deployed);
  expect(await place.runs()).toEqual(place.digestOf(5));
});

test('an emergency rollback stops the promotion in progress and runs first; the next promotion is held', async () => {
  // The tasks of the promoted release take a minute of this test.
  const slow = { does: 'run' as const, match: { family: 'staging-shop-user-service', revision: 3 } };
  const rules = [{ ...slow, bootSeconds: 120_000 }];
  const world = await PromotionWorld.start({ scenario: { github: GITHUB, ecs: { rules } } });
  const good = await world.release('user-service', 'v2', 'staging');
  await world.release('user-service', 'v3');
  const { sandbox } = world;
  const repository = workspaceOf({ 'platform.yml': world.manifest() });
  const review = () => Promise.resolve('approved' as const);
  const stage = { sandbox, repository, node: [node24()] as const, secrets: SECRETS };
  const queued = gate<undefined>();
  const rehearsal = new Rehearsal({
    ...stage,
    reviewer: { token: LEAD, review },
    pickUp: async (job, { number }) =>
      number === 2 && job === 'promote / promote' ? queued.passed : undefined,
  });
  const dispatch = (caller: string, inputs: Record<string, string>) =>
    rehearsal.start(`workflows/${caller}.yml`, { name: 'workflow_dispatch', inputs });
  const toStaging = { from: 'dev', to: 'staging' };

  const updates = sandbox.calls.of('UpdateService').length;
  const [underWay, next] = [dispatch('promote', toStaging), dispatch('promote', toStaging)];
  await sandbox.calls.arrival({ operation: 'UpdateService' }, updates + 1);
  queued.open(undefined);
  const back = dispatch('rollback', { environment: 'staging', reason: 'Orders fail' });
  expectVerdicts(await underWay.finished, { 'promote / plan': 'planned', 'promote / promote': 'cancelled' });
  expectVerdicts(await back.finished, { 'rollback / rollback': 'restored' });
  expectVerdicts(await next.finished, { 'promote / plan': 'planned', 'promote / promote': 'held' });
  expect(await world.runs('staging')).toEqual([good]);
});

test('an emergency rollback does not wait for an unapproved promotion, which is then held', async () => {
  const world = await PromotionWorld.start({ scenario: { github: GITHUB } });
  const [good] = await world.runs('staging');
  await world.release('user-service', 'v2', 'staging');
  await world.release('user-service', 'v3');
  const asked = gate<undefined>();
  const approval = gate<'approved'>();
  const review = (_: string, { workflow }: { workflow: string }) => {
    if (!workflow.endsWith('promote.yml')) return Promise.resolve('approved' as const);
    asked.open(undefined);
    return approval.passed;
  };
  const repository = workspaceOf({ 'platform.yml': world.manifest() });
  const { sandbox } = world;
  const rehearsal = new Rehearsal({
    sandbox,
    repository,
    node: [node24()],
    secrets: SECRETS,
    reviewer: { token: LEAD, review },
  });
  const dispatch = (caller: string, inputs: Record<string, string>) =>
    rehearsal.start(`workflows/${caller}.yml`, { name: 'workflow_dispatch', inputs });

  const unapproved = dispatch('promote', { from: 'dev', to: 'staging' });
  await asked.passed;
  const back = await dispatch('rollback', { environment: 'staging', reason: 'Orders fail' }).finished;
  expectVerdicts(back, { 'rollback / rollback': 'restored' });
  expect(await world.runs('staging')).toEqual([good]);

  approval.open('approved');
  expectVerdicts(await unapproved.finished, { 'promote / plan': 'planned', 'promote / promote': 'held' });
  expect(await world.runs('staging')).toEqual([good]);
});
