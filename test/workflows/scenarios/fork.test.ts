import { expect, test } from '@jest/globals';
import { Marked } from 'marked';
import { node24 } from '../../runtime/node24.js';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { BASE_TEMPLATE, pullRequestCheckout } from '../../support/pull-request.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

async function playFork(
  caller: string,
  template = `${BASE_TEMPLATE}  Queue: { Type: AWS::SQS::Queue }\n`,
): Promise<{ report: RunReport; calls: number }> {
  const sandbox = await sandboxOf();
  const { repository, base } = pullRequestCheckout(workspaceOf, template);
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

interface Change {
  what: string;
  template: string;
  result: 'success' | 'failure';
  /** A part of the report of each environment. */
  says: string;
}

const changes: Change[] = [
  {
    what: 'an addition',
    template: `${BASE_TEMPLATE}  Queue: { Type: AWS::SQS::Queue }\n`,
    result: 'success',
    says: '| `+` added | `messages/Queue` | AWS::SQS::Queue |',
  },
  {
    what: 'a broken template',
    template: BASE_TEMPLATE.replace('SNS::Topic', 'SNS::Topics'),
    result: 'failure',
    says: 'templates/messages.yml:3',
  },
];

test.each(changes)('$what of a fork is rehearsed instead of planned, without AWS', async (change) => {
  const { report, calls } = await playFork('workflows/plan.yml', change.template);
  const rehearsals = ['dev', 'staging', 'prod'].map((name) => `plan / rehearse (${name})`);
  expect(results(report)).toEqual({
    'plan / plan': 'skipped',
    ...Object.fromEntries(rehearsals.map((name) => [name, change.result])),
    'plan / result': change.result,
  });
  for (const name of rehearsals) {
    expect(report.jobs[name]?.permissions).toEqual({ contents: 'read' });
    expect(report.jobs[name]?.steps.at(-1)?.summary).toContain(change.says);
  }
  expect(calls).toBe(0);
});

test('text of a template that a fork controls is not rendered as Markdown', async () => {
  const name = '![x](https://evil.example/x.png)';
  const template = `${BASE_TEMPLATE}  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: "${name}" } }\n`;
  const { report } = await playFork('workflows/plan.yml', template);
  const summary = report.jobs['plan / rehearse (dev)']?.steps.at(-1)?.summary ?? '';
  expect(summary).toContain('Rehearsal of dev');
  expect(summary).toContain(name);
  expect(await new Marked().parse(summary)).not.toContain('<img');
});
