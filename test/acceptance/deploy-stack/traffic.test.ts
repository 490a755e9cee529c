import {
  DescribeRulesCommand,
  ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startSandbox, type Sandbox } from '../../../sandbox/index.ts';
import { changeByHand } from '../../../sandbox/cloudformation/engine/drift.ts';
import { stackDatabase } from '../../../sandbox/cloudformation/engine/stack-database.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { deployStack, DEV, useWorkspaces } from '../../support/action.ts';
import { DEV_ACCOUNT, deployEnvironment } from '../../support/environment.ts';
import { configOf } from '../../unit/sandbox/clients.ts';

/** Live traffic weights belong to ECS: a stack update never changes them unless allowed. */

const template = (version: number, priority = 10): string => `
Resources:
  Cluster:
    Type: AWS::ECS::Cluster
    Properties: { ClusterName: apps }
  LoadBalancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: { Name: apps, Subnets: [subnet-0a1b2c3d4e5f60718, subnet-0a1b2c3d4e5f60719] }
  Blue:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { Name: blue, Port: 80, Protocol: HTTP, TargetType: ip, VpcId: vpc-0a1b2c3d4e5f60718 }
  Green:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { Name: green, Port: 80, Protocol: HTTP, TargetType: ip, VpcId: vpc-0a1b2c3d4e5f60718 }
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref LoadBalancer
      Port: 80
      Protocol: HTTP
      DefaultActions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '404' } }]
  ProductionRule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: ${priority}
      Conditions: [{ Field: path-pattern, PathPatternConfig: { Values: ['/*'] } }]
      Actions:
        - Type: forward
          ForwardConfig:
            TargetGroups:
              - { TargetGroupArn: !Ref Blue, Weight: 1 }
              - { TargetGroupArn: !Ref Green, Weight: 0 }
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{ Effect: Allow, Principal: { Service: ecs.amazonaws.com }, Action: sts:AssumeRole }]
      PermissionsBoundary: !Sub 'arn:aws:iam::\${AWS::AccountId}:policy/bootstrap-boundary'
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: app
      Cpu: '256'
      Memory: '512'
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      ContainerDefinitions: [{ Name: app, Image: 'registry.example.com/app:${version}', PortMappings: [{ ContainerPort: 80 }] }]
  Service:
    Type: AWS::ECS::Service
    DependsOn: ProductionRule
    Properties:
      ServiceName: app
      Cluster: !Ref Cluster
      TaskDefinition: !Ref Task
      DesiredCount: 1
      LaunchType: FARGATE
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-0a1b2c3d4e5f60718] } }
      DeploymentConfiguration: { Strategy: BLUE_GREEN }
      LoadBalancers:
        - ContainerName: app
          ContainerPort: 80
          TargetGroupArn: !Ref Blue
          AdvancedConfiguration:
            AlternateTargetGroupArn: !Ref Green
            ProductionListenerRule: !Ref ProductionRule
            RoleArn: !GetAtt Role.Arn
`;
const workspaceOf = useWorkspaces();
const workspace = workspaceOf({
  '1.yml': template(1),
  '2.yml': template(2),
  'moved.yml': template(2, 11),
});

const verdictOf = (run: Run): string => run.outputs['verdict'] ?? run.log;

/** The sandbox of all tests in this file: a service whose second release serves from the alternate target group. */
let sandbox: Sandbox;
const run = (inputs: Record<string, string>): Promise<Run> => deployStack(sandbox, inputs, { workspace });

beforeAll(async () => {
  sandbox = await startSandbox({ timeScale: 1000 });
  expect(verdictOf(await run({ template: '1.yml' }))).toBe('created');
  expect(verdictOf(await run({ template: '2.yml' }))).toBe('updated');
});

afterAll(() => sandbox.close());

/** The share of each target group, by name. */
async function liveWeights(): Promise<Record<string, number>> {
  const elb = new ElasticLoadBalancingV2Client(configOf(sandbox));
  const resource = appStack().resources.get('ProductionRule');
  const { Rules = [] } = await elb.send(new DescribeRulesCommand({ RuleArns: [resource?.physicalId ?? ''] }));
  const groups = Rules[0]?.Actions?.[0]?.ForwardConfig?.TargetGroups ?? [];
  return Object.fromEntries(
    groups.map(({ TargetGroupArn = '', Weight = 1 }) => [TargetGroupArn.split('/')[1] ?? '', Weight]),
  );
}

