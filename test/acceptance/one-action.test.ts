import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DescribeRepositoriesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import type { Sandbox, Scenario } from '../../sandbox/index.ts';
import { runAction, type Run } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import { useSandboxes, useWorkspaces } from '../support/action.ts';
import { clientOf } from '../support/aws-clients.ts';
import { ExistingShop } from '../support/existing.ts';

/**
 * Runs the workflows of docs/start/one-action.md: each action with the role of the page, its trust policy and its
 * permissions, against the sandbox's IAM. The image comes from a prebuilt layout, because Docker may not be installed.
 */
const page = readFileSync(resolve(import.meta.dirname, '../../docs/start/one-action.md'), 'utf8');
const ROLE = 'arn:aws:iam::111111111111:role/deploy';

interface Job {
  environment?: string;
  steps: { uses?: string; with?: Record<string, string> }[];
}
interface Policy {
  Version: string;
  Statement: { Sid: string; Action: string[]; Resource: string | string[] }[];
}

const sectionOf = (heading: string): string =>
  page.split(/^## /m).find((section) => section.startsWith(`${heading}\n`)) ?? '';

const blocksOf = (section: string, language: string): string[] =>
  [...section.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, text = '']) => text,
  );

const policyOf = (action: string): Policy =>
  JSON.parse(blocksOf(sectionOf(action), 'json')[0] ?? '') as Policy;
const trust = JSON.parse(blocksOf(sectionOf('A role for the job'), 'json')[0] ?? '') as Record<
  string,
  unknown
>;

function roleWith(policy: Policy): NonNullable<Scenario['roles']> {
  return [{ arn: ROLE, trust, policies: { deploy: { ...policy } } }];
}

/** The step of the page's workflow that uses an action, and the environment of its job. */
function stepOf(action: string): { environment: string; inputs: Record<string, string> } {
  const workflow = blocksOf(sectionOf(action), 'yaml').find((text) => text.startsWith('on:')) ?? '';
  const { jobs } = parse(workflow) as { jobs: Record<string, Job> };
  for (const { environment = '', steps } of Object.values(jobs)) {
    const step = steps.find(({ uses }) => uses === `<OWNER>/platform/actions/${action}@v1`);
    if (step) return { environment, inputs: step.with ?? {} };
  }
  throw new Error(`the page has no step of ${action}`);
}

function play(
  sandbox: Sandbox,
  action: string,
  workspace: string,
  changes: Record<string, string> = {},
): Promise<Run> {
  const { environment, inputs } = stepOf(action);
  sandbox.claims['environment'] = environment;
  const {
    AWS_ACCESS_KEY_ID: _id,
    AWS_SECRET_ACCESS_KEY: _secret,
    AWS_REGION: _region,
    ...env
  } = sandbox.env();
  return runAction(action, {
    inputs: { ...inputs, ...changes },
    workspace,
    env,
    node: [node24()],
    token: sandbox.tokens.installation,
  });
}

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

/** A policy without one of its actions. */
function without(policy: Policy, action: string): Policy {
  const statements = policy.Statement.map((statement) => ({
    ...statement,
    Action: statement.Action.filter((one) => one !== action),
  }));
  return { ...policy, Statement: statements.filter(({ Action }) => Action.length > 0) };
}

const verdictOf = (run: Run): string =>
  `${run.outputs['verdict'] ?? ''}: ${run.outputs['reason'] ?? run.log}`;

describe('deploy-stack', () => {
  const files = { 'queue.yml': blocksOf(sectionOf('deploy-stack'), 'yaml')[0] ?? '' };

  test('creates the stack, finds it unchanged, and deletes it', async () => {
    const sandbox = await sandboxOf({ scenario: { roles: roleWith(policyOf('deploy-stack')) } });
    const workspace = workspaceOf(files);
    const runs = [
      await play(sandbox, 'deploy-stack', workspace),
      await play(sandbox, 'deploy-stack', workspace),
      await play(sandbox, 'deploy-stack', workspace, { command: 'delete', 'allow-delete': 'Queue' }),
    ];
    expect(runs.map(verdictOf)).toEqual([
      expect.stringMatching(/^created: /),
      expect.stringMatching(/^unchanged: /),
      expect.stringMatching(/^deleted: /),
    ]);
    expect(runs.map(({ log }) => log).join('\n')).not.toMatch(/^::(?:warning|error)/m);
  });

  test.each(['cloudformation:CreateChangeSet', 'cloudformation:ExecuteChangeSet', 'sqs:CreateQueue'])(
    'fails without %s',
    async (action) => {
      const roles = roleWith(without(policyOf('deploy-stack'), action));
      const run = await play(await sandboxOf({ scenario: { roles } }), 'deploy-stack', workspaceOf(files));
      expect(run.exitCode).toBe(1);
      expect(run.log).toContain(action);
    },
  );

  test('a job in another environment cannot assume the role', async () => {
    const sandbox = await sandboxOf({ scenario: { roles: roleWith(policyOf('deploy-stack')) } });
    const { inputs } = stepOf('deploy-stack');
    sandbox.claims['environment'] = 'other';
    const { AWS_ACCESS_KEY_ID: _id, AWS_SECRET_ACCESS_KEY: _secret, ...env } = sandbox.env();
    const run = await runAction('deploy-stack', {
      inputs,
      workspace: workspaceOf(files),
      env,
      node: [node24()],
    });
    expect(run.exitCode).toBe(1);
    expect(run.log).toContain('sts:AssumeRoleWithWebIdentity');
  });
});

