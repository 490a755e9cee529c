import { expect, test } from '@jest/globals';
import { checkApprovers } from '../../../../src/environment/doctor/approvers.ts';
import { parseManifest } from '../../../../src/environment/manifest/manifest.ts';
import { readGitHubContext } from '../../../../src/github/context.ts';
import { useWorkspaces } from '../../../support/action.ts';
import { FakeClock } from '../../core/fakes.ts';
import { sandboxOf } from '../../sandbox/clients.ts';

const workspaceOf = useWorkspaces();
const context = { clock: new FakeClock(), signal: new AbortController().signal };

const manifest = (approvers: string): string => `
project: shop
region: eu-west-1
environments: { prod: { account: '333333333333'${approvers} } }
services: { web: { path: web, paths: [/*], priority: 900 } }
`;
const caller = (on: string, secrets = '', uses = 'my-org/platform/.github/workflows/deploy.yml@v1'): string =>
  `on: ${on}\njobs: { deploy: { uses: ${uses}${secrets} } }\n`;
const byAction = (given = ''): string =>
  `on: [push, workflow_dispatch]\njobs: { deploy: { steps: [{ uses: my-org/platform@v1, with: { environment: prod${given} } }] } }\n`;

async function statesOf(
  approvers: string,
  workflow: string | undefined,
  token?: 'members' | 'installation',
): Promise<string[]> {
  const teams = [{ slug: 'leads', members: ['ada'] }];
  const sandbox = await sandboxOf({ scenario: { github: { teams } } });
  const files = workflow === undefined ? {} : { '.github/workflows/deploy.yml': workflow };
  const environment = parseManifest(manifest(approvers), 'platform.yml').environments['prod'];
  if (!environment) throw new Error('there is no prod');
  const checks = await checkApprovers(context, {
    environment,
    workspace: workspaceOf(files),
    github: readGitHubContext({ GITHUB_API_URL: sandbox.githubUrl, GITHUB_ACTOR: 'octocat' }),
    approversToken: token && sandbox.tokens[token],
  });
  return checks.map(({ state, says }) => `${state}: ${says}`);
}

const ADA = ', approvers: [ada]';
const LEADS = ", approvers: [ada, '@org/leads']";
const GONE = ", approvers: ['@org/gone']";
const SECRETS = ', secrets: { approvers-token: x }';
const OK = 'ok: a workflow with workflow_dispatch deploys or promotes';

test.each<[string, string, string | undefined, 'members' | 'installation' | undefined, (string | RegExp)[]]>([
  ['no approvers', '', undefined, undefined, []],
  ['no workflow', ADA, undefined, undefined, [/^problem: no workflow with workflow_dispatch deploys/]],
  ['a workflow on push only', ADA, caller('push'), undefined, [/^problem: no workflow/]],
  [
    'a workflow that does something else',
    ADA,
    caller('workflow_dispatch', '', 'a/b/.github/workflows/ci.yml@v1'),
    undefined,
    [/^problem/],
  ],
  ['a manually started caller', ADA, caller('{ workflow_dispatch: { inputs: {} } }'), undefined, [OK]],
  ['the manually started root action', ADA, byAction(), undefined, [OK]],
  ['a workflow that is not YAML', ADA, 'on: [', undefined, [/^unknown: the workflows could not be read/]],
  [
    'a team without a token',
    LEADS,
    caller('workflow_dispatch'),
    undefined,
    [/^problem: .*passes approvers-token/, /^warning: not checked, because approvers-token is not set/],
  ],
  [
    'a team with all secrets',
    LEADS,
    caller('workflow_dispatch', ', secrets: inherit'),
    'members',
    [OK, 'ok: approvers-token reads @org/leads'],
  ],
  ['a team with a token', LEADS, caller('workflow_dispatch', SECRETS), 'members', [OK, /^ok/]],
  ['a team with a token from an action', LEADS, byAction(', approvers-token: x'), 'members', [OK, /^ok/]],
  [
    'a team with a token that cannot read teams',
    LEADS,
    caller('workflow_dispatch', SECRETS),
    'installation',
    [OK, /^problem: @org\/leads not found, or/],
  ],
  [
    'a deleted team',
    GONE,
    caller('workflow_dispatch', SECRETS),
    'members',
    [OK, /^problem: @org\/gone not found/],
  ],
])('%s', async (_name, approvers, workflow, token, expected) => {
  const states = await statesOf(approvers, workflow, token);
  expect(states).toEqual(expected.map((one) => (typeof one === 'string' ? one : expect.stringMatching(one))));
});
