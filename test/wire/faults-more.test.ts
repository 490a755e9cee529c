import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import type { FaultRule, Scenario } from '../../sandbox/index.ts';
import type { DeployStackInputs } from '../../src/cloudformation/context.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { type Stand, stand } from './stand.ts';

/**
 * The fault matrix of calls that only some deployments make: to reconcile, to compare traffic, to find alarms, to
 * explain hooks, to recover, to set what a change set cannot contain, and to compare with live resources. A temporary
 * fault changes no verdict. A denial never causes a wrong success, and nothing is executed without the denied check.
 */

type Values = Partial<DeployStackInputs>;

interface Situation {
  name: string;
  /** The calls that fail. */
  calls: string[];
  scenario?: Scenario;
  /** What is deployed before. */
  before?: [string, Values?];
  prepare?: () => Promise<void>;
  run: [string, Values?];
  verdict: string;
  error?: string;
}

const QUEUE = (delay: number): string =>
  `Resources:\n  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: q, DelaySeconds: ${delay} } }\n`;
const TOPIC = (name: string): string =>
  `  Topic: { Type: AWS::SNS::Topic, DependsOn: Queue, Properties: { DisplayName: ${name} } }\n`;
const service = (image: number): string => `Resources:
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: apps } }
  TaskDef:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: app
      Cpu: '256'
      Memory: '512'
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      ContainerDefinitions: [{ Name: app, Image: 'registry.example.com/app:${image}' }]
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
const rule = (priority: number): string => `Resources:
  LoadBalancer: { Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: { Name: apps, Subnets: [subnet-0a1b2c3d4e5f60718, subnet-0a1b2c3d4e5f60719] } }
  Blue: { Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: { Name: blue, Port: 80, Protocol: HTTP, TargetType: ip, VpcId: vpc-0a1b2c3d4e5f60718 } }
  Green: { Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: { Name: green, Port: 80, Protocol: HTTP, TargetType: ip, VpcId: vpc-0a1b2c3d4e5f60718 } }
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties: { LoadBalancerArn: !Ref LoadBalancer, Port: 80, Protocol: HTTP, DefaultActions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '404' } }] }
  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: ${priority}
      Conditions: [{ Field: path-pattern, PathPatternConfig: { Values: ['/*'] } }]
      Actions: [{ Type: forward, ForwardConfig: { TargetGroups: [{ TargetGroupArn: !Ref Blue, Weight: 1 }, { TargetGroupArn: !Ref Green, Weight: 0 }] } }]
