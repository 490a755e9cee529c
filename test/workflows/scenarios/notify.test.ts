import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { slackMessages } from '../../../sandbox/slack/endpoint.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';
import type { Event } from '../rehearsal/run.ts';
import { ROOT, withOwner, type WorkflowFile, workflowFile } from '../workflow.ts';
import { madeOf } from './scene.ts';
import { logOf, reviewer, SECRETS } from './stage.ts';

const hooks = { sandboxOf: useSandboxes(), workspaceOf: useWorkspaces() };

/** A caller whose reader uncommented the lines that pass the webhook on. */
function notifying(name: string): WorkflowFile {
  const path = `workflows/${name}.yml`;
  const text = withOwner(readFileSync(join(ROOT, path), 'utf8'));
  const edited = text.replace(/^ {4}# (secrets:| {2}notify: .*)$/gm, '    $1');
  expect(edited.match(/^ {4}secrets:\n {6}notify: \$\{\{ secrets\.SLACK_WEBHOOK_URL \}\}$/gm)).toHaveLength(
    1,
  );
  return workflowFile(path, edited);
}

test('a pipeline posts pending approvals, failures and a rollback, but not successes', async () => {
  const lead = reviewer();
  const rule = { match: { cluster: 'staging-shop', revision: 3 }, does: 'exit' as const };
  const scene = await madeOf(hooks, lead, { ecs: { rules: [rule] } });
  const { shop } = scene;
  const { sandbox } = shop;
  const secrets = { ...SECRETS, SLACK_WEBHOOK_URL: sandbox.webhookUrl };
  const rehearsal = new Rehearsal({ ...scene.rehearsal.stage, secrets });
  const { pathname } = new URL(sandbox.webhookUrl);

  /** Plays a caller. Returns what was posted, without the lines about who and where. */
  const play = async (caller: string, event: Event): Promise<{ report: RunReport; posted: string[] }> => {
    const report = await rehearsal.play(notifying(caller), event);
    expect(logOf(report)).not.toContain(pathname);
    const posted = slackMessages(sandbox.world).splice(0);
    for (const message of posted) expect(message.split('\n').at(-1)).toMatch(/^<[^|]+\|Run> · .*by octocat/);
    return { report, posted: posted.map((message) => message.split('\n').slice(0, -1).join('\n')) };
  };
  const push = (digit: string) => play('pipeline', { name: 'push', sha: digit.repeat(40) });
  const waiting = (environment: string): unknown =>
    expect.stringMatching(
      new RegExp(
        `^⏳ \\*Waiting for approval\\* ${environment}\n.* stacks? (will|would) .*Reviewers: lead\\. Review the plan`,
      ),
    );

  shop.commit('v2');
  const good = await push('2');
  if (good.report.result !== 'success') console.error(logOf(good.report));
  // dev needs no approval.
  expect(good.posted).toEqual([waiting('staging'), waiting('prod')]);

  const again = await push('2');
  expect([again.report.result, again.posted]).toEqual(['success', []]);

  shop.commit('v3');
  const bad = await push('3');
  expect([bad.report.result, bad.posted]).toEqual([
    'failure',
    [
      waiting('staging'),
      expect.stringMatching(
        /^❌ \*promote-environment: rolled-back\* dev → staging\napi: The container api exited with code 1.*\n\*Fix:\* /,
      ),
    ],
  ]);

  const inputs = { environment: 'prod', reason: 'Users cannot log in' };
  const back = await play('rollback', { name: 'workflow_dispatch', inputs });
  if (back.report.result !== 'success') console.error(logOf(back.report));
  expect(back.posted).toEqual([
    expect.stringMatching(/^↩️ \*promote-environment: restored\* prod\n.* prod is on hold\./),
  ]);

  // A hold that was posted is not posted again by each run that it blocks.
  const held = await play('promote', { name: 'workflow_dispatch', inputs: { from: 'staging', to: 'prod' } });
  expect([held.report.result, held.posted]).toEqual(['failure', []]);
}, 600_000);
