import { DescribeStacksCommand, ListChangeSetsCommand } from '@aws-sdk/client-cloudformation';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { FaultRule } from '../../../../sandbox/index.ts';
import type { Outcome } from '../../../../src/core/outcome.ts';
import { type Stand, stand } from './stand.ts';

const template = (tag: string): string => `
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties: { CidrBlock: 10.0.0.0/16, Tags: [{ Key: Name, Value: ${tag} }] }
`;

let at: Stand;
afterEach(async () => {
  await at.close();
});

async function stackStatus(): Promise<string> {
  const found = await at.client.send(new DescribeStacksCommand({ StackName: 'app' })).catch(() => undefined);
  return found?.Stacks?.[0]?.StackStatus ?? 'none';
}

async function changeSets(): Promise<number> {
  const found = await at.client.send(new ListChangeSetsCommand({ StackName: 'app' })).catch(() => undefined);
  return (found?.Summaries ?? []).filter((summary) => summary.ExecutionStatus === 'AVAILABLE').length;
}

const FAULTS: [string, Pick<FaultRule, 'kind'> & Partial<FaultRule>][] = [
  ['throttling', { kind: 'throttle', times: 3 }],
  ['a 500', { kind: 'status', status: 500 }],
  ['a reset', { kind: 'reset' }],
  ['a lost answer', { kind: 'reset', after: true }],
  ['a malformed body', { kind: 'malformed' }],
  ['a denial', { kind: 'error', status: 403, code: 'AccessDenied', message: 'not you', times: 50 }],
];

const DEPLOY_CALLS = [
  'DescribeStacks',
  'CreateChangeSet',
  'DescribeChangeSet',
  'DescribeStackEvents',
  'ExecuteChangeSet',
  'GetTemplate',
];

describe.each(FAULTS)('%s', (name, fault) => {
  const survivable = name !== 'a denial';

  test.each(DEPLOY_CALLS)('at %s of a deployment', async (operation) => {
    at = await stand();
    at.sandbox.addFault({ operation, ...fault });
    const outcome = await at.run(template('a'));
    const status = await stackStatus();
    // What is green is so on AWS's side too; what is not has left nothing of ours behind, or says what.
    if (outcome.ok) expect(status).toBe('CREATE_COMPLETE');
    else if (!at.lines.some((line) => line.includes('may be left behind'))) {
      expect([status, await changeSets()]).toEqual([expect.stringMatching(/^(none|CREATE_COMPLETE)$/), 0]);
    }
    if (survivable) expect(outcome).toMatchObject({ verdict: 'created', ok: true });
  });

  test('at DeleteStack', async () => {
    at = await stand();
    await at.run(template('a'));
    at.sandbox.addFault({ operation: 'DeleteStack', ...fault });
    const outcome: Outcome = await at.run('', { command: 'delete' });
    expect(outcome.verdict).toBe(survivable ? 'deleted' : 'failed');
    expect(await stackStatus()).toBe(survivable ? 'none' : 'CREATE_COMPLETE');
  });
});
