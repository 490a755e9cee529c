import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { unzipSync } from 'fflate';
import type { Sandbox } from '../../../sandbox/index.ts';
import { deployStack, DEV, useSandboxes, useWorkspaces } from '../../support/action.ts';

/** Local paths in templates: packaged, uploaded once, replaced, including those in nested templates. */

const start = useSandboxes();
const workspaceOf = useWorkspaces();

const handler = `
Resources:
  Handler:
    Type: AWS::Lambda::Function
    Properties:
      Role: arn:aws:iam::${DEV}:role/handler
      Runtime: nodejs24.x
      Handler: index.handler
      Code: ../src # the folder beside the templates
`;
const app = `
Resources:
  Worker:
    Type: AWS::CloudFormation::Stack
    Properties: { TemplateURL: worker.yml }
  Topic:
    Type: AWS::SNS::Topic
`;

async function started(): Promise<Sandbox> {
  const sandbox = await start();
  sandbox.objects(DEV).createBucket('artifacts');
  return sandbox;
}

/** Uploads by key, without those of large templates. */
function uploads({ calls }: Sandbox): string[] {
  return calls.all
    .filter(({ operation }) => operation === 'PutObject')
    .map(({ input }) => (input as { Key: string }).Key);
}

test('packages a nested template with a function, and uploads only changes again', async () => {
  const sandbox = await started();
  const workspace = workspaceOf({
    'templates/app.yml': app,
    'templates/worker.yml': handler,
    'src/index.js': 'exports.handler = async () => 1',
    'src/bin/run.sh': '#!/bin/sh\n',
  });
  chmodSync(join(workspace, 'src/bin/run.sh'), 0o700);
  const run = async (inputs: Record<string, string> = {}): Promise<Record<string, string>> => {
    const given = { template: 'templates/app.yml', 'artifact-bucket': 'artifacts', ...inputs };
    return (await deployStack(sandbox, given, { workspace })).outputs;
  };

  expect(await run()).toMatchObject({ verdict: 'created' });
  const first = uploads(sandbox);
  expect(first).toHaveLength(2);
  const code = first.find((key) => key.endsWith('.zip')) ?? '';
  const files = unzipSync(sandbox.objects(DEV).get('artifacts', code) ?? Buffer.alloc(0));
  expect(Object.keys(files)).toEqual(['bin/run.sh', 'index.js']);

  expect(await run()).toMatchObject({ verdict: 'unchanged' });
  expect(uploads(sandbox)).toEqual(first);

  writeFileSync(join(workspace, 'src/index.js'), 'exports.handler = async () => 2');
  const planned = await run({ command: 'plan' });
  expect(planned).toMatchObject({ verdict: 'planned' });
  expect(planned['changes']).toContain('Handler');
  const second = uploads(sandbox);
  expect(second).toHaveLength(4);
  const applied = await run({
    command: 'apply',
    plan: planned['plan'] ?? '',
    fingerprint: planned['fingerprint'] ?? '',
  });
  expect(applied).toMatchObject({ verdict: 'updated' });
  expect(uploads(sandbox)).toEqual(second);
});

test('a failure in a local nested template is shown on its own line', async () => {
  const sandbox = await started();
  const broken = handler.replace('../src', '{ S3Bucket: artifacts, S3Key: none.zip }');
  const workspace = workspaceOf({ 'templates/app.yml': app, 'templates/worker.yml': broken });
  const inputs = { template: 'templates/app.yml', 'artifact-bucket': 'artifacts' };
  const run = await deployStack(sandbox, inputs, { workspace });
  expect(run.outputs).toMatchObject({ verdict: 'rolled-back', reason: expect.stringContaining('NoSuchKey') });
  expect(run.log).toMatch(/::error .*file=templates\/worker\.yml,line=3[,:]/);

  writeFileSync(join(workspace, 'templates/worker.yml'), broken.replace('Handler: index', 'Handlr: index'));
  const refused = await deployStack(sandbox, inputs, { workspace });
  expect(refused.outputs['reason']).toMatch(/Worker\/Handler.*Handlr.* \(templates\/worker\.yml:5\)/);
});

test('does not deploy an object whose content does not match its name', async () => {
  const sandbox = await started();
  const workspace = workspaceOf({ 'templates/worker.yml': handler, 'src/index.js': 'good' });
  const inputs = { template: 'templates/worker.yml', 'artifact-bucket': 'artifacts', command: 'plan' };
  expect((await deployStack(sandbox, inputs, { workspace })).outputs['verdict']).toBe('planned');
  const [key = ''] = uploads(sandbox);
  sandbox.objects(DEV).put('artifacts', key, Buffer.from('bad'));
  const again = await deployStack(sandbox, { ...inputs, command: 'deploy' }, { workspace });
  expect(again.outputs).toMatchObject({
    verdict: 'failed',
    reason: expect.stringContaining('to have a SHA-256 checksum that matches its name'),
  });
});

test.each([
  ['in another region', 'us-east-1'],
  ['that does not exist', undefined],
])('a bucket %s is refused', async (_name, region) => {
  const sandbox = await start();
  if (region !== undefined) sandbox.objects(DEV).createBucket('artifacts', region);
  const workspace = workspaceOf({ 'templates/worker.yml': handler, 'src/index.js': 'x' });
  const inputs = { template: 'templates/worker.yml', 'artifact-bucket': 'artifacts' };
  const run = await deployStack(sandbox, inputs, { workspace });
  expect(run.outputs['reason']).toMatch(
    /^artifact-bucket: expected a bucket in eu-west-1, owned by this account, .*, got "artifacts"\. /,
  );
});

test('refuses what cannot be packaged before any call', async () => {
  const sandbox = await started();
  const workspace = workspaceOf({ 'templates/worker.yml': handler });
  for (const [inputs, message] of [
    [{}, /artifact-bucket: .*Handler\.Code has the local path "\.\.\/src" .*templates\/worker\.yml:9/],
    [
      { 'artifact-bucket': 'artifacts' },
      /template: Handler\.Code: .*"\.\.\/src", which does not exist .*worker\.yml:9/,
    ],
  ] as const) {
    const run = await deployStack(sandbox, { template: 'templates/worker.yml', ...inputs }, { workspace });
    expect(run.outputs['reason']).toMatch(message);
  }
  expect(sandbox.calls.all).toEqual([]);
});
