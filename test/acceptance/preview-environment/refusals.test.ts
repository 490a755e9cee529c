import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DEV, useWorkspaces } from '../../support/action.ts';
import { PreviewHost } from '../../support/preview.ts';

const workspaceOf = useWorkspaces();
let host: PreviewHost;
beforeAll(async () => {
  host = await PreviewHost.start(workspaceOf, {
    scenario: {
      ecs: {
        rules: [
          { match: { service: 'pr-50-user-service' }, does: 'exit', logs: ['no database'] },
          { match: { service: 'pr-55-user-service' }, does: 'run', bootSeconds: 3000 },
        ],
      },
    },
  });
});
afterAll(() => host.sandbox.close());

const changes = () =>
  host.sandbox.calls.all.filter(({ operation }) => /^(Create|Execute|Delete|Put|Batch)/.test(operation));

describe('nothing is changed', () => {
  test.each(['deploy', 'remove'])('by %s for a pull request from a fork', async (command) => {
    const calls = host.sandbox.calls.all.length;
    const images = command === 'deploy' ? { images: `user-service=${host.digest}` } : {};
    const run = await host.run(
      51,
      { command, ...images },
      { fork: true, token: host.sandbox.tokens.readOnly },
    );
    expect(run.exitCode).toBe(0);
    expect(run.outputs).toMatchObject({
      verdict: 'skipped',
      reason: expect.stringContaining('Pull request 51 is from a fork'),
    });
    expect(host.sandbox.calls.all).toHaveLength(calls);
  });

  test("for a fork that only GitHub's API reveals, in a manual run", async () => {
    host.pull(52).fork = true;
    const before = changes().length;
    const run = await host.run(0, { 'pull-request': '52' }, { event: {} });
    expect(run.outputs['verdict']).toBe('skipped');
    expect(changes()).toHaveLength(before);
  });

  test('with a token that may not create deployments', async () => {
    const run = await host.run(53, {}, { token: host.sandbox.tokens.readOnly });
    expect(run.outputs).toMatchObject({
      verdict: 'failed',
      reason: expect.stringContaining('Grant the job `deployments: write`'),
    });
    expect(await host.stacks()).toEqual([]);
  });

  test.each([
    [{ images: '' }, /^images: a value is required for deploy/],
    [{ images: 'user-service=latest' }, /^images: .*sha256.*, got "latest"/],
    [{ images: 'User=sha256:1' }, /^images: .*name of a service.*, got "User"/],
    [{ 'pull-request': 'seven' }, /^pull-request: expected a whole number.*, got "seven"/],
    [{ project: 'P' }, /^project: .*, got "P"/],
    [{ 'priority-base': '0' }, /^priority-base: expected a whole number from 1 to 50000, got "0"/],
    [{ 'priority-range': '60000' }, /^priority-range: .*, got "60000"/],
    [{ 'time-to-live': '3 days' }, /^time-to-live: .*, got "3 days"/],
    [{ template: 'nowhere.yml' }, /^template: cannot read "nowhere.yml" \(no such file\)/],
    [{ 'parameter-files': 'nowhere.json' }, /^parameter-files: cannot read "nowhere.json" \(no such file\)/],
    [{ parameters: 'Listner=x' }, /^parameters: .*, got "Listner"\. Did you mean "Listener"/],
    [
      { parameters: 'Project=shop' },
      /^parameters: Project is "shop", but the input project supplies "platform"/,
    ],
    [
      { parameters: 'ServiceName=other' },
      /^parameters: ServiceName is "other", but the input images supplies "user-service"/,
    ],
    [
      {
        project: 'storefrontofthenorth',
        'role-arn': `arn:aws:iam::${DEV}:role/storefrontofthenorth-dev-preview-execution`,
      },
      /^project: dev-storefrontofthenorth-pr- has 28 characters, but at most 25 are allowed/,
    ],
    [{ 'github-token': '' }, /^github-token: a value is required/],
  ])('with %j', async (inputs: Record<string, string>, reason) => {
    const before = changes().length;
    const run = await host.run(54, inputs, 'github-token' in inputs ? { token: '' } : {});
    expect(run.exitCode).toBe(1);
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toMatch(reason);
    expect(changes()).toHaveLength(before);
    expect(host.deployments(54)).toEqual([]);
  });

  test('with a template with a missing reference, which is annotated on its line', async () => {
    const template = readFileSync(join(host.workspace, 'templates/preview.yml'), 'utf8');
    const broken = template.replace(/^Outputs:$/m, 'Outputs:\n  Broken: { Value: !GetAtt Nothing.Arn }');
    writeFileSync(join(host.workspace, 'broken.yml'), broken);
    const before = changes().length;
    const run = await host.run(54, { template: 'broken.yml' });
    expect(run.outputs['reason']).toMatch(
      /^The preview of pull request 54 cannot be deployed: .*Nothing.* \(broken\.yml:\d+\)\. Nothing was changed\.$/,
    );
    expect(changes()).toHaveLength(before);
  });

  test('if the environment has no load balancer yet', async () => {
    const run = await host.run(54, { parameters: 'Listener=/platform/dev/nothing' });
    expect(run.outputs).toMatchObject({
      verdict: 'failed',
      reason: expect.stringContaining('The SSM parameter /platform/dev/nothing does not exist'),
    });
  });
});

test('a service that does not start fails the preview with the cause, and leaves no stack', async () => {
  const run = await host.run(50);
  expect(run.exitCode).toBe(1);
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toContain('user-service: ');
  expect(await host.stacks()).toEqual([]);
  expect(host.deployments(50)).toEqual(['failure']);
  expect(host.comments(50).join()).toContain('❌ Preview of pull request 50: failed');
});

test('a cancelled job stops what it has started', async () => {
  const creation = host.next('ExecuteChangeSet');
  const onStart = (child: ChildProcess): void => {
    void creation.then(() => child.kill('SIGINT'));
  };
  const run = await host.run(55, {}, { onStart });
  expect(run.exitCode).not.toBe(0);
  expect(run.outputs['verdict']).toBe('cancelled');
  expect(host.deployments(55)).toEqual(['failure']);
  host.pull(55).state = 'closed';
  await host.run(55, { command: 'remove' }, { action: 'closed' });
  expect(await host.stacks()).toEqual([]);
});
