import {
  CloudFormationClient,
  DeleteChangeSetCommand,
  DeleteStackCommand,
  ListChangeSetsCommand,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { deployStack, DEV, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { clientOf } from '../../support/aws-clients.ts';
import { expectExample } from '../../support/error-example.ts';
import { expectResultExample } from '../../support/result-example.ts';

/** Each command as in a workflow: with the committed bundle, checked by the calls to AWS and GitHub. */

const start = useSandboxes();

const template = (delay: number, more = ''): string => `
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: orders, DelaySeconds: ${delay} }
${more}Outputs:
  Url: { Value: !Ref Queue }
`;
const kept =
  '  Kept: { Type: AWS::Logs::LogGroup, DeletionPolicy: Retain, Properties: { LogGroupName: /kept } }\n';
const workspace = useWorkspaces()({
  '1.yml': template(1),
  '2.yml': template(2),
  'kept.yml': template(1, kept),
});

const verdictOf = (run: Run): string => run.outputs['verdict'] ?? run.log;

async function deployed(sandbox: Sandbox, file = '1.yml'): Promise<void> {
  expect(verdictOf(await deployStack(sandbox, { template: file }, { workspace }))).toBe('created');
}

describe('plan, approve, apply', () => {
  async function planned(sandbox: Sandbox): Promise<{ plan: string; fingerprint: string }> {
    const { outputs } = await deployStack(sandbox, { command: 'plan', template: '2.yml' }, { workspace });
    expect(outputs).toMatchObject({ verdict: 'planned', 'has-changes': 'true' });
    return { plan: outputs['plan'] ?? '', fingerprint: outputs['fingerprint'] ?? '' };
  }

  test('executes the approved plan, and a re-run is unchanged', async () => {
    const sandbox = await start();
    await deployed(sandbox);
    const approved = await planned(sandbox);
    const apply = (): Promise<Run> => deployStack(sandbox, { command: 'apply', ...approved }, { workspace });
    const applied = await apply();
    expect(verdictOf(applied)).toBe('updated');
    await expectResultExample(applied);
    const again = await apply();
    expect(verdictOf(again)).toBe('updated');
    expect(again.outputs['reason']).toContain('was already executed');
    expect(sandbox.calls.of('ExecuteChangeSet').filter(({ status }) => status === 200)).toHaveLength(2);
  });

  test('does not execute a plan with another fingerprint', async () => {
    const sandbox = await start();
    await deployed(sandbox);
    const { plan } = await planned(sandbox);
    sandbox.calls.all.length = 0;
    const run = await deployStack(
      sandbox,
      { command: 'apply', plan, fingerprint: `v1:${'0'.repeat(32)}`, template: '2.yml' },
      { workspace },
    );
    expect(verdictOf(run)).toBe('plan-changed');
    expectExample('plan-changed', run);
    expect(run.exitCode).toBe(1);
    expect(sandbox.calls.of('ExecuteChangeSet')).toHaveLength(0);
  });

  test('creates an obsolete plan again, and executes it only if it is the same', async () => {
    const sandbox = await start();
    await deployed(sandbox);
    const approved = await planned(sandbox);
    const between = await deployStack(sandbox, { template: '1.yml', tags: 'team=shop' }, { workspace });
    expect(verdictOf(between)).toBe('updated');
    const run = await deployStack(
      sandbox,
      { command: 'apply', ...approved, template: '2.yml' },
      { workspace },
    );
    expect(verdictOf(run)).toBe('plan-changed');
    expect(run.outputs['reason']).toContain('approve');
  });
});

test('a change set that is deleted during its creation is a conflict', async () => {
  const sandbox = await start();
  await deployed(sandbox);
  sandbox.addFault({ operation: 'DescribeChangeSet', kind: 'delay', delayMs: 5000, times: 1 });
  const calls = sandbox.calls.of('DescribeChangeSet').length;
  const deleted = sandbox.calls.arrival({ operation: 'DescribeChangeSet' }, calls + 1).then(async () => {
    const client = clientOf(sandbox, CloudFormationClient);
    const { Summaries = [] } = await client.send(new ListChangeSetsCommand({ StackName: 'app' }));
    for (const { ChangeSetId } of Summaries)
      await client.send(new DeleteChangeSetCommand({ ChangeSetName: ChangeSetId }));
    return Summaries.length;
  });
  const run = await deployStack(sandbox, { template: '2.yml' }, { workspace });
  expect(await deleted).toBe(1);
  expect(verdictOf(run)).toBe('failed');
  expectExample('conflict', run);
  expect(sandbox.calls.of('ExecuteChangeSet')).toHaveLength(1);
});

describe('delete', () => {
  test('requires an opt-in for data, waits until it has completed, and lists retained resources', async () => {
    const sandbox = await start();
    await deployed(sandbox, 'kept.yml');
    const blocked = await deployStack(sandbox, { command: 'delete' });
    expect(verdictOf(blocked)).toBe('blocked');
    expect(blocked.outputs['reason']).toMatch(
      /^Nothing was changed: Queue .*To allow it: allow-delete: Queue$/,
    );
    expect(sandbox.calls.of('DeleteStack')).toHaveLength(0);
    const run = await deployStack(sandbox, { command: 'delete', 'allow-delete': 'Queue' });
    expect(verdictOf(run)).toBe('deleted');
    expect(run.outputs['reason']).toContain('Kept');
    expect(run.summary).toContain('Kept');
    expect(verdictOf(await deployStack(sandbox, { command: 'delete', 'allow-delete': 'all' }))).toBe(
      'unchanged',
    );
  });

  test('deletes a protected stack only with termination-protection: false', async () => {
    const sandbox = await start();
    const created = await deployStack(
      sandbox,
      { template: '1.yml', 'termination-protection': 'true' },
      { workspace },
    );
    expect(verdictOf(created)).toBe('created');
    expect(verdictOf(await deployStack(sandbox, { command: 'delete', 'allow-delete': 'all' }))).toBe(
      'blocked',
    );
    const run = await deployStack(sandbox, {
      command: 'delete',
      'allow-delete': 'all',
      'termination-protection': 'false',
    });
    expect(verdictOf(run)).toBe('deleted');
  });

  test('of a stack that is already being deleted waits for that deletion', async () => {
    const sandbox = await start();
    await deployed(sandbox);
    const before = sandbox.calls.of('DescribeStackEvents').length;
    sandbox.addFault({ operation: 'DescribeStackEvents', kind: 'delay', delayMs: 1500 });
    const ours = deployStack(sandbox, { command: 'delete', 'allow-delete': 'all', timeout: '20s' });
    await sandbox.calls.arrival({ operation: 'DescribeStackEvents' }, before + 1);
    const theirs = clientOf(sandbox, CloudFormationClient);
    await theirs.send(new DeleteStackCommand({ StackName: 'app' }));
    expect(verdictOf(await ours)).toBe('deleted');
  });

  test('reports what blocks it', async () => {
    const sandbox = await start({
      scenario: {
        resources: [
          { match: { logicalId: 'Queue' }, on: 'delete', fail: { message: 'the queue is in use' } },
        ],
      },
    });
    await deployed(sandbox);
    const run = await deployStack(sandbox, { command: 'delete', 'allow-delete': 'all' });
    expect(verdictOf(run)).toBe('failed');
    expect(run.outputs['reason']).toContain('the queue is in use');
  });
});

describe('drift', () => {
  const drifting = {
    scenario: { drift: [{ stack: 'app', logicalId: 'Queue', set: { DelaySeconds: 9 } }] },
  };

  test('in-sync is proven', async () => {
    const sandbox = await start();
    await deployed(sandbox);
    expect(verdictOf(await deployStack(sandbox, { command: 'drift' }))).toBe('in-sync');
  });

  test.each([
    ['with a change set', {}],
    ['with drift detection', { features: { revertDrift: false } }],
  ])('shows differences without reverting them, %s', async (_how, features) => {
    const sandbox = await start({ scenario: { ...drifting.scenario, ...features } });
    await deployed(sandbox);
    const run = await deployStack(sandbox, { command: 'drift' });
    expect(verdictOf(run)).toBe('drifted');
    expect(run.exitCode).toBe(1);
    expect(run.summary).toMatch(/DelaySeconds.*1.*9/s);
    expect(sandbox.calls.of('ExecuteChangeSet').filter(({ input }) => input['ChangeSetName'])).toHaveLength(
      1,
    );
  });

  test("revert-drift restores the template's values", async () => {
    const sandbox = await start(drifting);
    await deployed(sandbox);
    expect(verdictOf(await deployStack(sandbox, { command: 'drift', 'revert-drift': 'true' }))).toBe(
      'updated',
    );
    expect(verdictOf(await deployStack(sandbox, { command: 'drift' }))).toBe('in-sync');
  });
});

describe('role-to-assume', () => {
  const role = `arn:aws:iam::${DEV}:role/platform-deploy`;
  const trusting = (sub: string) => ({
    scenario: {
      roles: [
        {
          arn: role,
          trust: {
            Statement: [
              {
                Effect: 'Allow',
                Action: 'sts:AssumeRoleWithWebIdentity',
                Principal: {
                  Federated: `arn:aws:iam::${DEV}:oidc-provider/token.actions.githubusercontent.com`,
                },
                Condition: {
                  StringEquals: {
                    'token.actions.githubusercontent.com:sub': sub,
                    'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com',
                  },
                },
              },
            ],
          },
        },
      ],
    },
  });
  const keyless = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' };

  test("the job's OIDC token assumes the role", async () => {
    const sandbox = await start(trusting('repo:org/shop:environment:dev'));
    sandbox.claims['sub'] = 'repo:org/shop:environment:dev';
    const run = await deployStack(
      sandbox,
      { template: '1.yml', 'role-to-assume': role },
      { workspace, env: keyless },
    );
    expect(verdictOf(run)).toBe('created');
    expect(sandbox.calls.of('AssumeRoleWithWebIdentity')).toHaveLength(1);
  });

  test("a refusal shows the token's claims and the required trust policy", async () => {
    const sandbox = await start(trusting('repo:org/shop:ref:refs/heads/main'));
    sandbox.claims['sub'] = 'repo:org/shop:environment:dev';
    const run = await deployStack(
      sandbox,
      { template: '1.yml', 'role-to-assume': role },
      { workspace, env: keyless },
    );
    expect(verdictOf(run)).toBe('failed');
    expect(run.log).toContain('repo:org/shop:environment:dev');
    expect(run.log).toContain('token.actions.githubusercontent.com:sub');
  });

  test('an invalid template is refused before any call', async () => {
    const sandbox = await start(trusting('repo:org/shop:environment:dev'));
    const run = await deployStack(
      sandbox,
      { template: 'none.yml', 'role-to-assume': role },
      { workspace, env: keyless },
    );
    expect(verdictOf(run)).toBe('failed');
    expect(run.outputs['reason']).toMatch(/^template: cannot read "none\.yml" \(no such file\)\. /);
    expect(sandbox.calls.all).toHaveLength(0);
  });
});

describe("the pull request's comment", () => {
  const event = (fork = false) => ({
    pull_request: { number: 12, head: { repo: { full_name: fork ? 'mallory/shop' : 'org/shop' } } },
  });
  const pullRequest = { GITHUB_EVENT_NAME: 'pull_request' };
  const plan = (sandbox: Sandbox, file: string): Promise<Run> =>
    deployStack(
      sandbox,
      { command: 'plan', template: file },
      { workspace, event: event(), env: pullRequest },
    );

  test('is one comment that is updated', async () => {
    const sandbox = await start();
    await plan(sandbox, '1.yml');
    const run = await deployStack(
      sandbox,
      { command: 'plan', template: '2.yml' },
      { workspace, event: event(), env: { ...pullRequest, GITHUB_RUN_ID: '1002' } },
    );
    expect(verdictOf(run)).toBe('planned');
    expect(sandbox.calls.of('issues/create-comment')).toHaveLength(1);
    expect(sandbox.calls.of('issues/update-comment')).toHaveLength(1);
    expect(JSON.stringify(sandbox.calls.of('issues/update-comment')[0]?.input)).toContain('Plan for app');
  });

  test('a token without write permission causes a notice, not a failure', async () => {
    const sandbox = await start();
    const run = await deployStack(
      sandbox,
      { command: 'plan', template: '1.yml' },
      { workspace, event: event(true), env: pullRequest, token: sandbox.tokens.readOnly },
    );
    expect(verdictOf(run)).toBe('planned');
    expect(run.exitCode).toBe(0);
    expect(run.log).toMatch(/^::notice::.*fork/m);
  });

  test('a deployment writes none unless requested', async () => {
    const sandbox = await start();
    const options = { workspace, event: event(), env: pullRequest };
    await deployStack(sandbox, { template: '1.yml' }, options);
    expect(sandbox.calls.of('issues/create-comment')).toHaveLength(0);
    await deployStack(sandbox, { template: '2.yml', comment: 'true' }, options);
    expect(sandbox.calls.of('issues/create-comment')).toHaveLength(1);
  });
});
