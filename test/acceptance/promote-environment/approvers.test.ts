import { expect, test } from '@jest/globals';
import type { Scenario } from '../../../sandbox/index.ts';
import { useWorkspaces } from '../../support/action.ts';
import { PromotionWorld, promoteEnvironment } from '../../support/promotion.ts';

const workspaceOf = useWorkspaces();

/** The id of the action's runs. */
const RUN = 1001;
const startedBy = (actor: string, event = 'workflow_dispatch'): Scenario => ({
  github: { repository: 'org/platform', runs: [{ id: RUN, event, actor }] },
});

async function worldOf(scenario: Scenario) {
  const world = await PromotionWorld.start({ scenario });
  await world.release('user-service', 'v2');
  const rule = 'approvers: [ada]\n    self-approval: true';
  const manifest = world.manifest({ staging: rule });
  return { world, workspace: workspaceOf({ 'platform.yml': manifest }) };
}

test('an unapproved promotion is blocked before any call to AWS, and names the approvers', async () => {
  const { world, workspace } = await worldOf(startedBy('mallory'));
  const from = world.sandbox.calls.all.length;
  const run = await promoteEnvironment(world, workspace, {});
  expect(run.outputs).toMatchObject({ verdict: 'blocked', 'has-changes': 'false' });
  expect(run.exitCode).toBe(1);
  expect(run.outputs['reason']).toMatch(
    /^staging: mallory started this run but is not one of its approvers \(ada\)\. Nothing was changed\. Fix: Have an approver \(ada\) start the workflow `deploy` manually/,
  );
  expect(run.result).toMatchObject({ error: { code: 'not-approved' } });
  expect(world.sandbox.calls.all.slice(from).map(({ service }) => service)).toEqual(['github']);
});

test('a dry run needs no approval, and reports that its run may not promote', async () => {
  const { world, workspace } = await worldOf(startedBy('mallory', 'push'));
  const dry = await promoteEnvironment(world, workspace, { 'dry-run': 'true' });
  expect(dry.outputs).toMatchObject({ verdict: 'planned', 'has-changes': 'true', 'awaits-approval': 'true' });
  expect(dry.summary).toContain('This run does not change staging, which has approvers.');
});