describe('with an existing service', () => {
  async function shopWith(policy: Policy): Promise<{ sandbox: Sandbox; shop: ExistingShop }> {
    const sandbox = await sandboxOf({ scenario: { roles: roleWith(policy) } });
    return { sandbox, shop: await ExistingShop.create(sandbox, workspaceOf({}), ['dev']) };
  }

  test('build-push-image pushes the image, and reuses it the second time', async () => {
    const { sandbox, shop } = await shopWith(policyOf('build-push-image'));
    const digest = shop.commit('v1');
    const source = { service: '', 'oci-layout': 'image' };
    const first = await play(sandbox, 'build-push-image', shop.folder, source);
    const second = await play(sandbox, 'build-push-image', shop.folder, source);
    expect([first, second].map(verdictOf)).toEqual([
      expect.stringMatching(/^pushed: /),
      expect.stringMatching(/^(?:unchanged|reused): /),
    ]);
    expect(first.outputs['image']).toContain(digest);
  });

  test.each(['ecr:PutImage', 'ecr:GetAuthorizationToken'])(
    'build-push-image fails without %s',
    async (action) => {
      const { sandbox, shop } = await shopWith(without(policyOf('build-push-image'), action));
      shop.commit('v1');
      const run = await play(sandbox, 'build-push-image', shop.folder, {
        service: '',
        'oci-layout': 'image',
      });
      expect(run.exitCode).toBe(1);
      expect(run.log).toContain(action);
    },
  );

  test('update-service deploys the image by digest, without a warning', async () => {
    const { sandbox, shop } = await shopWith(policyOf('update-service'));
    const image = await imageOf({ sandbox, shop });
    const run = await play(sandbox, 'update-service', shop.folder, { image });
    expect(verdictOf(run)).toMatch(/^deployed: /);
    expect(await shop.runs('dev')).toEqual([image.split('@')[1]]);
    expect(run.log).not.toMatch(/^::(?:warning|error)/m);
  });

  test.each(['ecs:UpdateService', 'ecs:RegisterTaskDefinition', 'iam:PassRole'])(
    'update-service fails without %s',
    async (action) => {
      const { sandbox, shop } = await shopWith(without(policyOf('update-service'), action));
      const run = await play(sandbox, 'update-service', shop.folder, {
        image: await imageOf({ sandbox, shop }),
      });
      expect(run.exitCode).toBe(1);
      expect(run.log).toContain(action);
    },
  );
});

/** The image that the service runs by tag, by its digest. */
async function imageOf({ sandbox, shop }: { sandbox: Sandbox; shop: ExistingShop }): Promise<string> {
  const client = clientOf(sandbox, ECRClient, '111111111111');
  const { repositories = [] } = await client.send(
    new DescribeRepositoriesCommand({ repositoryNames: ['team/api'] }),
  );
  return `${repositories[0]?.repositoryUri ?? ''}@${(await shop.runs('dev'))[0] ?? ''}`;
}

test('deploy-environment deploys the service with the policy of the page', async () => {
  const guide = readFileSync(resolve(import.meta.dirname, '../../docs/start/platform.md'), 'utf8');
  const manifest = blocksOf(guide, 'yaml').find((text) => text.startsWith('project:')) ?? '';
  const policy = JSON.parse(blocksOf(sectionOf('Deploy and promote'), 'json')[0] ?? '') as Policy;
  const arn = 'arn:aws:iam::111111111111:role/shop-dev-deploy';
  const sandbox = await sandboxOf({
    scenario: {
      github: { environments: [{ name: 'dev', branches: ['main'] }] },
      roles: [{ arn, trust, policies: { deploy: { ...policy } } }],
    },
  });
  const shop = await ExistingShop.create(sandbox, workspaceOf({}), ['dev']);
  const digest = shop.commit('v1');
  writeFileSync(
    join(shop.folder, 'platform.yml'),
    manifest.replace(/^ {4}path: api.*$/m, '    path: api\n    build: { oci-layout: image }'),
  );
  sandbox.claims['environment'] = 'dev';
  const {
    AWS_ACCESS_KEY_ID: _id,
    AWS_SECRET_ACCESS_KEY: _secret,
    AWS_REGION: _region,
    ...env
  } = sandbox.env();
  const run = await runAction('deploy-environment', {
    inputs: { environment: 'dev' },
    workspace: shop.folder,
    env,
    node: [node24()],
    token: sandbox.tokens.installation,
  });
  expect(verdictOf(run)).toMatch(/^deployed: /);
  expect(await shop.runs('dev')).toEqual([digest]);
});

test('supersede-runs calls only GitHub', async () => {
  const sandbox = await sandboxOf();
  const run = await play(sandbox, 'supersede-runs', workspaceOf({}));
  expect(verdictOf(run)).toMatch(/^unchanged: /);
  expect(sandbox.calls.all.filter(({ service }) => service !== 'github')).toEqual([]);
});
