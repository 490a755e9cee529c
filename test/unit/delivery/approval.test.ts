import { describe, expect, test } from '@jest/globals';
import type { Scenario } from '../../../sandbox/index.ts';
import { Redactor } from '../../../src/core/redaction.ts';
import {
  type ApprovalRequest,
  type ApprovalRule,
  awaitsApproval,
  type CommitOf,
  NotApprovedError,
  requireApproval,
  requireOtherWriter,
} from '../../../src/delivery/approval.ts';
import { readGitHubContext } from '../../../src/github/context.ts';
import { FakeClock, recordingLog } from '../core/fakes.ts';
import { sandboxOf } from '../sandbox/clients.ts';

type GitHub = NonNullable<Scenario['github']>;

const TEAMS = [
  { slug: 'leads', members: ['grace'], invited: ['new'] },
  { slug: 'on-call', members: ['linus'], parent: 'leads' },
];
const RULE: ApprovalRule = { approvers: ['Ada', '@org/leads'], selfApproval: false };

interface Case {
  event?: string;
  actor?: string;
  triggeringActor?: string;
  attempt?: number;
  rule?: ApprovalRule | undefined;
  /** `members` reads teams. */
  approversToken?: 'members' | 'installation';
  permissions?: Record<string, 'read' | 'write'>;
  github?: GitHub;
}

async function requestOf(given: Case) {
  const { event = 'workflow_dispatch', actor = 'ada', triggeringActor = actor, attempt = 1 } = given;
  const runs = [{ id: 7, event, actor, triggeringActor, attempt }];
  const sandbox = await sandboxOf({ scenario: { github: { runs, teams: TEAMS, ...given.github } } });
  const { permissions = { actions: 'read', contents: 'read' } } = given;
  const env = sandbox.jobEnv({ permissions, claims: {} });
  const github = readGitHubContext({
    GITHUB_REPOSITORY: 'org/platform',
    GITHUB_RUN_ID: '7',
    GITHUB_RUN_ATTEMPT: String(attempt),
    GITHUB_API_URL: sandbox.githubUrl,
    GITHUB_SERVER_URL: 'https://github.example',
    // Claims of steps do not count, only the API's response does.
    GITHUB_EVENT_NAME: 'workflow_dispatch',
    GITHUB_ACTOR: 'ada',
    GITHUB_TRIGGERING_ACTOR: 'ada',
  });
  const { log, lines } = recordingLog();
  const context = {
    clock: new FakeClock(),
    signal: new AbortController().signal,
    log,
    redactor: new Redactor(),
  };
  const rule = 'rule' in given ? given.rule : RULE;
  const request: ApprovalRequest = {
    environment: 'prod',
    promotes: true,
    commit: 'abc',
    access: { token: env['GITHUB_TOKEN'] ?? '', github, context },
    ...(rule && { rule }),
    ...(given.approversToken !== undefined && { approversToken: sandbox.tokens[given.approversToken] }),
  };
  return { request, lines, context };
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof NotApprovedError)) throw error;
    return `${error.message} Fix: ${error.fix ?? ''}`;
  }
  return 'approved';
}

const members = 'members' as const;

/** Who starts and re-runs a deployment or a rollback, and the result. */
const CASES: [name: string, given: Case, deployment: string | RegExp, rollback: string | RegExp][] = [
  ['an approver', {}, 'approved', 'approved'],
  ['an approver, in another case', { actor: 'ADA' }, 'approved', 'approved'],
  ['a member of the team', { actor: 'grace', approversToken: members }, 'approved', 'approved'],
  ['a member of a child team', { actor: 'Linus', approversToken: members }, 'approved', 'approved'],
  [
    'someone else',
    { actor: 'mallory', approversToken: members },
    /mallory started.*not one of its approvers/,
    /not one of its approvers/,
  ],
  ['someone who was invited', { actor: 'new', approversToken: members }, /not one of its/, /not one of its/],
  [
    'a member, without a token',
    { actor: 'grace' },
    /cannot check.*no token.*approvers-token/,
    /cannot check/,
  ],
  [
    'a member, with a token that cannot read teams',
    { actor: 'grace', approversToken: 'installation' },
    /cannot check whether grace is a member of an approver team\. @org\/leads: the team does not exist, or/,
    /cannot check/,
  ],
  [
    'a deleted team',
    { actor: 'x', rule: { approvers: ['@org/gone'], selfApproval: true }, approversToken: members },
    /the team does not exist/,
    /the team does not exist/,
  ],
  ['an app', { actor: 'github-actions[bot]' }, /only a user/, /only a user/],
  [
    'an app with a name of the list',
    { actor: 'ada[bot]', rule: { approvers: ['ada[bot]'], selfApproval: true } },
    /only a user/,
    /only a user/,
  ],
  // Everyone with write access may re-run a run of an approver.
  [
    'a re-run by someone else',
    { actor: 'ada', triggeringActor: 'mallory', attempt: 2, approversToken: members },
    /mallory started/,
    /mallory/,
  ],
  // The inputs are those of the first run.
  [
    'an approver’s re-run of a run of someone else',
    { actor: 'mallory', triggeringActor: 'ada', attempt: 2, approversToken: members },
    /mallory started/,
    'approved',
  ],
  [
    'a re-run by another approver',
    { actor: 'ada', triggeringActor: 'grace', attempt: 2, approversToken: members },
    'approved',
    'approved',
  ],
  ['a push by an approver', { event: 'push' }, /push started this one.*start the workflow/, 'approved'],
  ['a schedule', { event: 'schedule' }, /schedule started/, 'approved'],
  [
    'an event from another system',
    { event: 'repository_dispatch' },
    /repository_dispatch started/,
    'approved',
  ],
  [
    'a job without actions: read',
    { permissions: { contents: 'read' } },
    /unknown who started this run: Resource not accessible.*actions: read/,
    /unknown who started this run/,
  ],
  [
    'an environment without approvers',
    { rule: undefined, event: 'push', actor: 'mallory' },
    'approved',
    'approved',
  ],
];