`;
const POLICY = '{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}]}';
const OMITS: Scenario = { resources: [{ match: { logicalId: 'Service' }, on: 'update', omit: true }] };

const SITUATIONS: Situation[] = [
  {
    name: 'a service that keeps its revision',
    calls: ['ListStackResources', 'DescribeServices', 'DescribeTaskDefinition'],
    scenario: OMITS,
    before: [service(1)],
    run: [service(2)],
    verdict: 'failed',
    error: 'stack-unproven',
  },
  {
    name: 'a change of a listener rule',
    calls: ['DescribeRules'],
    before: [rule(10)],
    run: [rule(11)],
    verdict: 'updated',
  },
  {
    name: 'rollback alarms',
    calls: ['DescribeAlarms'],
    scenario: { cloudwatch: { alarms: [{ name: 'errors', state: 'OK' }] } },
    before: [QUEUE(1)],
    run: [QUEUE(2), { rollbackAlarms: ['errors'] }],
    verdict: 'updated',
  },
  {
    name: 'the rollback of a kept failure',
    calls: ['RollbackStack'],
    scenario: {
      resources: [{ match: { logicalId: 'Queue' }, on: 'update', fail: { message: 'no', times: 1 } }],
    },
    before: [QUEUE(1)],
    prepare: async () => {
      expect(await at.run(QUEUE(2), { onFailure: 'keep' })).toMatchObject({ verdict: 'failed' });
    },
    run: [QUEUE(3), { continueRollback: true }],
    verdict: 'updated',
  },
  {
    name: 'a continued rollback',
    calls: ['ContinueUpdateRollback'],
    scenario: {
      resources: [
        { match: { logicalId: 'Topic' }, on: 'update', fail: { message: 'no', times: 1 } },
        { match: { logicalId: 'Queue' }, on: 'rollback', fail: { message: 'stuck', times: 1 } },
      ],
    },
    before: [QUEUE(1) + TOPIC('a')],
    prepare: async () => {
      expect(await at.run(QUEUE(2) + TOPIC('b'))).toMatchObject({ verdict: 'stuck' });
    },
    run: [QUEUE(3) + TOPIC('a'), { continueRollback: true }],
    verdict: 'updated',
  },
  {
    name: 'a plan that a hook refuses',
    calls: ['ListHookResults', 'GetHookResult', 'DescribeEvents'],
    scenario: {
      hooks: [{ name: 'Org::A::Hook', target: 'CHANGE_SET', reason: `Failed. ${'x'.repeat(1100)}` }],
    },
    run: [QUEUE(1)],
    verdict: 'failed',
    error: 'plan-failed',
  },
  {
    name: 'a stack policy and termination protection',
    calls: ['GetStackPolicy', 'SetStackPolicy', 'UpdateTerminationProtection'],
    before: [QUEUE(1)],
    run: [QUEUE(2), { stackPolicy: POLICY, terminationProtection: true }],
    verdict: 'updated',
  },
  {
    name: 'a comparison with live resources',
    calls: ['DetectStackDrift', 'DescribeStackDriftDetectionStatus', 'ListStackResources'],
    scenario: { features: { revertDrift: false } },
    before: [QUEUE(1)],
    run: ['', { command: 'drift' }],
    verdict: 'in-sync',
  },
];

const PASSING: [string, Pick<FaultRule, 'kind'> & Partial<FaultRule>][] = [
  ['three throttlings', { kind: 'throttle', times: 3 }],
  ['a 500', { kind: 'status', status: 500 }],
  ['a reset', { kind: 'reset' }],
  ['a malformed answer', { kind: 'malformed' }],
];
const DENIAL = { kind: 'error' as const, status: 403, code: 'AccessDenied', message: 'not you', times: 1000 };

let at: Stand;
let right = 0;
let tried = 0;
afterEach(async () => {
  await at.close();
});
afterAll(() => {
  process.stdout.write(`fault matrix of further calls: ${right} of ${tried} situations passed\n`);
});

async function start({ scenario, before, prepare }: Situation): Promise<void> {
  tried += 1;
  at = await stand(scenario);
  if (before) await at.run(...before);
  await prepare?.();
  at.sandbox.calls.all.length = 0;
}

function judge({ verdict, error }: Situation, outcome: Outcome): void {
  expect({ verdict: outcome.verdict, reason: outcome.verdict === verdict ? '' : outcome.reason }).toEqual({
    verdict,
    reason: '',
  });
  expect(outcome.error?.code).toBe(error);
}

describe.each(SITUATIONS)('$name', (situation) => {
  const { calls, run } = situation;
  const cases = calls.flatMap((operation) => PASSING.map(([name, fault]) => ({ operation, name, fault })));

  test.each(cases)('recovers from $name at $operation', async ({ operation, fault }) => {
    await start(situation);
    at.sandbox.addFault({ operation, ...fault });
    judge(situation, await at.run(...run));
    expect(at.sandbox.calls.of(operation).some((call) => call.fault !== undefined)).toBe(true);
    right += 1;
  });

  test.each(calls)('makes no false claim if %s is denied', async (operation) => {
    await start(situation);
    at.sandbox.addFault({ operation, ...DENIAL });
    const outcome = await at.run(...run);
    if (outcome.ok) judge(situation, outcome);
    else expect(outcome.verdict).toMatch(/^(failed|blocked)$/);
    if (situation.verdict === 'failed') expect(outcome.ok).toBe(false);
    expect(outcome.reason).not.toBe('');
    expect(at.sandbox.calls.of(operation).length).toBeGreaterThan(0);
    right += 1;
  });
});
