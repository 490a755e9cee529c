import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';
import { ssmOf } from '../../unit/sandbox/clients.ts';

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();
const commitOf = (digit: string): string => digit.repeat(40);
const github = { commits: Array.from('1234', (digit) => ({ sha: commitOf(digit) })) };

/** A platform with one stack, as in the commit of a run. */
function workspaceOf(digit: string): string {
  const platform = SMALL_PLATFORM['platform.yml'] ?? '';
  const workspace = newWorkspace({
    ...SMALL_PLATFORM,
    'platform.yml': `${platform.split('services:')[0] ?? ''}services: {}\n`,
  });
  writeFileSync(
    join(workspace, 'queue.yml'),
    `
Parameters:
  Topic: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /shop/dev/network/topic }
Resources:
  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: jobs, DelaySeconds: ${digit} } }
`,
  );
  return workspace;
}

/** Runs a command in the workspace of a commit, as run 100 + digit. */
function play(sandbox: Sandbox, digit: string, inputs: Record<string, string> = {}, more = {}): Promise<Run> {
  const run = { number: 100 + Number(digit), sha: commitOf(digit), ...more };
  return deployEnvironment(sandbox, inputs, { workspace: workspaceOf(digit), run });
}

async function recorded(sandbox: Sandbox): Promise<object> {
  const command = new GetParameterCommand({ Name: '/shop/dev/release' });
  return JSON.parse((await ssmOf(sandbox).send(command)).Parameter?.Value ?? '{}') as object;
}

test('a late run is outdated before anything is planned', async () => {
  const sandbox = await newSandbox({ scenario: { github } });
  expect((await play(sandbox, '2')).outputs['verdict']).toBe('deployed');
  const changeSets = sandbox.calls.of('CreateChangeSet').length;
  for (const command of ['deploy', 'plan']) {
    const late = await play(sandbox, '1', { command });
    expect([late.exitCode, late.outputs['verdict']]).toEqual([1, 'outdated']);
    expect(late.outputs['reason']).toMatch(
      /^dev: Run 101 of \.github\/workflows\/pipeline\.yml 1111111 is older than run 102 2222222, which was released to dev at .*Nothing was changed\. Fix: /,
    );
    expect(late.result['error']).toMatchObject({ code: 'outdated' });
  }
  expect(sandbox.calls.of('CreateChangeSet')).toHaveLength(changeSets);
  expect(await recorded(sandbox)).toMatchObject({ runNumber: 102, commit: commitOf('2'), sequence: 1 });

  const again = await play(sandbox, '2', {}, { attempt: 2 });
  expect(again.outputs['verdict']).toBe('unchanged');
  const allowed = await play(sandbox, '1', { 'allow-older': 'true' });
  expect(allowed.outputs['verdict']).toBe('deployed');
  expect(await recorded(sandbox)).toMatchObject({ runNumber: 101, allowOlder: true, sequence: 3 });
});

test('a plan approved while a newer run changes the environment is outdated', async () => {
  const sandbox = await newSandbox({ scenario: { github }, timeScale: 100 });
  await play(sandbox, '1');
  const plan = await play(sandbox, '2', { command: 'plan' });
  const { plan: document = '', fingerprint = '' } = plan.outputs;
  let late: Promise<Run> | undefined;
  const workspace = workspaceOf('3');
  const newer = await deployEnvironment(
    sandbox,
    {},
    {
      workspace,
      run: { number: 103, sha: commitOf('3') },
      onLine: (line) => {
        if (line.includes('queue'))
          late ??= play(sandbox, '2', { command: 'apply', plan: document, fingerprint });
      },
    },
  );
  expect(newer.outputs['verdict']).toBe('deployed');
  const executed = sandbox.calls.of('ExecuteChangeSet').length;
  expect((await late)?.outputs['verdict']).toBe('outdated');
  expect(sandbox.calls.of('ExecuteChangeSet')).toHaveLength(executed);
});