test.each(CASES)('who starts a run: %s', async (_name, given, deployment, rollback) => {
  const { request } = await requestOf(given);
  const match = (wanted: string | RegExp) =>
    typeof wanted === 'string' ? wanted : expect.stringMatching(wanted);
  expect(await refusalOf(requireApproval(request, 'deployment'))).toEqual(match(deployment));
  expect(await refusalOf(requireApproval(request, 'rollback'))).toEqual(match(rollback));
});

test('every combination of who starts, who re-runs, and which event', async () => {
  const people = { ada: true, grace: true, linus: true, mallory: false, 'github-actions[bot]': false };
  let tried = 0;
  for (const event of ['workflow_dispatch', 'push', 'workflow_run'])
    for (const [actor, first] of Object.entries(people))
      for (const [triggeringActor, second] of Object.entries(people)) {
        const { request } = await requestOf({ event, actor, triggeringActor, approversToken: members });
        const allowed = { deployment: event === 'workflow_dispatch' && first && second, rollback: second };
        for (const change of ['deployment', 'rollback'] as const) {
          const said = await refusalOf(requireApproval(request, change));
          expect([event, actor, triggeringActor, change, said === 'approved']).toEqual([
            event,
            actor,
            triggeringActor,
            change,
            allowed[change],
          ]);
          tried++;
        }
      }
  expect(tried).toBe(150);
});

