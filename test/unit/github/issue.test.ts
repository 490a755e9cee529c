import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { startSandbox, type Sandbox } from '../../../sandbox/index.ts';
import { gitHubState } from '../../../sandbox/github/state.ts';
import { readGitHubContext } from '../../../src/github/context.ts';
import { syncIssue, type IssueOptions } from '../../../src/github/issue.ts';
import { FakeClock, recordingLog } from '../core/fakes.ts';

const MARKER = '<!-- platform:drift/dev -->';
let sandbox: Sandbox;
let lines: string[];
let options: IssueOptions;

beforeEach(async () => {
  sandbox = await startSandbox();
  const { log, redactor, lines: recorded } = recordingLog();
  lines = recorded;
  options = {
    token: sandbox.tokens.installation,
    github: readGitHubContext({ GITHUB_REPOSITORY: 'org/platform', GITHUB_API_URL: sandbox.githubUrl }),
    context: { clock: new FakeClock(), signal: new AbortController().signal, log, redactor },
    marker: 'drift/dev',
    title: 'dev has drifted',
    sections: [{ body: 'one resource', priority: 1 }],
  };
});
afterEach(() => sandbox.close());

const issues = () => gitHubState(sandbox.world).issues;

describe('syncIssue', () => {
  test('opens one issue, updates it, and closes it', async () => {
    const opened = await syncIssue(options);
    expect(opened).toMatchObject({ action: 'opened' });
    expect(issues()).toMatchObject([
      { title: 'dev has drifted', body: `${MARKER}\none resource`, state: 'open' },
    ]);
    expect(await syncIssue(options)).toEqual({ ...opened, action: 'unchanged' });
    options.sections = [{ body: 'two resources', priority: 1 }];
    expect(await syncIssue(options)).toEqual({ ...opened, action: 'updated' });
    expect(issues()[0]?.body).toContain('two resources');
    options.sections = undefined;
    expect(await syncIssue(options)).toEqual({ ...opened, action: 'closed' });
    expect(issues()[0]?.state).toBe('closed');
    expect(await syncIssue(options)).toEqual({ action: 'none' });
    expect(issues()).toHaveLength(1);
  });

  test('does not change issues of others with the same marker', async () => {
    const state = gitHubState(sandbox.world);
    state.issue('a copy', `${MARKER}\ncopied`, { login: 'octocat', type: 'User' });
    await syncIssue(options);
    for (let count = 0; count < 120; count++)
      state.issue('other', 'text', { login: 'octocat', type: 'User' });
    expect(await syncIssue(options)).toMatchObject({ action: 'unchanged' });
    expect(state.issues[0]?.body).toBe(`${MARKER}\ncopied`);
  });

  test('a lost creation response does not cause a second issue', async () => {
    sandbox.addFault({ kind: 'reset', operation: 'issues/create', after: true });
    expect(await syncIssue(options)).toMatchObject({ action: 'unchanged' });
    expect(issues()).toHaveLength(1);
  });

  test('reports why it could not be written', async () => {
    options.token = sandbox.tokens.readOnly;
    expect(await syncIssue(options)).toMatchObject({ action: 'skipped' });
    expect(lines.join('\n')).toContain('the job needs the permission `issues: write`');
  });
});
