import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { node24 } from '../../runtime/node24.js';
import { useWorkspaces } from '../../support/action.ts';
import { PreviewHost } from '../../support/preview.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';

const CALLER = 'workflows/preview.yml';
const workspaceOf = useWorkspaces();
let host: PreviewHost;
let rehearsal: Rehearsal;
beforeAll(async () => {
  host = await PreviewHost.start(workspaceOf);
  const repository = host.workspaceWith('platform.yml');
  rehearsal = new Rehearsal({ sandbox: host.sandbox, repository, node: [node24()] });
});
afterAll(() => host.sandbox.close());

/** The event of a pull request of the repository itself. */
function pullRequest(number: number, action: string) {
  const { head, base, sha } = host.pull(number);
  const pull_request = {
    number,
    head: { ref: head, sha, repo: { full_name: 'org/platform' } },
    base: { ref: base },
  };
  return { name: 'pull_request', ref: `refs/pull/${number}/merge`, payload: { action, pull_request } };
}

const verdicts = ({ jobs }: RunReport): Record<string, string> =>
  Object.fromEntries(
    Object.entries(jobs).map(([name, { steps, result }]) => [
      name,
      steps.findLast(({ outputs }) => outputs['verdict'] !== undefined)?.outputs['verdict'] ?? result,
    ]),
  );

test('a preview goes with its pull request, also when the branch is gone', async () => {
  await host.run(7);
  expect(host.deployments(7)).toEqual(['success']);
  host.pull(7).state = 'closed';
  const report = await rehearsal.play(CALLER, pullRequest(7, 'closed'));
  expect(verdicts(report)).toEqual({
    'preview / deploy': 'skipped',
    'preview / remove': 'removed',
    sweep: 'skipped',
  });
  expect(await host.stacks()).toEqual([]);
  expect(host.priorities).toEqual([]);
  expect(host.deployments(7)).toEqual(['inactive']);
});

test('an orphan is swept in the night, and what is in use is left alone', async () => {
  await host.run(8);
  await host.run(9);
  host.pull(8).state = 'closed';
  const report = await rehearsal.play(CALLER, { name: 'schedule' });
  expect(verdicts(report)).toEqual({ preview: 'skipped', 'sweep / sweep': 'swept' });
  expect(await host.stacks()).toEqual(['dev-platform-pr-9-user-service']);
  expect(host.deployments(8)).toEqual(['inactive']);
});