describe('who wrote a commit', () => {
  const commits = [
    { sha: 'base', author: 'mallory' },
    { sha: 'by-ada', author: 'ada' },
    { sha: 'squash', author: 'mallory', committer: 'web-flow', signed: true },
    { sha: 'together', author: 'mallory', coAuthors: ['ada'] },
    { sha: 'rebased', author: 'mallory', committer: 'ada' },
    { sha: 'tool', author: 'mallory', coAuthors: ['Tool <noreply@example.com>'] },
    { sha: 'private', author: 'mallory', coAuthors: ['Ada <1+ada@users.noreply.github.com>'] },
    { sha: 'unknown', author: 'Ada <ada@home>' },
    { sha: 'app', author: 'dependabot[bot]', committer: 'web-flow', signed: true },
    { sha: 'branch-1', parents: ['base'], author: 'mallory' },
    { sha: 'branch-2', parents: ['branch-1'], author: 'linus' },
    { sha: 'merged', parents: ['base', 'branch-2'], author: 'ada', committer: 'web-flow', signed: true },
    { sha: 'merged-by-hand', parents: ['base', 'branch-2'], author: 'ada' },
    { sha: 'forged', parents: ['base', 'branch-2'], author: 'ada', committer: 'web-flow' },
    { sha: 'ada-1', parents: ['base'], author: 'ada' },
    { sha: 'ada-2', parents: ['ada-1'], author: 'mallory' },
    {
      sha: 'merge-of-ada',
      parents: ['base', 'ada-2'],
      author: 'mallory',
      committer: 'web-flow',
      signed: true,
    },
  ];
  const own = (commit: string): CommitOf => ({ commit, repository: 'org/platform' });

  test.each([
    ['someone else', 'base', 'approved'],
    [
      'the approver',
      'by-ada',
      /ada wrote commit by-ada and cannot approve it\. Fix: Have a different approver \(Ada, @org\/leads/,
    ],
    ['someone else, squashed by GitHub', 'squash', 'approved'],
    ['both', 'together', /ada wrote/],
    ['someone else, rebased by the approver', 'rebased', /ada wrote/],
    ['someone else and a tool', 'tool', 'approved'],
    ['both, by a private address', 'private', /ada wrote/],
    [
      'an address without an account',
      'unknown',
      /cannot verify that ada did not write.*: Ada <ada@home> wrote commit unknown/,
    ],
    ['an app', 'app', 'approved'],
    ['others, merged by the approver on GitHub', 'merged', 'approved'],
    ['others, merged by the approver by hand', 'merged-by-hand', /ada wrote/],
    ['others, in a merge that GitHub did not sign', 'forged', /ada wrote/],
    ['the approver among others, merged by someone else', 'merge-of-ada', /ada wrote/],
    ['unknown', 'gone', /cannot verify .*: org\/platform has no commit gone/],
    ['not recorded', '', /cannot verify .*: no commit is recorded for an image/],
  ] as const)('by %s', async (_name, commit, wanted) => {
    const { request } = await requestOf({ github: { commits } });
    const approvals = await requireApproval(request, 'deployment');
    const said = await refusalOf(requireOtherWriter(request, approvals, [own('base'), own(commit)]));
    expect(said).toEqual(typeof wanted === 'string' ? wanted : expect.stringMatching(wanted));
    // If the file permits it, no author is looked up.
    const free = { ...request, rule: { ...RULE, selfApproval: true } };
    expect(await refusalOf(requireOtherWriter(free, approvals, [own(commit)]))).toBe('approved');
  });

  test('of another repository is read with the token for approvers, or refused', async () => {
    const { request } = await requestOf({ github: { commits } });
    const approvals = await requireApproval(request, 'deployment');
    const there = [{ commit: 'base', repository: 'org/service' }];
    expect(await refusalOf(requireOtherWriter(request, approvals, there))).toContain(
      "commits to deploy: Could not resolve to a Repository with the name 'org/service'",
    );
  });

  test('is refused if the token may not read', async () => {
    const { request } = await requestOf({ github: { commits }, permissions: { actions: 'read' } });
    const approvals = await requireApproval(request, 'deployment');
    expect(await refusalOf(requireOtherWriter(request, approvals, [own('base')]))).toContain(
      'commits to deploy: Resource not accessible by integration',
    );
  });
});

describe('the reviews of GitHub’s environment', () => {
  const reviewed = (approvals: object[]): GitHub => ({
    approvals: approvals as NonNullable<GitHub['approvals']>,
  });
  const rule = undefined;

  test('are recorded for this environment, each reviewer once, with the comment on one line', async () => {
    const { request, context } = await requestOf({
      rule,
      event: 'push',
      github: reviewed([
        { run: 7, user: 'linus', environments: ['staging'] },
        { run: 7, user: 'mallory', environments: ['prod'], state: 'rejected', comment: 'No' },
        { run: 7, user: 'ada', environments: ['Prod'], comment: 'first attempt' },
        { run: 7, user: 'grace', environments: ['prod'], comment: '' },
        { run: 7, user: 'ada', environments: ['prod'], comment: `hunter22\n\nship  it ${'x'.repeat(200)}` },
      ]),
    });
    context.redactor.add('hunter22');
    expect(await requireApproval(request, 'deployment')).toEqual([
      {
        by: 'ada',
        through: 'review',
        comment: expect.stringMatching(/^\*\*\* ship it x+$/) as unknown as string,
      },
      { by: 'grace', through: 'review' },
    ]);
    const [first] = await requireApproval(request, 'rollback');
    expect(first?.comment).toHaveLength(140);
  });

  test('are recorded in addition to the approver of platform.yml', async () => {
    const { request } = await requestOf({
      github: reviewed([{ run: 7, user: 'grace', environments: ['prod'] }]),
    });
    expect(await requireApproval(request, 'deployment')).toEqual([
      { by: 'ada', through: 'dispatch' },
      { by: 'grace', through: 'review' },
    ]);
  });

  test('that the token may not read are a log line, not a failure', async () => {
    const { request, lines } = await requestOf({ rule, permissions: { contents: 'read' } });
    expect(await requireApproval(request, 'deployment')).toEqual([]);
    expect(lines.join('\n')).toContain(
      'The reviewers of the deployment to prod are not recorded: Resource not accessible by integration',
    );
  });

  test('are not read outside a workflow', async () => {
    const { request } = await requestOf({ rule });
    const outside = { ...request.access, github: readGitHubContext({}) };
    expect(await requireApproval({ ...request, access: outside }, 'deployment')).toEqual([]);
    const ruled = { ...request, rule: RULE, access: outside };
    expect(await refusalOf(requireApproval(ruled, 'deployment'))).toContain('this is not a workflow run');
    const without = { ...request, rule: RULE, access: { ...request.access, token: '' } };
    expect(await refusalOf(requireApproval(without, 'deployment'))).toContain('no token was given');
  });
});

test('a run waits for an approver unless it was started manually', async () => {
  const { request } = await requestOf({ rule: undefined });
  const of = (event: string, rule?: ApprovalRule) => {
    const github = { ...request.access.github, event };
    return awaitsApproval({
      ...request,
      access: { ...request.access, github },
      ...(rule && { rule }),
    });
  };
  expect([of('push', RULE), of('workflow_dispatch', RULE), of('push')]).toEqual([true, false, false]);
});
