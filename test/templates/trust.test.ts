import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { PrincipalNames } from '../../sandbox/iam/policies/evaluation.ts';
import type { Context } from '../../sandbox/iam/policies/policy.ts';
import { identityStore, type TrustPolicy, trusts } from '../../sandbox/iam/roles.ts';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { stacksOf } from '../../scripts/templates/reference.ts';
import { workflowRefsOf } from '../workflows/rehearsal/workflow-ref.ts';
import { CALLERS, ROOT, workflowsOf } from '../workflows/workflow.ts';
import { Deployment } from './deployment.ts';
import { type Mutant, withoutGrants, withoutRestrictions, withoutValues } from './permissions/mutants.ts';

/**
 * Who may assume the roles of bootstrap.yml and bootstrap-previews.yml, according to an STS that evaluates their trust
 * policies.
 */
const DEV = '111111111111';
const WORKFLOWS = 'org/platform/.github/workflows';
const IDS = { GitHubOwnerId: '600000001', GitHubRepositoryId: '700000001' };

type Claims = Record<string, string | undefined>;

let sandbox: Sandbox;
let deployment: Deployment;
let usual: Claims;
beforeAll(async () => {
  sandbox = await startSandbox({ timeScale: 100_000 });
  deployment = new Deployment(sandbox.env(DEV));
  usual = { ...sandbox.claims } as Claims;
});
afterAll(async () => {
  deployment.close();
  await sandbox.close();
});

/** A request that a trust policy decided. */
interface Asked {
  role: string;
  principal: PrincipalNames;
  action: string;
  context: Context;
  allowed: boolean;
  policy: TrustPolicy;
}
const asked: Asked[] = [];
const PROVIDER = 'token.actions.githubusercontent.com';

function policyOf(role: string): TrustPolicy {
  const found = identityStore(sandbox.world).role(`arn:aws:iam::${DEV}:role/platform-dev-${role}`);
  if (!found) throw new Error(`no stack has made ${role}`);
  return found.trustPolicy;
}

/** Records the requests with the claims of a token. */
function keep(role: string, token: string, allowed: boolean): void {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  const claims = Object.entries(JSON.parse(payload) as Record<string, unknown>);
  const context = Object.fromEntries(claims.map(([name, value]) => [`${PROVIDER}:${name}`, String(value)]));
  const names = [`arn:aws:iam::${DEV}:oidc-provider/${PROVIDER}`];
  const action = 'sts:AssumeRoleWithWebIdentity';
  const policy = policyOf(role);
  asked.push({ role, principal: { kind: 'Federated', names }, action, context, allowed, policy });
}

async function bootstrap(parameters: Record<string, string>): Promise<void> {
  const stacks = stacksOf('dev').filter(({ template }) => template.startsWith('bootstrap'));
  for (const stack of stacks)
    await deployment.deploy({ ...stack, parameters: { ...stack.parameters, ...parameters } });
}

/** Whether a job with these claims in addition to the usual ones may assume a role. */
async function mayTake(role: string, claims: Claims): Promise<boolean> {
  for (const key of Object.keys(sandbox.claims)) Reflect.deleteProperty(sandbox.claims, key);
  Object.assign(sandbox.claims, usual);
  for (const [key, value] of Object.entries(claims)) {
    if (value === undefined) Reflect.deleteProperty(sandbox.claims, key);
    else sandbox.claims[key] = value;
  }
  const env = sandbox.env(DEV);
  const { value } = (await (
    await fetch(`${env['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? ''}&audience=sts.amazonaws.com`, {
      headers: { authorization: `Bearer ${env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? ''}` },
    })
  ).json()) as { value: string };
  const client = new STSClient({ endpoint: sandbox.url, region: env['AWS_REGION'] ?? '' });
  try {
    const { Credentials } = await client.send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: `arn:aws:iam::${DEV}:role/platform-dev-${role}`,
        RoleSessionName: 'test',
        WebIdentityToken: value,
      }),
    );
    const taken = Credentials?.AccessKeyId !== undefined;
    keep(role, value, taken);
    return taken;
  } catch (error) {
    if (!(error as Error).name.startsWith('AccessDenied')) throw error;
    keep(role, value, false);
    return false;
  } finally {
    client.destroy();
  }
}