function appStack() {
  const stack = stackDatabase(sandbox.world, DEV, 'eu-west-1').find('app');
  if (!stack) throw new Error('there is no stack app');
  return stack;
}

const SERVED_BY_GREEN = { blue: 0, green: 100 };

test('after a second release, the alternate target group receives the traffic', async () => {
  expect(await liveWeights()).toEqual(SERVED_BY_GREEN);
});

describe('drift', () => {
  test('weights changed by ECS are one note and are not reverted', async () => {
    const drift = await run({ command: 'drift', 'revert-drift': 'true' });
    expect(verdictOf(drift)).toBe('in-sync');
    expect(drift.summary).toContain('ProductionRule');
    expect(await liveWeights()).toEqual(SERVED_BY_GREEN);
  });

  test('other drift is detected, and reverting it never shifts traffic', async () => {
    changeByHand(appStack(), 'Cluster', {
      'ClusterSettings.0.Name': 'containerInsights',
      'ClusterSettings.0.Value': 'enabled',
    });
    const drift = await run({ command: 'drift' });
    expect(verdictOf(drift)).toBe('drifted');
    expect(drift.outputs['reason']).toMatch(/^1 resource .*Cluster was modified/);
    const revert = await run({
      command: 'drift',
      'revert-drift': 'true',
      'allow-traffic-reset': 'ProductionRule',
    });
    expect(verdictOf(revert)).toBe('blocked');
    expect(revert.outputs['reason']).toContain('ProductionRule');
    expect(await liveWeights()).toEqual(SERVED_BY_GREEN);
  });
});

describe('a change set that changes the rule', () => {
  test('a changed stack tag is blocked, with a warning in the plan', async () => {
    const inputs = { template: '2.yml', tags: 'team=shop' };
    const plan = await run({ command: 'plan', ...inputs });
    expect(verdictOf(plan)).toBe('planned');
    expect(plan.summary).toContain('allow-traffic-reset: ProductionRule');
    const deploy = await run(inputs);
    expect(verdictOf(deploy)).toBe('blocked');
    expect(deploy.outputs['reason']).toContain('green 100% → blue 100%');
    expect(await liveWeights()).toEqual(SERVED_BY_GREEN);
  });

  test('an approved plan is blocked until it is allowed', async () => {
    const { outputs } = await run({ command: 'plan', template: 'moved.yml' });
    const approved = {
      command: 'apply',
      plan: outputs['plan'] ?? '',
      fingerprint: outputs['fingerprint'] ?? '',
    };
    expect(verdictOf(await run(approved))).toBe('blocked');
    const allowed = await run({
      ...approved,
      'allow-traffic-reset': 'AWS::ElasticLoadBalancingV2::ListenerRule',
    });
    expect(verdictOf(allowed)).toBe('updated');
    expect(await liveWeights()).toEqual({ blue: 1, green: 0 });
  });
});

test('a whole environment is guarded in the same way', async () => {
  const manifest = `
project: shop
region: eu-west-1
environments: { dev: { ${DEV_ACCOUNT} } }
stacks: { app: { template: app.yml } }
services: {}
`;
  const ofVersion = [template(1), template(2), template(2, 11)].map((app) =>
    workspaceOf({ 'platform.yml': manifest, 'app.yml': app }),
  );
  const own = await startSandbox({ timeScale: 1000 });
  try {
    const deploy = (version: number, inputs: Record<string, string> = {}): Promise<Run> =>
      deployEnvironment(own, inputs, { workspace: ofVersion[version] ?? '' });
    expect(verdictOf(await deploy(0))).toBe('deployed');
    expect(verdictOf(await deploy(1))).toBe('deployed');
    const blocked = await deploy(2);
    expect([verdictOf(blocked), blocked.outputs['reason']]).toEqual([
      'blocked',
      expect.stringContaining('ProductionRule'),
    ]);
    expect(verdictOf(await deploy(2, { 'allow-traffic-reset': 'ProductionRule' }))).toBe('deployed');
  } finally {
    await own.close();
  }
});
