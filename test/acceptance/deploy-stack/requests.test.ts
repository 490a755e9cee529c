import {
  CloudFormationClient,
  ExecuteChangeSetCommand,
  ListChangeSetsCommand,
} from '@aws-sdk/client-cloudformation';
import { expect, test } from '@jest/globals';
import { deployStack, DEV, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { clientOf } from '../../unit/sandbox/clients.ts';

/** Requests that AWS refuses, or that another caller makes first. All cases are in test/wire/requests.test.ts. */

const start = useSandboxes();
const workspaceOf = useWorkspaces();

const queue = (delay: number): string =>
  `Resources: { Queue: { Type: AWS::SQS::Queue, Properties: { DelaySeconds: ${delay} } } }`;
const CHILD = 'Resources: { Queue: { Type: AWS::SQS::Queue }, Topic: { Type: AWS::SNS::Topic } }';
const workspace = workspaceOf({
  '1.yml': queue(1),
  '2.yml': queue(2),
  'parent.yml':
    "Resources: { Network: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: 'https://templates.s3.eu-west-1.amazonaws.com/child.yml' } } }",
});

test('the reason after a refusal states that nothing was started', async () => {
  const fault = { operation: 'ExecuteChangeSet', kind: 'error' as const, status: 403, code: 'AccessDenied' };
  const sandbox = await start({ scenario: { faults: [{ ...fault, message: 'not you', times: 10 }] } });
  const { outputs } = await deployStack(sandbox, { template: '1.yml' }, { workspace });
  expect(outputs['verdict']).toBe('failed');
  expect(outputs['reason']).toMatch(
    /AccessDenied: not you.*rejected the creation of stack app, so it did not start\.$/,
  );
});

test('waits for a change set that another run executed first', async () => {
  const sandbox = await start();
  await deployStack(sandbox, { template: '1.yml' }, { workspace });
  sandbox.addFault({ operation: 'DescribeStackEvents', kind: 'delay', delayMs: 1500 });
  sandbox.calls.all.length = 0;
  const running = deployStack(sandbox, { template: '2.yml', timeout: '60s' }, { workspace });
  await sandbox.calls.arrival({ operation: 'DescribeStackEvents' });
  const client = clientOf(sandbox, CloudFormationClient);
  const { Summaries = [] } = await client.send(new ListChangeSetsCommand({ StackName: 'app' }));
  await client.send(new ExecuteChangeSetCommand({ ChangeSetName: Summaries[0]?.ChangeSetId }));
  const run = await running;
  expect(run.outputs['verdict']).toBe('updated');
  expect(run.log).toContain('was already executed by another caller');
});

test('the root cause is in a nested stack that cannot be found at first', async () => {
  const sandbox = await start({
    scenario: {
      features: { hiddenNestedReads: 2 },
      resources: [{ match: { logicalId: 'Topic' }, on: 'create', fail: { message: 'no room' } }],
    },
  });
  sandbox.objects(DEV).createBucket('templates');
  sandbox.objects(DEV).put('templates', 'child.yml', Buffer.from(CHILD));
  const { outputs } = await deployStack(sandbox, { template: 'parent.yml' }, { workspace });
  expect(outputs['verdict']).toBe('rolled-back');
  expect(outputs['reason']).toContain('at Network/Topic (AWS::SNS::Topic): no room');
});

test('retries server errors before the first change', async () => {
  const fault = { operation: 'DescribeStacks', kind: 'status' as const, status: 502, times: 7 };
  const sandbox = await start({ scenario: { faults: [fault] } });
  const { outputs } = await deployStack(sandbox, { template: '1.yml' }, { workspace });
  expect(outputs['verdict']).toBe('created');
  expect(sandbox.calls.of('DescribeStacks').length).toBeGreaterThan(fault.times);
});
