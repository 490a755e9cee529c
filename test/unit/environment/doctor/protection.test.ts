import { describe, expect, test } from '@jest/globals';
import type { Scenario } from '../../../../sandbox/index.ts';
import { checkProtection } from '../../../../src/environment/doctor/protection.ts';
import type { Environment, Manifest } from '../../../../src/environment/manifest/manifest.ts';
import { readGitHubContext } from '../../../../src/github/context.ts';
import { useSandboxes } from '../../../support/action.ts';
import { FakeClock, recordingLog } from '../../core/fakes.ts';

const sandboxOf = useSandboxes();
const READS = { actions: 'read', contents: 'read' } as const;

type GitHub = NonNullable<Scenario['github']>;
interface Given {
  github: GitHub;
  environment?: Partial<Environment>;
  /** Environments that promote from dev. */
  downstream?: string;
  permissions?: Record<string, 'read' | 'write'>;
}

async function protectionOf({ github, environment = {}, downstream, permissions = READS }: Given) {
  const sandbox = await sandboxOf({ scenario: { github } });
  const { log, redactor } = recordingLog();
  const context = { clock: new FakeClock(), signal: new AbortController().signal, log, redactor };
  const dev = { name: 'dev', protected: false, ...environment } as Environment;
  const other = { name: 'staging', promoteFrom: downstream } as Environment;
  const token = sandbox.jobEnv({ permissions, claims: {} })['GITHUB_TOKEN'] ?? '';
  const checks = await checkProtection(context as unknown as Parameters<typeof checkProtection>[0], {
    manifest: { environments: { dev, staging: other } } as unknown as Manifest,
    environment: dev,
    github: readGitHubContext({ GITHUB_REPOSITORY: 'org/platform', GITHUB_API_URL: sandbox.githubUrl }),
    token,
  });
  return { sandbox, approval: checks[0], branches: checks[1] };
}

const RULED = [{ name: 'main', protection: 'rule' as const }, { name: 'topic' }];
const RULESET = [{ name: 'main', protection: 'ruleset' as const }];

/** The environment in GitHub, branches of the repository, whether staging promotes from it, the findings. */
const BRANCHES: readonly [string, object, NonNullable<GitHub['branches']>, boolean, string, RegExp][] = [
  ['no branch policy', {}, RULED, false, 'warning', /every branch may deploy: there is no branch policy/],
  ['no branch policy, and staging promotes from it', {}, RULED, true, 'problem', /every branch may deploy/],
  [
    '"Protected branches only" without a rule',
    { protectedBranches: true },
    [{ name: 'main' }],
    true,
    'problem',
    /has no effect without a branch protection rule\. Anyone who can push a branch can use the deploy role/,
  ],
  ['"Protected branches only" with a rule', { protectedBranches: true }, RULED, true, 'warning', /main/],
  [
    '"Protected branches only" with a ruleset',
    { protectedBranches: true },
    RULESET,
    true,
    'warning',
    /a ruleset is not one/,
  ],
  ['a protected branch by name', { branches: ['main'] }, RULED, true, 'ok', /^only main may deploy$/],
  ['a branch of a ruleset by name', { branches: ['main'] }, RULESET, true, 'ok', /^only main may deploy$/],
  [
    'a branch that is not protected',
    { branches: ['main'] },
    [{ name: 'main' }],
    true,
    'warning',
    /push to main, which is not protected/,
  ],
  ['a pattern', { branches: ['main', 'release/*'] }, RULED, true, 'warning', /push a branch release\/\*/],
  ['every branch by name', { branches: ['*'] }, RULED, true, 'problem', /every branch may deploy: .*\*/],
  ['every branch with a slash', { branches: ['main', '*/*'] }, RULED, true, 'problem', /\*\/\*/],
  [
    'pull requests',
    { branches: ['main', 'refs/pull/*/merge'] },
    RULED,
    true,
    'problem',
    /every pull request may deploy/,
  ],
  ['no branch at all', { branches: [] }, RULED, true, 'problem', /no branch may deploy/],
];

describe(`which branches may deploy: ${BRANCHES.length} policies`, () => {
  test.each(BRANCHES)('%s', async (_name, policy, branches, chained, state, says) => {
    const { branches: found } = await protectionOf({
      github: { environments: [{ name: 'dev', ...policy }], branches },
      ...(chained && { downstream: 'dev' }),
    });
    expect(found?.state).toBe(state);
    expect(found?.says).toMatch(says);
  });

  test('protected and promoted environments need protection', async () => {
    const github = { environments: [{ name: 'dev', reviewers: ['lead'] }], branches: RULED };
    for (const environment of [{ protected: true }, { promoteFrom: 'other' }]) {
      const { branches } = await protectionOf({ github, environment });
      expect(branches?.state).toBe('problem');
    }
  });
});

