import { describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { bootstrapped } from '../../../sandbox/scenario/bootstrapped.ts';
import { DEV, deployStack, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';

/** doctor reports what would fail a deployment, how to fix it, and changes nothing. */

const start = useSandboxes();
const workspaceOf = useWorkspaces();
const ROLE = 'arn:aws:iam::111111111111:role/shop-dev-deploy';
const github = {
  environments: [{ name: 'dev', branches: ['main'] }, { name: 'prod' }],
  branches: [{ name: 'main', protection: 'rule' as const }],
};

interface Found {
  name: string;
  state: string;
  says: string;
  fix?: string;
}

const manifest = SMALL_PLATFORM['platform.yml'] ?? '';

async function doctor(
  sandbox: Sandbox,
  files: Record<string, string> = {},
  inputs: Record<string, string> = {},
): Promise<{ run: Run; check: (name: string) => Found | undefined }> {
  const workspace = workspaceOf({ ...SMALL_PLATFORM, ...files });
  const run = await deployEnvironment(sandbox, { command: 'doctor', ...inputs }, { workspace });
  const checks = (run.result['checks'] ?? []) as Found[];
  return { run, check: (name) => checks.find((one) => one.name.includes(name)) };
}

test('a complete environment is ready, and nothing is changed', async () => {
  const sandbox = await start({ scenario: { github } });
  const { run } = await doctor(sandbox);
  expect(run.outputs['reason']).toMatch(/^dev is ready: \d+ checks\.$/);
  expect(run.outputs['verdict']).toBe('ready');
  expect(run.exitCode).toBe(0);
  expect(run.log).not.toContain('IAM policy');
  const asked = sandbox.calls.all.map(({ operation }) => operation);
  expect(asked.filter((name) => /^(Create|Put|Update|Delete|Execute)/.test(name))).toEqual([]);
});

describe('the service-linked role for the first cluster of an account', () => {
  const cluster = 'Resources: { Cluster: { Type: AWS::ECS::Cluster } }';
  const files = {
    'cluster.yml': cluster,
    'platform.yml': manifest.replace('stacks:\n', 'stacks:\n  cluster: { template: cluster.yml }\n'),
  };
  const missing = ['arn:aws:iam::111111111111:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS'];

  test('exists', async () => {
    const { check } = await doctor(await start({ scenario: { github } }), files);
    expect(check('AWSServiceRoleForECS')).toMatchObject({ state: 'ok' });
  });

  test('is missing', async () => {
    const { run, check } = await doctor(await start({ scenario: { github, missing } }), files);
    expect(check('AWSServiceRoleForECS')).toMatchObject({
      state: 'problem',
      fix: expect.stringContaining('aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com'),
    });
    expect(run.outputs['verdict']).toBe('not-ready');
  });

  test('is missing: the first deployment fails with the reason, and the second succeeds', async () => {
    const first =
      'Resources: { Cluster: { Type: AWS::ECS::Cluster, Properties: { CapacityProviders: [FARGATE] } } }';
    const workspace = workspaceOf({ 'cluster.yml': first });
    const sandbox = await start({ scenario: { missing } });
    const failed = await deployStack(sandbox, { template: 'cluster.yml' }, { workspace });
    expect(failed.outputs['verdict']).toBe('rolled-back');
    expect(failed.outputs['reason']).toContain(
      'Unable to assume the service linked role. Please verify that the ECS service linked role exists',
    );
    expect(failed.summary).toContain(
      'Deploy again: ECS creates the service-linked role AWSServiceRoleForECS',
    );
    expect(failed.summary).toContain(
      'aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com',
    );
    const again = await deployStack(sandbox, { template: 'cluster.yml' }, { workspace });
    expect(again.outputs['verdict']).toBe('created');
  });

  test('is missing until the bootstrap creates it', async () => {
    const stacks = bootstrapped({ environments: { dev: DEV } });
    const { check } = await doctor(await start({ scenario: { github, missing, stacks } }), files);
    expect(check('AWSServiceRoleForECS')).toMatchObject({ state: 'ok' });
  });

  test('cannot be read', async () => {
    const sandbox = await start({ scenario: { github } });
    sandbox.addFault({ kind: 'error', operation: 'GetRole', status: 403, code: 'AccessDenied' });
    const { check } = await doctor(sandbox, files);
    expect(check('AWSServiceRoleForECS')).toMatchObject({ state: 'warning' });
  });
});

/** A trust policy for GitHub's provider. */
const trusting = (condition: Record<string, Record<string, string>>): object => ({
  Statement: {
    Effect: 'Allow',
    Action: 'sts:AssumeRoleWithWebIdentity',
    Principal: { Federated: 'arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com' },
    Condition: Object.fromEntries(
      Object.entries(condition).map(([operator, claims]) => [
        operator,
        Object.fromEntries(
          Object.entries(claims).map(([name, value]) => [
            `token.actions.githubusercontent.com:${name}`,
            value,
          ]),
        ),
      ]),
    ),
  },
});

describe('the trust policy of the deploy role', () => {
  const sub = 'repo:org/platform:environment:dev';
  const own = { StringEquals: { sub } };
  const caller = 'on: push\njobs: { a: { uses: org/platform/.github/workflows/pipeline.yml@v1 } }';
  const files = { '.github/workflows/pipeline.yml': caller };

  test.each<[string, Record<string, Record<string, string>>, string, RegExp]>([
    ['only the environment', own, 'ok', /^only jobs in the GitHub environment dev can assume it$/],
    [
      'everything of the repository',
      { StringLike: { sub: 'repo:org/platform:*' } },
      'problem',
      /accepts every branch, pull requests, every GitHub environment, which the branch policy/,
    ],
    [
      'every repository of the owner',
      { StringLike: { sub: 'repo:org/*:environment:dev' } },
      'problem',
      /accepts other repositories of org, which/,
    ],
    [
      'the environment in any repository',
      { StringLike: { sub: 'repo:*:environment:dev' } },
      'problem',
      /other repositories of org, repositories of other owners/,
    ],
    [
      'the called workflows',
      { ...own, StringLike: { job_workflow_ref: 'org/platform/.github/workflows/*@refs/tags/v1*' } },
      'ok',
      /only jobs/,
    ],
    [
      'only the pipeline, which calls another workflow',
      { ...own, StringLike: { job_workflow_ref: 'org/platform/.github/workflows/pipeline.yml@*' } },
      'problem',
      /does not accept jobs of org\/platform\/\.github\/workflows\/deploy\.yml@refs\/tags\/v1/,
    ],
  ])('trusts %s', async (_name, condition, state, says) => {
    const sandbox = await start({
      scenario: { github, roles: [{ arn: ROLE, trust: trusting(condition) as never }] },
    });
    const workflow = 'org/platform/.github/workflows/pipeline.yml@refs/tags/v1';
    Object.assign(sandbox.claims, { environment: 'dev', job_workflow_ref: workflow });
    const { check } = await doctor(sandbox, files, { 'role-to-assume': ROLE });
    const found = check('trust of shop-dev-deploy');
    expect(found?.says).toMatch(says);
    expect(found?.state).toBe(state);
  });

  test('that cannot be read is a warning, not proof', async () => {
    const sandbox = await start({
      scenario: { github, roles: [{ arn: ROLE, trust: trusting(own) as never }] },
    });
    sandbox.claims['environment'] = 'dev';
    sandbox.addFault({ kind: 'error', operation: 'GetRole', status: 403, code: 'AccessDenied' });
    const { run, check } = await doctor(sandbox, {}, { 'role-to-assume': ROLE });
    expect(check('trust of')).toMatchObject({ state: 'warning', fix: `Allow iam:GetRole on ${ROLE}.` });
    expect(run.outputs['reason']).toContain('with warnings for trust of shop-dev-deploy');
  });

  test('is checked by a job outside of the environment with the plan role', async () => {
    const roles = [{ arn: ROLE, trust: trusting(own) as never }];
    const sandbox = await start({ scenario: { github, roles } });
    const reads = 'arn:aws:iam::111111111111:role/shop-dev-plan';
    const { run, check } = await doctor(sandbox, {
      'platform.yml': manifest.replace(
        'parameters: dev.json',
        `role: '${ROLE}', plan-role: '${reads}', parameters: dev.json`,
      ),
    });
    expect(check('the role')?.name).toBe('the role shop-dev-plan');
    expect(check('trust of shop-dev-deploy')).toMatchObject({ state: 'ok' });
    expect(run.outputs['verdict']).toBe('ready');
  });
});

test('an unedited caller', async () => {
  const sandbox = await start({ scenario: { github } });
  const caller = 'on: push\njobs: { a: { uses: <OWNER>/platform/.github/workflows/pipeline.yml@v1 } }';
  const { run, check } = await doctor(sandbox, { '.github/workflows/pipeline.yml': caller });
  expect(run.outputs['verdict']).toBe('not-ready');
  expect(check('callers')).toMatchObject({ state: 'problem' });
});

describe('blocking problems', () => {
  test('a role that does not trust the job: shows the claims and a matching statement', async () => {
    const trust = {
      Statement: {
        Effect: 'Allow',
        Action: 'sts:AssumeRoleWithWebIdentity',
        Principal: {
          Federated: 'arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com',
        },
        Condition: {
          StringEquals: { 'token.actions.githubusercontent.com:sub': 'repo:org/platform:environment:dev' },
        },
      },
    };
    const sandbox = await start({ scenario: { github, roles: [{ arn: ROLE, trust }] } });
    const { run, check } = await doctor(sandbox, {}, { 'role-to-assume': ROLE });
    expect(run.outputs['verdict']).toBe('not-ready');
    expect(run.exitCode).toBe(1);
    expect(check('shop-dev-deploy')).toMatchObject({ state: 'problem' });
    expect(check('shop-dev-deploy')?.fix).toContain('repo:org/platform:ref:refs/heads/main');
    expect(run.summary).toContain('add this statement to its trust policy');
    expect(check('stacks')).toMatchObject({ state: 'unknown' });
  });

  test('credentials of another account', async () => {
    const sandbox = await start({ scenario: { github } });
    const { run, check } = await doctor(sandbox, {
      'platform.yml': manifest.replaceAll('111111111111', '222222222222'),
    });
    expect(run.outputs['verdict']).toBe('not-ready');
    expect(check('credentials')?.says).toBe('expected account 222222222222, got 111111111111');
  });

  test('a GitHub environment that does not exist', async () => {
    const sandbox = await start({ scenario: { github: { environments: [{ name: 'develop' }] } } });
    const { check } = await doctor(sandbox);
    expect(check('GitHub environment')).toMatchObject({ state: 'problem' });
    expect(check('GitHub environment')?.fix).toMatch(/^Settings → Environments → New environment: dev\n/);
  });

  test('a protected environment without reviewers', async () => {
    const sandbox = await start({ scenario: { github } });
    const { check } = await doctor(sandbox, {
      'platform.yml': manifest.replace('parameters: dev.json', 'parameters: dev.json, protected: true'),
    });
    expect(check('GitHub environment')?.says).toContain('no approval is required');
    expect(check('GitHub environment')?.fix).toContain('Required reviewers');
  });

  test('a parameter without a value, and a value that no stack creates', async () => {
    const sandbox = await start({ scenario: { github } });
    const { check } = await doctor(sandbox, {
      'network.yml': (SMALL_PLATFORM['network.yml'] ?? '').replace(
        'Parameters: {',
        'Parameters: { Colour: { Type: String },',
      ),
      'queue.yml': (SMALL_PLATFORM['queue.yml'] ?? '').replace('network/topic', 'network/tpoic'),
    });
    expect(check('template of dev-shop-network')?.says).toContain('Colour');
    expect(check('Parameter Store')?.says).toBe(
      'no stack creates /shop/dev/network/tpoic (read by dev-shop-queue)',
    );
    expect(check('Parameter Store')?.fix).toContain('aws ssm put-parameter');
  });

  test('a quota that is too small', async () => {
    const scenario = { github, quotas: { 'L-F678F1CE': 0 } };
    const sandbox = await start({ scenario });
    const { check } = await doctor(sandbox, {
      'network.yml': `${SMALL_PLATFORM['network.yml'] ?? ''}  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }\n`,
    });
    expect(check('VPCs')).toMatchObject({
      state: 'problem',
      says: 'requires 1, 1 of 0 are in use',
    });
    expect(check('VPCs')?.fix).toContain('--quota-code L-F678F1CE --desired-value 2');
  });

  test('names reserved by AWS', async () => {
    const sandbox = await start({ scenario: { github } });
    const { check } = await doctor(sandbox, {
      'platform.yml': manifest.replace('project: shop', 'project: awsome'),
      'dev.json': JSON.stringify({
        Parameters: { Project: 'awsome', Environment: 'dev' },
        Tags: { 'aws:team': 'x' },
      }),
    });
    expect(check('reserved names')?.says).toContain('/aws or /ssm');
    expect(check('reserved names')?.says).toContain('aws:team');
  });

  test('a token without permission is reported as not checked', async () => {
    const sandbox = await start({ scenario: { github } });
    sandbox.addFault({ kind: 'error', operation: 'repos/get-environment', status: 403, code: 'Forbidden' });
    const { run, check } = await doctor(sandbox);
    expect(run.outputs['verdict']).toBe('not-ready');
    expect(check('GitHub environment')).toMatchObject({ state: 'unknown' });
  });
});