/** The subject format of repositories that were created, renamed or moved after 2026-07-15. */
const withIds = (rest: string, owner = 600_000_001, repository = 700_000_001): Claims => ({
  sub: `repo:org@${owner}/platform@${repository}:${rest}`,
});
const environment = (name: string): Claims => ({ environment: name });
/** For a job in a merge queue: the subject in Microsoft's error AADSTS7002131. */
const queue = (branch: string): Claims => ({
  event_name: 'merge_group',
  ref: `refs/heads/gh-readonly-queue/${branch}/pr-13-7b1f002b00ec25a5facc43e470ef7dfe6d32f300`,
});

describe.each([
  ['names only', {}],
  ['names and numbers', IDS],
])('with %s', (_, ids) => {
  beforeAll(() => bootstrap({ ...ids, PromotesTo: 'staging' }));

  test.each<[string, string, Claims, boolean]>([
    ['deploy', 'the environment', environment('dev'), true],
    ['deploy', 'another environment', environment('prod'), false],
    ['deploy', 'the environment of previews', environment('preview'), false],
    ['deploy', 'a branch without an environment', {}, false],
    ['deploy', 'a pull request', { event_name: 'pull_request' }, false],
    ['deploy', 'another repository', { repository: 'org/other', ...environment('dev') }, false],
    ['deploy', 'another owner', { repository: 'evil/platform', ...environment('dev') }, false],
    [
      'deploy',
      'a repository whose name begins so',
      { repository: 'org/platform-2', ...environment('dev') },
      false,
    ],
    ['deploy', 'an environment whose name begins so', environment('dev2'), false],
    ['plan', 'the default branch', {}, true],
    ['plan', 'a pull request', { event_name: 'pull_request' }, true],
    ['plan', 'another branch', { ref: 'refs/heads/topic' }, false],
    ['plan', 'a merge queue of the default branch', queue('main'), true],
    ['plan', 'a merge queue of another branch', queue('release'), false],
    ['plan', 'a merge queue of another repository', { repository: 'org/other', ...queue('main') }, false],
    ['deploy', 'a merge queue', queue('main'), false],
    ['plan', 'a branch whose name ends so', { ref: 'refs/heads/topic/gh-readonly-queue/main/x' }, false],
    ['plan', 'a tag', { ref: 'refs/tags/main' }, false],
    ['plan', 'the environment that takes images from here', environment('staging'), true],
    ['plan', 'one that does not', environment('prod'), false],
    ['plan', 'another repository', { repository: 'org/other' }, false],
    ['preview', 'the environment of previews', environment('preview'), true],
    ['preview', 'a pull request without it', { event_name: 'pull_request' }, false],
    ['preview', 'the environment that hosts them', environment('dev'), false],
    ['preview', 'another repository', { repository: 'org/other', ...environment('preview') }, false],
    ['preview', 'the environment that removes them', environment('preview-cleanup'), false],
    ['preview-cleanup', 'the environment that removes them', environment('preview-cleanup'), true],
    ['preview-cleanup', 'the environment of previews', environment('preview'), false],
    ['preview-cleanup', 'the default branch without it', {}, false],
    [
      'preview-cleanup',
      'another repository',
      { repository: 'org/other', ...environment('preview-cleanup') },
      false,
    ],
    ['execution', 'anybody but CloudFormation', environment('dev'), false],
    ['preview-execution', 'anybody but CloudFormation', environment('preview'), false],
  ])('the %s role, assumed by %s: %p', async (role, _who, claims, expected) => {
    expect(await mayTake(role, claims)).toBe(expected);
  });
});

describe('subjects with ids', () => {
  test.each<[string, string, Claims]>([
    ['deploy', 'environment:dev', environment('dev')],
    ['plan', 'ref:refs/heads/main', {}],
    ['plan', 'pull_request', { event_name: 'pull_request' }],
    ['plan', 'environment:staging', environment('staging')],
    ['plan', 'ref:refs/heads/gh-readonly-queue/main/pr-13-7b1f002', queue('main')],
    ['preview', 'environment:preview', environment('preview')],
    ['preview-cleanup', 'environment:preview-cleanup', environment('preview-cleanup')],
  ])('the %s role trusts only %s with these ids', async (role, rest, claims) => {
    expect(await mayTake(role, { ...claims, ...withIds(rest) })).toBe(true);
    expect(await mayTake(role, { ...claims, ...withIds(rest, 1) })).toBe(false);
    expect(await mayTake(role, { ...claims, ...withIds(rest, 600_000_001, 1) })).toBe(false);
  });

  test('a repository that took over the name is not trusted', async () => {
    for (const role of ['deploy', 'plan', 'preview', 'preview-cleanup']) {
      const name = { deploy: 'dev', preview: 'preview', 'preview-cleanup': 'preview-cleanup' }[role];
      const own = name === undefined ? {} : environment(name);
      expect(await mayTake(role, own)).toBe(true);
      expect(await mayTake(role, { ...own, repository_id: '999' })).toBe(false);
    }
  });
});

