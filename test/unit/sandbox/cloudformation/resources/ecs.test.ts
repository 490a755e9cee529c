import { DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DescribeServicesCommand, DescribeTaskDefinitionCommand, ECSClient } from '@aws-sdk/client-ecs';
import type { Service } from '@aws-sdk/client-ecs';
import {
  DescribeListenersCommand,
  DescribeLoadBalancersCommand,
  DescribeRulesCommand,
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { describe, expect, test } from '@jest/globals';
import type { Scenario } from '../../../../../sandbox/index.ts';
import { schedulesOf } from '../../../../../sandbox/scheduler/schedules.ts';
import { clientOf, cloudWatchOf, elbOf, logsOf, refusal } from '../../clients.ts';
import { Stacks } from '../stacks.ts';

/** A whole service in one template. */
const template = (image: string, more: { priority?: number; strategy?: string; service?: string } = {}) => `
Parameters: { Port: { Type: Number, Default: 3000 } }
Resources:
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: dev } }
  Balancer: { Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: { Subnets: [subnet-1, subnet-2] } }
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: 80
      Protocol: HTTP
      DefaultActions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '404' } }]
  Blue:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { TargetType: ip, VpcId: vpc-1, Protocol: HTTP, Port: !Ref Port, HealthCheckIntervalSeconds: 5 }
  Green:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { TargetType: ip, VpcId: vpc-1, Protocol: HTTP, Port: !Ref Port, HealthCheckIntervalSeconds: 5 }
  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: ${more.priority ?? 110}
      Conditions: [{ Field: path-pattern, PathPatternConfig: { Values: [/api] } }]
      Actions:
        - Type: forward
          ForwardConfig:
            TargetGroups: [{ TargetGroupArn: !Ref Blue, Weight: 1 }, { TargetGroupArn: !Ref Green, Weight: 0 }]
  Logs: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: /dev/api, RetentionInDays: 7 } }
  Errors:
    Type: AWS::CloudWatch::Alarm
    Properties: { AlarmName: api-errors, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 1, Threshold: 1 }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: api
      NetworkMode: awsvpc
      Cpu: 256
      Memory: 512
      RequiresCompatibilities: [FARGATE]
      ExecutionRoleArn: arn:aws:iam::111111111111:role/execution
      ContainerDefinitions:
        - Name: api
          Image: ${image}
          StopTimeout: '10'
          PortMappings: [{ ContainerPort: !Ref Port }]
          Environment: [{ Name: PORT, Value: !Ref Port }]
          DockerLabels: { Team: Shop }
          LogConfiguration: { LogDriver: awslogs, Options: { awslogs-group: !Ref Logs, awslogs-region: eu-west-1, awslogs-stream-prefix: ecs } }
  Service:
    Type: AWS::ECS::Service
    DependsOn: Rule
    Properties:
      ServiceName: api
      Cluster: !Ref Cluster
      TaskDefinition: !Ref Task
      LaunchType: FARGATE
      DesiredCount: ${more.service === undefined ? 2 : more.service}
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-1] } }
      LoadBalancers:
        - ContainerName: api
          ContainerPort: !Ref Port
          TargetGroupArn: !Ref Blue
          AdvancedConfiguration:
            AlternateTargetGroupArn: !Ref Green
            ProductionListenerRule: !Ref Rule
            RoleArn: arn:aws:iam::111111111111:role/traffic
      DeploymentConfiguration:
        Strategy: ${more.strategy ?? 'ROLLING'}
        DeploymentCircuitBreaker:
          { Enable: true, Rollback: true, ResetOnHealthyTask: false, ThresholdConfiguration: { Type: COUNT, Value: '2' } }
  Scaling:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ServiceNamespace: ecs
      ScalableDimension: ecs:service:DesiredCount
      ResourceId: !Sub 'service/\${Cluster}/\${Service.Name}'
      MinCapacity: 3
      MaxCapacity: 6`;

const failing: Scenario = { ecs: { rules: [{ does: 'exit', match: { image: 'api:2' } }] } };

async function serviceOf(stacks: Stacks): Promise<Service | undefined> {
  const client = clientOf(stacks.sandbox, ECSClient);
  return (await client.send(new DescribeServicesCommand({ cluster: 'dev', services: ['api'] })))
    .services?.[0];
}

describe('a service created by a stack', () => {
  test('exists in all related services, and is deleted with the stack', async () => {
    const stacks = await Stacks.start();
    expect((await stacks.deploy('api', template('api:1'))).StackStatus).toBe('CREATE_COMPLETE');
    expect(await serviceOf(stacks)).toMatchObject({
      status: 'ACTIVE',
      desiredCount: 3,
      deployments: [{ rolloutState: 'COMPLETED' }],
    });
    const ecs = clientOf(stacks.sandbox, ECSClient);
    const { taskDefinition } = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'api' }));
    expect(taskDefinition).toMatchObject({
      family: 'api',
      revision: 1,
      cpu: '256',
      containerDefinitions: [
        {
          stopTimeout: 10,
          portMappings: [{ containerPort: 3000 }],
          environment: [{ name: 'PORT', value: '3000' }],
          dockerLabels: { Team: 'Shop' },
          logConfiguration: { options: { 'awslogs-group': '/dev/api' } },
        },
      ],
    });
    const elb = elbOf(stacks.sandbox);
    const { LoadBalancers } = await elb.send(new DescribeLoadBalancersCommand({}));
    const LoadBalancerArn = LoadBalancers?.[0]?.LoadBalancerArn;
    const { Listeners } = await elb.send(new DescribeListenersCommand({ LoadBalancerArn }));
    expect(Listeners).toMatchObject([{ Port: 80, Protocol: 'HTTP' }]);
    const { Rules } = await elb.send(new DescribeRulesCommand({ ListenerArn: Listeners?.[0]?.ListenerArn }));
    expect(Rules?.map(({ Priority }) => Priority)).toEqual(['110', 'default']);
    const { TargetGroups } = await elb.send(new DescribeTargetGroupsCommand({ LoadBalancerArn }));
    expect(TargetGroups).toMatchObject([{ Port: 3000, HealthCheckIntervalSeconds: 5 }, {}]);
    const TargetGroupArn = TargetGroups?.[0]?.TargetGroupArn;
    const { TargetHealthDescriptions } = await stacks.until(
      () => elb.send(new DescribeTargetHealthCommand({ TargetGroupArn })),
      (health) =>
        health.TargetHealthDescriptions?.filter(({ TargetHealth }) => TargetHealth?.State === 'healthy')
          .length === 3,
    );
    expect(TargetHealthDescriptions).toHaveLength(3);
    const { logGroups } = await logsOf(stacks.sandbox).send(
      new DescribeLogGroupsCommand({ logGroupNamePrefix: '/dev' }),
    );
    expect(logGroups).toMatchObject([{ logGroupName: '/dev/api', retentionInDays: 7 }]);
    const { MetricAlarms } = await cloudWatchOf(stacks.sandbox).send(
      new DescribeAlarmsCommand({ AlarmNames: ['api-errors'] }),
    );
    expect(MetricAlarms).toMatchObject([{ AlarmName: 'api-errors', StateValue: 'OK' }]);

    expect((await stacks.delete('api')).StackStatus).toBe('DELETE_COMPLETE');
    expect(await refusal(serviceOf(stacks))).toMatchObject({ name: 'ClusterNotFoundException' });
    expect((await elb.send(new DescribeTargetGroupsCommand({}))).TargetGroups).toEqual([]);
  });

  test.each(['ROLLING', 'BLUE_GREEN'])(
    'another image is another revision, rolled out: %s',
    async (strategy) => {
      const stacks = await Stacks.start();
      await stacks.deploy('api', template('api:1', { strategy }));
      const before = await serviceOf(stacks);
      expect((await stacks.deploy('api', template('api:3', { strategy }))).StackStatus).toBe(
        'UPDATE_COMPLETE',
      );
      const after = await serviceOf(stacks);
      expect(after?.taskDefinition).not.toBe(before?.taskDefinition);
      expect(after).toMatchObject({ desiredCount: 2, deployments: [{ rolloutState: 'COMPLETED' }] });
    },
  );

  test('failing tasks fail the stack, which rolls back to the previous revision', async () => {
    const stacks = await Stacks.start({ scenario: failing });
    await stacks.deploy('api', template('api:1'));
    const before = await serviceOf(stacks);
    expect((await stacks.deploy('api', template('api:2'))).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    const story = await stacks.story('api');
    expect(story).toContainEqual(
      expect.stringMatching(
        /^Service UPDATE_FAILED \(Resource handler returned message: "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'\." \(RequestToken: .*, HandlerErrorCode: GeneralServiceException\)\)$/,
      ),
    );
    expect((await serviceOf(stacks))?.taskDefinition).toBe(before?.taskDefinition);
  });

  test('a failed first deployment fails the stack', async () => {
    const stacks = await Stacks.start({ scenario: failing });
    expect((await stacks.deploy('api', template('api:2'))).StackStatus).toBe('ROLLBACK_COMPLETE');
    expect(await stacks.story('api')).toContainEqual(
      expect.stringContaining('Circuit Breaker was triggered'),
    );
  });

  test('a priority is unique', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('api', template('api:1'));
    const rule = (ListenerArn: string) => `
Resources:
  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: ${ListenerArn}
      Priority: '110'
      Conditions: [{ Field: path-pattern, PathPatternConfig: { Values: [/other] } }]
      Actions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '404' } }]`;
    const elb = elbOf(stacks.sandbox);
    const { LoadBalancers } = await elb.send(new DescribeLoadBalancersCommand({}));
    const { Listeners } = await elb.send(
      new DescribeListenersCommand({ LoadBalancerArn: LoadBalancers?.[0]?.LoadBalancerArn }),
    );
    expect((await stacks.deploy('other', rule(Listeners![0]!.ListenerArn!))).StackStatus).toBe(
      'ROLLBACK_COMPLETE',
    );
    expect(await stacks.story('other')).toContainEqual(
      expect.stringMatching(
        /^Rule CREATE_FAILED .*Priority '110' is currently in use \(Service: ElasticLoadBalancingV2, /,
      ),
    );
  });

  test('EXPRESS does not wait for the rollout', async () => {
    const stacks = await Stacks.start({ scenario: { ecs: { rules: [{ does: 'stay-pending' }] } } });
    const stack = await stacks.deploy('api', template('api:1'), { DeploymentConfig: { Mode: 'EXPRESS' } });
    expect(stack.StackStatus).toBe('CREATE_COMPLETE');
    expect(await serviceOf(stacks)).toMatchObject({ deployments: [{ rolloutState: 'IN_PROGRESS' }] });
  });
});