const APPROVALS: readonly [string, object, boolean, string, RegExp][] = [
  ['nobody, if nothing is protected', {}, false, 'ok', /no approval is required/],
  ['nobody, although the manifest says protected', {}, true, 'problem', /no approval is required, although/],
  [
    'reviewers who may approve their own',
    { reviewers: ['lead'], adminsBypass: false },
    true,
    'warning',
    /the person who starts a deployment can approve it$/,
  ],
  [
    'administrators who may bypass',
    { reviewers: ['lead'], preventSelfReview: true },
    true,
    'warning',
    /but administrators can bypass/,
  ],
  [
    'reviewers who cannot be bypassed',
    { reviewers: ['lead'], preventSelfReview: true, adminsBypass: false },
    true,
    'ok',
    /^reviewers must approve$/,
  ],
];

test.each(APPROVALS)(
  `who approves: %s (one of ${APPROVALS.length})`,
  async (_name, rules, isProtected, state, says) => {
    const { approval } = await protectionOf({
      github: { environments: [{ name: 'dev', branches: ['main'], ...rules }], branches: RULED },
      environment: { protected: isProtected },
    });
    expect(approval?.state).toBe(state);
    expect(approval?.says).toMatch(says);
  },
);

test('who approves: approvers of the manifest if GitHub has no reviewers', async () => {
  const { approval } = await protectionOf({
    github: { environments: [{ name: 'dev', branches: ['main'] }], branches: RULED },
    environment: { protected: true, approval: { approvers: ['lead', '@org/team'], selfApproval: false } },
  });
  expect(approval).toMatchObject({
    state: 'ok',
    says: 'it exists; only the approvers in the manifest can start changes',
  });
});

describe('settings that cannot be read are never ok', () => {
  const github = { environments: [{ name: 'dev', branches: ['main'] }], branches: RULED };

  test.each([
    ['no permission', {}, [/403|not accessible/i]],
    ['no permission for branches', { actions: 'read' as const }, [undefined, /not accessible/i]],
  ])('%s', async (_name, permissions, expected) => {
    const { approval, branches } = await protectionOf({ github, permissions });
    const found = expected.length === 1 ? approval : branches;
    expect(found).toMatchObject({ state: 'unknown', says: expect.stringMatching(expected.at(-1) as RegExp) });
    expect(found?.fix).toBe('Grant the job `actions: read` and `contents: read`.');
  });

  test('a 404 for a listed environment', async () => {
    const sandbox = await sandboxOf({ scenario: { github } });
    sandbox.addFault({ kind: 'error', operation: 'repos/get-environment', status: 404, code: 'NotFound' });
    const { log, redactor } = recordingLog();
    const [approval] = await checkProtection(
      { clock: new FakeClock(), signal: new AbortController().signal, log, redactor } as never,
      {
        manifest: { environments: {} } as unknown as Manifest,
        environment: { name: 'dev', protected: false } as Environment,
        github: readGitHubContext({ GITHUB_REPOSITORY: 'org/platform', GITHUB_API_URL: sandbox.githubUrl }),
        token: sandbox.tokens.installation,
      },
    );
    expect(approval?.state).toBe('unknown');
  });

  test('an unlisted environment is missing', async () => {
    const { approval, branches } = await protectionOf({ github: { environments: [{ name: 'develop' }] } });
    expect(approval).toMatchObject({ state: 'problem', says: expect.stringMatching(/^it does not exist/) });
    expect(branches).toBeUndefined();
  });
});

test('the fix keeps existing protection and corrects the rest', async () => {
  const environment = { name: 'dev', reviewers: ['lead'], waitMinutes: 5, preventSelfReview: true };
  const { branches, sandbox } = await protectionOf({
    github: { environments: [environment], branches: RULED },
    downstream: 'dev',
  });
  const [, path = '', body = ''] =
    /gh api --method PUT (\S+) --input - <<'JSON'\n(.*)\nJSON/.exec(branches?.fix ?? '') ?? [];
  expect(branches?.fix).toContain(`gh api --method POST ${path}/deployment-branch-policies -f name=main`);
  const send = (method: string, url: string, text: string): Promise<Response> =>
    fetch(`${sandbox.githubUrl}/${url}`, {
      method,
      body: text,
      headers: { authorization: `Bearer ${sandbox.tokens.user}`, 'content-type': 'application/json' },
    });
  const put = (await (await send('PUT', path, body)).json()) as { protection_rules: object[] };
  expect(put.protection_rules).toMatchObject([
    { type: 'required_reviewers', prevent_self_review: true },
    { type: 'wait_timer', wait_timer: 5 },
    { type: 'branch_policy' },
  ]);
  const posted = await send('POST', `${path}/deployment-branch-policies`, JSON.stringify({ name: 'main' }));
  expect(await posted.json()).toMatchObject({ name: 'main', type: 'branch' });
});
