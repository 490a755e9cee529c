import { describe, expect, test } from '@jest/globals';
import type { Sandbox, Scenario } from '../../../sandbox/index.ts';
import { deployStack, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { expectExample } from '../../support/error-example.ts';

/** Changes that CloudFormation plans and does not execute. All cases are in test/wire/reconcile.test.ts. */

const start = useSandboxes();
const workspaceOf = useWorkspaces();

const service = (): string => `
Parameters:
  Image: { Type: String, Default: 'registry.example.com/app:1' }
Resources:
  Cluster:
    Type: AWS::ECS::Cluster
    Properties: { ClusterName: apps }
  TaskDef:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: app
      Cpu: '256'
      Memory: '512'
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      ExecutionRoleArn: !Sub arn:aws:iam::\${AWS::AccountId}:role/execution
      ContainerDefinitions: [{ Name: app, Image: !Ref Image }]
  Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: app
      Cluster: !Ref Cluster
      TaskDefinition: !Ref TaskDef
      DesiredCount: 1
      LaunchType: FARGATE
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-0a1b2c3d4e5f60718] } }
`;
const workspace = workspaceOf({ 'service.yml': service() });
const NEXT = { parameters: 'Image=registry.example.com/app:2' };
const omitted = (logicalId: string): Scenario => ({
  resources: [{ match: { logicalId }, on: 'update', omit: true }],
});

interface Result {
  verdict: string;
  reason: string;
  log: string;
  error?: { code: string; message: string; fix?: string };
}

async function run(sandbox: Sandbox, inputs: Record<string, string>): Promise<Result> {
  const { outputs, log } = await deployStack(sandbox, inputs, { workspace });
  const { verdict = '', reason = '', result = '{}' } = outputs;
  return { ...(JSON.parse(result) as Result), verdict, reason, log };
}

describe('a planned change without an event', () => {
  test('of an ECS service that still runs the old revision is not green', async () => {
    const sandbox = await start({ scenario: omitted('Service') });
    const inputs = { template: 'service.yml', mode: 'express' };
    expect(await run(sandbox, inputs)).toMatchObject({ verdict: 'created' });
    const next = await run(sandbox, { ...inputs, ...NEXT });
    expect(next).toMatchObject({
      verdict: 'failed',
      status: 'UPDATE_COMPLETE',
      error: { code: 'stack-unproven' },
    });
    expect(next.reason).toContain(
      'Service (AWS::ECS::Service): ECS runs app:1, but the stack declares app:2',
    );
    expect(next.error?.fix).toMatch(/^Run update-service .*task-definition-arn/);
    expectExample('stack-unproven', { log: next.log, result: { error: next.error } });
  });

  test("in express mode, CloudFormation's report is enough", async () => {
    const sandbox = await start();
    const inputs = { template: 'service.yml', mode: 'express' };
    await run(sandbox, inputs);
    expect(await run(sandbox, { ...inputs, ...NEXT })).toMatchObject({ verdict: 'updated' });
  });
});
