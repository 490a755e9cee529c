import { expect, test } from '@jest/globals';
import { node24 } from '../../runtime/node24.js';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { pullRequestCheckout } from '../../support/pull-request.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

async function playFork(
  caller: string,
  change = 'Resources: { Mine: {} }\n',
): Promise<{ report: RunReport; calls: number }> {
  const sandbox = await sandboxOf();
  const { repository, base } = pullRequestCheckout(workspaceOf, change);
  const rehearsal = new Rehearsal({ sandbox, repository, node: [node24()], secrets: { KEY: 'value' } });
  const pull_request = {
    number: 4,
    head: { ref: 'topic', sha: 'b'.repeat(40), repo: { full_name: 'someone/fork' } },
    base: { ref: 'main', sha: base },
  };
  const payload = { action: 'opened', pull_request };
  const report = await rehearsal.play(caller, { name: 'pull_request', ref: 'refs/pull/4/merge', payload });
  return { report, calls: sandbox.calls.all.length };
}

const results = ({ jobs }: RunReport): Record<string, string> =>
  Object.fromEntries(Object.entries(jobs).map(([name, { result }]) => [name, result]));

test('a pull request from a fork gets no preview, without a failure', async () => {
  const { report, calls } = await playFork('workflows/preview.yml');
  expect(results(report)).toEqual({
    'preview / deploy': 'skipped',
    'preview / remove': 'skipped',
    sweep: 'skipped',
  });
  expect(report.result).not.toBe('failure');
  expect(calls).toBe(0);
});

test('a pull request from a fork gets a diff of the templates instead of a plan', async () => {
  const { report, calls } = await playFork('workflows/plan.yml');
  expect(results(report)).toEqual({
    'plan / plan': 'skipped',
    'plan / difference': 'success',
    'plan / result': 'success',
  });
  const job = report.jobs['plan / difference'];
  expect(job?.permissions).toEqual({ contents: 'read' });
  expect(job?.steps.at(-1)?.summary).toContain('    +Resources: { Mine: {} }');
  expect(calls).toBe(0);
});

test('nothing in the diff is rendered as Markdown', async () => {
  const { report } = await playFork('workflows/plan.yml', '```\n![x](https://evil.example/x.png)\n# Big\n');
  const summary = report.jobs['plan / difference']?.steps.at(-1)?.summary ?? '';
  const lines = summary
    .split('\n')
    .slice(4)
    .filter((line) => line !== '');
  expect(lines.filter((line) => !line.startsWith('    '))).toEqual([]);
});

test.each([
  ['empty lines', '\n'.repeat(1_500_000)],
  ['short lines', 'é\n'.repeat(500_000)],
  ['one long line', 'x'.repeat(3_000_000)],
])('a diff of %s is truncated to the size limit of a summary', async (_, change) => {
  const { report } = await playFork('workflows/plan.yml', change);
  const step = report.jobs['plan / difference']?.steps.at(-1);
  expect({ result: step?.result, log: step?.log }).toEqual({ result: 'success', log: '' });
  expect(step?.summary).toMatch(/^### What this pull request changes\n/);
  expect(step?.summary).toMatch(
    /\nTruncated to the size limit of a summary\. The pull request shows the full diff\.\n$/,
  );
  expect(step?.summary).not.toContain('\uFFFD');
});
