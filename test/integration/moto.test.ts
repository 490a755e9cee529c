import {
  CloudFormationClient,
  DescribeStacksCommand,
  ListChangeSetsCommand,
} from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { runAction, type Run } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import { useWorkspaces } from '../support/action.ts';
import { Moto } from '../support/moto.ts';
import { has } from '../support/programs.ts';
import { testWith } from '../support/software.ts';

/** Another AWS than our own sandbox: what holds here does not hold because of a mistake that we made twice. */

const network = (retention: number, outputs: string): string => `
Parameters:
  Cidr: { Type: String, Default: 10.0.0.0/16 }
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties: { CidrBlock: !Ref Cidr }
  SubnetA:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24 }
  SubnetB:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.2.0/24 }
  Logs:
    Type: AWS::Logs::LogGroup
    Properties: { LogGroupName: /app/flow, RetentionInDays: ${retention} }
Outputs:
  VpcId: { Value: !Ref Vpc }
${outputs}`;

const workspace = useWorkspaces()({
  '1.yml': network(7, ''),
  '2.yml': network(14, '  LogGroup: { Value: !Ref Logs }\n'),
});

const test = testWith('moto_server');

describe('deploy-stack on moto', () => {
  let moto: Moto | undefined;
  const run = (inputs: Record<string, string>): Promise<Run> =>
    runAction('deploy-stack', {
      node: [node24()],
      inputs: { 'stack-name': 'network', ...inputs },
      env: moto?.env ?? {},
      workspace,
    });
  const client = (): CloudFormationClient =>
    new CloudFormationClient({
      endpoint: moto?.url ?? '',
      region: 'eu-west-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });

  beforeAll(async () => {
    if (has('moto_server', ['--help'])) moto = await Moto.start();
  }, 90_000);
  afterAll(async () => {
    await moto?.stop();
  });

  test('plans, creates, updates, finds unchanged and deletes a stack', async () => {
    const plan = await run({ command: 'plan', template: '1.yml' });
    expect(plan.outputs).toMatchObject({ verdict: 'planned', 'has-changes': 'true' });
    expect(JSON.parse(plan.outputs['changes'] ?? '[]')).toHaveLength(4);

    const applied = await run({
      command: 'apply',
      template: '1.yml',
      plan: plan.outputs['plan'] ?? '',
      fingerprint: plan.outputs['fingerprint'] ?? '',
    });
    expect(applied.outputs['verdict']).toBe('created');
    expect(applied.exitCode).toBe(0);

    const unchanged = await run({ template: '1.yml' });
    expect(unchanged.outputs).toMatchObject({ verdict: 'unchanged', 'has-changes': 'false' });

    const updated = await run({ template: '2.yml' });
    expect(updated.outputs['verdict']).toBe('updated');
    const { Stacks = [] } = await client().send(new DescribeStacksCommand({ StackName: 'network' }));
    expect(Stacks[0]?.StackStatus).toBe('UPDATE_COMPLETE');
    const { Summaries = [] } = await client().send(new ListChangeSetsCommand({ StackName: 'network' }));
    expect(Summaries.filter((each) => each.ExecutionStatus === 'AVAILABLE')).toEqual([]);

    const deleted = await run({ command: 'delete', 'allow-delete': 'all' });
    expect(deleted.outputs['verdict']).toBe('deleted');
    await expect(client().send(new DescribeStacksCommand({ StackName: 'network' }))).rejects.toThrow(
      'does not exist',
    );
  }, 120_000);

  test('a template that cannot be created is red', async () => {
    const run1 = await run({ 'stack-name': 'broken', template: '1.yml', parameters: 'Nonsense=1' });
    expect(run1.exitCode).toBe(1);
    expect(run1.outputs['verdict']).toBe('failed');
  }, 60_000);
});