describe('without a load balancer', () => {
  const worker = (service: string) => `
Resources:
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: dev } }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: worker
      Cpu: '256'
      Memory: '512'
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      ExecutionRoleArn: arn:aws:iam::111111111111:role/execution
      ContainerDefinitions: [{ Name: worker, Image: worker:1 }]
  Service:
    Type: AWS::ECS::Service
    Properties:
      Cluster: !Ref Cluster
      TaskDefinition: !Ref Task
      LaunchType: FARGATE
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-1] } }
      ${service}`;

  test.each([
    ['LoadBalancers: []', 'CREATE_COMPLETE'],
    ['HealthCheckGracePeriodSeconds: 0', 'CREATE_COMPLETE'],
    ['HealthCheckGracePeriodSeconds: 60', 'ROLLBACK_COMPLETE'],
  ])('%s: %s', async (service, status) => {
    const stacks = await Stacks.start();
    expect((await stacks.deploy('worker', worker(service))).StackStatus).toBe(status);
    const refused = (await stacks.events('worker')).some(({ ResourceStatusReason = '' }) =>
      ResourceStatusReason.includes(
        'Health check grace period is only valid for services configured to use load balancers',
      ),
    );
    expect(refused).toBe(status !== 'CREATE_COMPLETE');
  });

  const schedule = (principal: string, state: string) => `
Resources:
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: dev } }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: nightly
      Cpu: '256'
      Memory: '512'
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      ExecutionRoleArn: arn:aws:iam::111111111111:role/execution
      ContainerDefinitions: [{ Name: nightly, Image: nightly:1 }]
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{ Effect: Allow, Principal: { Service: ${principal} }, Action: sts:AssumeRole }]
  Timer:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: nightly
      State: ${state}
      ScheduleExpression: cron(0 3 * * ? *)
      FlexibleTimeWindow: { Mode: 'OFF' }
      Target:
        Arn: !GetAtt Cluster.Arn
        RoleArn: !GetAtt Role.Arn
        EcsParameters:
          TaskDefinitionArn: !Ref Task
          LaunchType: FARGATE
          NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-1] } }`;

  test.each([
    [
      'a schedule',
      schedule('scheduler.amazonaws.com', 'ENABLED').replace('cron(0 3 * * ? *)', 'cron(0 3 * * *)'),
      /^Resource handler returned message: "Invalid Schedule Expression cron\(0 3 \* \* \*\)\. \(Service: Scheduler, Status Code: 400, Request ID: [\w-]+\)" \(RequestToken: [\w-]+, HandlerErrorCode: GeneralServiceException\)$/,
    ],
    [
      'a rule',
      "Resources: { Timer: { Type: AWS::Events::Rule, Properties: { ScheduleExpression: 'rate(1 minutes)' } } }",
      /^Resource handler returned message: "Parameter ScheduleExpression is not valid\. \(Service: /,
    ],
  ])('%s with an invalid expression fails', async (_, template, reason) => {
    const stacks = await Stacks.start();
    expect((await stacks.deploy('nightly', template)).StackStatus).toBe('ROLLBACK_COMPLETE');
    const failed = (await stacks.events('nightly')).find(
      ({ LogicalResourceId: id, ResourceStatus: status }) => id === 'Timer' && status === 'CREATE_FAILED',
    );
    expect(failed?.ResourceStatusReason).toMatch(reason);
  });

  test.each([
    ['scheduler.amazonaws.com', 'ENABLED', 'CREATE_COMPLETE'],
    ['scheduler.amazonaws.com', 'DISABLED', 'CREATE_COMPLETE'],
    ['events.amazonaws.com', 'ENABLED', 'ROLLBACK_COMPLETE'],
  ])('a schedule whose role trusts %s, %s: %s', async (principal, state, status) => {
    const stacks = await Stacks.start();
    expect((await stacks.deploy('nightly', schedule(principal, state))).StackStatus).toBe(status);
    if (status !== 'CREATE_COMPLETE') {
      expect(JSON.stringify(await stacks.events('nightly'))).toContain(
        'The execution role you provide must allow AWS EventBridge Scheduler to assume the role.',
      );
      return;
    }
    const started = schedulesOf(stacks.sandbox.world, '111111111111', 'eu-west-1').fire('nightly');
    if (state === 'DISABLED') expect(started).toEqual({ disabled: true });
    else expect(started).toMatchObject({ task: expect.stringContaining(':task/dev/') });
    await stacks.delete('nightly');
  });
});