/** The example in the template's description. */
function exampleWorkflowRef(): string {
  const text = readFileSync(join(ROOT, 'templates/bootstrap.yml'), 'utf8');
  return /such as `(org\/platform\/\.github\/workflows\/\S+)`\. Empty/.exec(text)?.[1] ?? '';
}

describe('with WorkflowRef', () => {
  beforeAll(() => bootstrap({ ...IDS, WorkflowRef: exampleWorkflowRef() }));

  const callers = workflowsOf(CALLERS).map(({ path }) => [path, workflowRefsOf(path)] as const);
  const total = callers.flatMap(([, refs]) => refs).length;

  test.each(callers)(
    `the deploy role, assumed by a job that %s calls (one of ${total}): %p`,
    async (_path, refs) => {
      for (const ref of refs) {
        const claims = { ...environment('dev'), job_workflow_ref: ref };
        expect({ ref, taken: await mayTake('deploy', claims) }).toEqual({ ref, taken: true });
      }
    },
  );

  test.each<[string, string | undefined, boolean]>([
    ['our workflow at another version', `${WORKFLOWS}/deploy.yml@refs/tags/v1.4.0`, true],
    ['our branch', `${WORKFLOWS}/deploy.yml@refs/heads/v1`, false],
    ['our commit, which the pattern does not include', `${WORKFLOWS}/deploy.yml@${'a'.repeat(40)}`, false],
    ['a workflow of the repository itself', 'org/shop/.github/workflows/deploy.yml@refs/tags/v1', false],
    ['a repository of that name elsewhere', 'evil/platform/.github/workflows/deploy.yml@refs/tags/v1', false],
    ['no workflow', undefined, false],
  ])('the deploy role, assumed by %s: %p', async (_who, ref, expected) => {
    expect(await mayTake('deploy', { ...environment('dev'), job_workflow_ref: ref })).toBe(expected);
  });
});

test('a pattern with only the pipeline excludes the workflows it calls', async () => {
  await bootstrap({ ...IDS, WorkflowRef: `${WORKFLOWS}/pipeline.yml@*` });
  const refs = workflowRefsOf('workflows/pipeline.yml');
  expect(refs).toContain(`${WORKFLOWS}/deploy.yml@refs/tags/v1`);
  for (const ref of refs) {
    const claims = { ...environment('dev'), job_workflow_ref: ref };
    expect({ ref, taken: await mayTake('deploy', claims) }).toEqual({
      ref,
      taken: ref.includes('pipeline.yml'),
    });
  }
});

/** A provider may accept tokens of several audiences; STS refuses those that it does not list. */
function ofAnotherAudience(): Asked[] {
  return asked
    .filter(({ allowed }) => allowed)
    .map((each) => ({
      ...each,
      context: { ...each.context, [`${PROVIDER}:aud`]: 'https://github.com/org' },
      allowed: false,
    }));
}

/** CloudFormation for a stack of this account, and for one of another. */
function ofService(role: string): Asked[] {
  return [DEV, '222222222222'].map((account) => ({
    role,
    principal: { kind: 'Service', names: ['cloudformation.amazonaws.com'] },
    action: 'sts:AssumeRole',
    context: { 'aws:SourceAccount': account },
    allowed: account === DEV,
    policy: policyOf(role),
  }));
}

test('each part of a trust policy is needed: without it, a decision changes', () => {
  const all = [...asked, ...ofAnotherAudience(), ...['execution', 'preview-execution'].flatMap(ofService)];
  expect(all.filter((one) => trusts(one.policy, one) !== one.allowed)).toEqual([]);
  const parts = new Map<string, boolean>();
  const judge = (mutantsOf: (document: TrustPolicy) => Mutant[], one: Asked): void => {
    for (const { part, document } of mutantsOf(one.policy)) {
      const key = `${one.role} ${part}`;
      parts.set(key, parts.get(key) === true || trusts(document, one) !== one.allowed);
    }
  };
  for (const one of all) {
    for (const mutantsOf of [withoutGrants, withoutValues, withoutRestrictions]) judge(mutantsOf, one);
  }
  const idle = [...parts].flatMap(([part, needed]) => (needed ? [] : [part]));
  console.log(
    `Parts of trust policies: ${parts.size - idle.length} of ${parts.size} needed, by ${all.length} questions`,
  );
  expect(idle).toEqual([]);
});
