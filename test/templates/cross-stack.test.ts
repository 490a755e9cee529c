import { describe, expect, test } from '@jest/globals';
import { environments, type Environment, stacksWithCacheOf } from '../../scripts/templates/reference.ts';
import { parseTemplate, readTemplate } from '../../scripts/templates/template.ts';
import { stackGraph } from '../../src/cloudformation/template/graph.ts';
import { describeFinding } from './finding.ts';
import { noCycles } from './rules/cycles.ts';
import { embeddedJsonParses } from './rules/embedded-json.ts';
import { FARGATE_MEMORY } from '../../sandbox/ecs/api/task-size.ts';
import { sizesExist } from './rules/fargate-sizes.ts';
import { noIntrinsicInString, nothingHardCoded } from './rules/literals.ts';
import { dimensionsComplete } from './rules/metric-dimensions.ts';
import { namesFit } from './rules/names.ts';
import { parametersUsed } from './rules/parameters.ts';
import {
  backedUpPlatformOf,
  cachedPlatformOf,
  platformOf,
  platformStack,
  provisionedPlatformOf,
} from './rules/platform.ts';
import type { PlatformStack, Rule } from './rules/platform.ts';
import { alarmsNotify } from './rules/alarms.ts';
import { survivesZones } from './rules/availability.ts';
import { budgetsHaveMetric, ruleValuesFit, sessionsWork, tmpIsWritable } from './rules/service-limits.ts';
import { environmentInNames, namesTaken } from './rules/environment-names.ts';
import { onePort } from './rules/ports.ts';
import { principalsExist } from './rules/principals.ts';
import { sharedNames } from './rules/shared-names.ts';
import { statefulIsGuarded } from './rules/stateful.ts';
import { servicesWaitForRoutes } from './rules/target-groups.ts';
import { trafficRuleIsFixed } from './rules/traffic-rule.ts';

const rules: Record<string, Rule> = {
  alarmsNotify,
  survivesZones,
  ruleValuesFit,
  budgetsHaveMetric,
  sessionsWork,
  tmpIsWritable,
  environmentInNames,
  sharedNames,
  noCycles,
  onePort,
  principalsExist,
  noIntrinsicInString,
  nothingHardCoded,
  namesFit,
  statefulIsGuarded,
  parametersUsed,
  sizesExist,
  embeddedJsonParses,
  servicesWaitForRoutes,
  dimensionsComplete,
  trafficRuleIsFixed,
};

const messages = (rule: Rule, stacks: PlatformStack[]) => rule(stacks).map(({ message }) => message);

function stack(text: string, parameters: Record<string, string> = {}, name = 'bad'): PlatformStack {
  return platformStack('dev', parseTemplate(name, text), parameters);
}

describe.each(environments)('the reference platform in %s', (environment) => {
  const stacks = platformOf(environment);
  const provisioned = provisionedPlatformOf(environment);
  const cached = cachedPlatformOf(environment);
  const backedUp = backedUpPlatformOf(environment);
  test.each(Object.entries(rules))('%s', (_name, rule) => {
    expect(rule(stacks).map(describeFinding)).toEqual([]);
  });
  test.each(Object.entries(rules))('%s, with the provisioned database', (_name, rule) => {
    expect(rule(provisioned).map(describeFinding)).toEqual([]);
  });
  test.each(Object.entries(rules))('%s, with the cache', (_name, rule) => {
    expect(rule(cached).map(describeFinding)).toEqual([]);
  });
  test.each(Object.entries(rules))('%s, with backups', (_name, rule) => {
    expect(rule(backedUp).map(describeFinding)).toEqual([]);
  });
});

describe('every SSM parameter read and every export used is written by a lower stack', () => {
  const reader = (type: string) => `
Parameters: { Vpc: { Type: "AWS::SSM::Parameter::Value<${type}>", Description: It. } }
Resources: { X: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc } } }`;
  const writer = (type: string) => `
Resources:
  P: { Type: AWS::SSM::Parameter, Properties: { Name: /platform/dev/vpc/id, Type: ${type}, Value: x } }`;
  const given = { Vpc: '/platform/dev/vpc/id' };

  test('a dynamic reference to a parameter that no stack creates', () => {
    const text = `
Resources:
  X: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Sub 'a {{resolve:ssm:/platform/\${E}/vpc/id}}' } }
Parameters: { E: { Type: String, Description: It. } }`;
    const message = '/platform/dev/vpc/id is written by no stack below';
    expect(messages(sharedNames, [stack(text, { E: 'dev' })])).toEqual([message]);
    expect(messages(sharedNames, [stack(writer('String')), stack(text, { E: 'dev' })])).toEqual([]);
  });
  test('no stack creates it', () => {
    const message = '/platform/dev/vpc/id is written by no stack below';
    expect(messages(sharedNames, [stack(reader('String'), given)])).toEqual([message]);
    expect(messages(sharedNames, [stack(reader('String'), given), stack(writer('String'))])).toEqual([
      message,
    ]);
    expect(messages(sharedNames, [stack(writer('String')), stack(reader('String'), given)])).toEqual([]);
  });

  test('a list is read as one value, or one value as a list', () => {
    const list = [stack(writer('StringList')), stack(reader('String'), given)];
    expect(messages(sharedNames, list)).toEqual(['/platform/dev/vpc/id is a StringList']);
    const single = [stack(writer('String')), stack(reader('List<AWS::EC2::Subnet::Id>'), given)];
    expect(messages(sharedNames, single)).toEqual(['/platform/dev/vpc/id is a String']);
  });

  test('only the ledger of an existing service needs no writer', () => {
    const image = { Vpc: '/platform/dev/user-service/image' };
    expect(messages(sharedNames, [stack(reader('String'), image)])).toEqual([]);
    const unknown = { Vpc: '/platform/dev/user-servise/image' };
    expect(messages(sharedNames, [stack(reader('String'), unknown)])).toHaveLength(1);
  });

  test('no stack exports it', () => {
    const user = `
Parameters: { Environment: { Type: String } }
Resources:
  X: { Type: AWS::EC2::Subnet, Properties: { VpcId: !ImportValue { 'Fn::Sub': '\${Environment}-vpc-id' } } }`;
    expect(messages(sharedNames, [stack(user, { Environment: 'dev' })])).toEqual([
      'dev-vpc-id is exported by no stack below',
    ]);
  });
});

describe('no cycles', () => {
  test('two security groups that name each other', () => {
    const text = `
Resources:
  Service:
    Type: AWS::EC2::SecurityGroup
    Properties: { SecurityGroupEgress: [{ DestinationSecurityGroupId: !GetAtt Database.GroupId }] }
  Database:
    Type: AWS::EC2::SecurityGroup
    Properties: { SecurityGroupIngress: [{ SourceSecurityGroupId: !GetAtt Service.GroupId }] }`;
    expect(messages(noCycles, [stack(text)])).toEqual(['Service → Database → Service']);
  });

  test('two stacks that read each other', () => {
    const text = (writes: string) => `
Parameters: { Group: { Type: AWS::SSM::Parameter::Value<String> } }
Resources:
  P: { Type: AWS::SSM::Parameter, Properties: { Name: ${writes}, Type: String, Value: !Ref Group } }`;
    const database = stack(text('b'), { Group: 'a' }, 'database');
    const service = stack(text('a'), { Group: 'b' }, 'service');
    expect(messages(noCycles, [database, service])).toEqual(['database → service → database']);
  });
});

describe('one port', () => {
  const text = (container: number, group: number, service: number) => `
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties: { ContainerDefinitions: [{ PortMappings: [{ ContainerPort: ${container} }] }] }
  Targets: { Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: { Port: ${group} } }
  Service: { Type: AWS::ECS::Service, Properties: { LoadBalancers: [{ ContainerPort: ${service} }] } }`;
  const opened = (port: number) => `
Resources:
  In: { Type: AWS::EC2::SecurityGroupIngress, Properties: { FromPort: ${port}, SourceSecurityGroupId: x } }`;

  test.each([
    [80, 3000, 3000, 2],
    [3000, 80, 3000, 1],
    [3000, 3000, 80, 1],
  ])('container %i, target group %i, service %i', (container, group, service, count) => {
    expect(messages(onePort, [stack(text(container, group, service))])).toHaveLength(count);
  });

  test('the security group opens another port', () => {
    const service = stack(text(3000, 3000, 3000));
    expect(messages(onePort, [stack(opened(3000)), service])).toEqual([]);
    expect(messages(onePort, [stack(opened(5432)), service])).toEqual([
      'port 3000 is not opened from the load balancer to the services',
    ]);
  });
});

test.each(['logs.region.amazonaws.com', 'ecs-task.amazonaws.com', 'rds-monitoring.amazonaws.com'])(
  'the service principal %s does not exist',
  (principal) => {
    const text = `
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties: { AssumeRolePolicyDocument: { Statement: [{ Principal: { Service: [${principal}] } }] } }`;
    expect(messages(principalsExist, [stack(text)])).toEqual([`${principal} is not a service principal`]);
  },
);

test.each([
  ['curl -f http://localhost:!Ref Port/health', '"!Ref" stays as it is'],
  ['http://localhost:${Port}/health', '"${Port}" stays as it is'],
  ['${AWS::Region}', '"${AWS::Region}" stays as it is'],
])('%s in a plain string', (text, message) => {
  const template = `
Parameters: { Port: { Type: Number, Default: 1 } }
Resources: { X: { Type: AWS::ECS::TaskDefinition, Properties: { Command: ["${text}"] } } }`;
  expect(messages(noIntrinsicInString, [stack(template)])).toEqual([message]);
});

test.each([
  ['arn:aws:iam::aws:policy/X', 'a partition'],
  ['arn:aws-cn:s3:::x', 'a partition'],
  ['logs.eu-central-1.amazonaws.com', 'a region'],
  ['111111111111.dkr.ecr', 'an account'],
])('%s is hard-coded', (text, what) => {
  const template = `Resources: { X: { Type: AWS::S3::Bucket, Properties: { BucketName: "${text}" } } }`;
  expect(messages(nothingHardCoded, [stack(template)])).toEqual([expect.stringContaining(`names ${what}`)]);
});

test('a name that is too long with the longest service name', () => {
  const text = `
Parameters: { Environment: { Type: String }, ServiceName: { Type: String } }
Resources:
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { Name: !Sub '\${Environment}-\${ServiceName}-tg' }`;
  expect(messages(namesFit, [stack(text, { Environment: 'dev', ServiceName: 'user' })])).toEqual([
    'Name may have 47 characters of 32',
  ]);
});

test('a database without a deletion policy', () => {
  const text = `Resources: { Db: { Type: AWS::RDS::DBCluster, DeletionPolicy: Snapshot } }`;
  expect(messages(statefulIsGuarded, [stack(text)])).toEqual([
    'AWS::RDS::DBCluster has no UpdateReplacePolicy',
  ]);
});

test('a parameter that is unused or has no description', () => {
  const text = `
Parameters:
  Unused: { Type: String, Default: x, Description: It does nothing. }
  Silent: { Type: String, Default: x }
Resources: { X: { Type: AWS::S3::Bucket, Properties: { BucketName: !Sub '\${Silent}-x' } } }`;
  expect(messages(parametersUsed, [stack(text)])).toEqual(['Unused is not used', 'Silent is not described']);
});

describe('sizes of tasks', () => {
  const task = (cpu: number, memory: number, containers: string) => `
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties: { Cpu: ${cpu}, Memory: ${memory}, ContainerDefinitions: [${containers}] }`;

  test('Fargate does not support the size', () => {
    expect(messages(sizesExist, [stack(task(4096, 512, '{ Memory: 512 }'))])).toHaveLength(1);
  });
  test('the containers need more memory than the task', () => {
    expect(messages(sizesExist, [stack(task(256, 512, '{ Memory: 512 }, { Memory: 128 }'))])).toEqual([
      'its containers want 640 of 512 MiB',
    ]);
  });

  test('the rules of fargate.yml allow exactly the sizes of Fargate', () => {
    const { document, Parameters } = readTemplate('fargate');
    const { Route: _, ...sizes } = document.Rules as unknown as Record<string, RuleOfSize>;
    const asserted = Object.values(sizes).map((rule) => [
      rule.RuleCondition['Fn::Equals'][1],
      rule.Assertions[0].Assert['Fn::Contains'][0].map(Number),
    ]);
    const memories = Parameters.Memory?.AllowedValues?.map(Number) ?? [];
    const offered = (Parameters.Cpu?.AllowedValues ?? []).map((cpu) => [
      String(cpu),
      memories.filter((memory) => FARGATE_MEMORY[String(cpu)]?.includes(memory)),
    ]);
    expect(asserted).toEqual(offered);
  });
});

interface RuleOfSize {
  RuleCondition: { 'Fn::Equals': [unknown, string] };
  Assertions: [{ Assert: { 'Fn::Contains': [string[], unknown] } }];
}

test('a dashboard that is not JSON', () => {
  const text = `
Resources: { D: { Type: AWS::CloudWatch::Dashboard, Properties: { DashboardBody: '{ "widgets": [1,] }' } } }`;
  expect(messages(embeddedJsonParses, [stack(text)])).toEqual([expect.stringContaining('DashboardBody')]);
});

describe('a service and the rule of its target group', () => {
  const text = (depends: string) => `
Resources:
  Targets: { Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: {} }
  Other: { Type: AWS::ElasticLoadBalancingV2::Listener, Properties: { Port: 80 } }
  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties: { Actions: [{ TargetGroupArn: !Ref Targets }] }
  Service:
    Type: AWS::ECS::Service
    ${depends}
    Properties: { LoadBalancers: [{ TargetGroupArn: !Ref Targets }] }`;

  test.each([
    ['DependsOn: Rule', 0],
    ['DependsOn: [Targets, Rule]', 0],
    ['DependsOn: Targets', 1],
    ['DependsOn: Other', 1],
    ['', 1],
  ])('%s', (depends, count) => {
    expect(messages(servicesWaitForRoutes, [stack(text(depends))])).toHaveLength(count);
  });
});

describe('dimensions', () => {
  const body = (metrics: string) =>
    stack(`
Resources:
  D: { Type: AWS::CloudWatch::Dashboard, Properties: { DashboardBody: !Sub '${metrics}' } }`);

  test('a graph without the cluster is empty', () => {
    const stacks = [body('["AWS/ECS", "CPUUtilization", "ServiceName", "user-service"]')];
    expect(messages(dimensionsComplete, stacks)).toEqual(['CPUUtilization has no ClusterName']);
  });
  test('so is a search', () => {
    const stacks = [body(`SEARCH(''{AWS/ECS,ServiceName} MetricName=\\"CPUUtilization\\"'')`)];
    expect(messages(dimensionsComplete, stacks)).toEqual(['CPUUtilization has no ClusterName']);
  });
  test('and an alarm never goes off', () => {
    const text = `
Resources:
  A:
    Type: AWS::CloudWatch::Alarm
    Properties: { Namespace: AWS/ECS, MetricName: CPUUtilization, Dimensions: [{ Name: ServiceName, Value: x }] }`;
    expect(messages(dimensionsComplete, [stack(text)])).toEqual(['CPUUtilization has no ClusterName']);
  });
});

describe('the rule that ECS shifts traffic with', () => {
  const { text } = readTemplate('fargate');
  const parameters = platformOf('dev').find(({ template }) => template.name === 'fargate')?.parameters ?? {};
  const changed = (from: string, to: string) => {
    expect(text).toContain(from);
    return messages(trafficRuleIsFixed, [stack(text.replaceAll(from, to), parameters)]);
  };

  test.each([
    [
      'varies with the strategy',
      "Priority: !Sub '4${Priority}'",
      'Priority: !If [IsRolling, 1, 2]',
      'the rules are different',
    ],
    ['has different weights', 'Weight: 0 }', 'Weight: 1 }', 'the rule does not forward by 1 and 0'],
    [
      'keeps a circuit breaker',
      'DeploymentCircuitBreaker: !If\n          - IsRolling',
      'DeploymentCircuitBreaker: !If\n          - ShiftsTraffic',
      'only ROLLING has a circuit breaker',
    ],
    [
      'pauses at an unsupported stage',
      'POST_TEST_TRAFFIC_SHIFT',
      'PRODUCTION_TRAFFIC_SHIFT',
      'ECS cannot pause there',
    ],
  ])('%s', (_name, from, to, message) => {
    expect(changed(from, to)).toContainEqual(expect.stringContaining(message));
  });
});

describe('names that collide with another environment of the account', () => {
  const named = (type: string, name: string, more = '') =>
    stack(
      `
Parameters: { Environment: { Type: String } }
Resources: { X: { Type: ${type}, Properties: { ${name} } } }
${more}`,
      { Environment: 'dev' },
    );

  test.each([
    ['AWS::SNS::Topic', 'TopicName: alarms', 'AWS::SNS::Topic.TopicName is alarms in staging too'],
    [
      'AWS::Logs::LogGroup',
      'LogGroupName: /ecs/api',
      'AWS::Logs::LogGroup.LogGroupName is /ecs/api in staging too',
    ],
    ['AWS::SNS::Topic', "TopicName: !Sub '${Environment}-alarms'", undefined],
    ['AWS::SNS::Topic', 'DisplayName: !Ref Environment', undefined],
    ['AWS::ECR::Repository', 'RepositoryName: platform/api', undefined],
  ])('%s with %s', (type, name, message) => {
    expect(messages(environmentInNames, [named(type, name)])).toEqual(message === undefined ? [] : [message]);
  });

  test('an export', () => {
    const exporting = named(
      'AWS::SNS::Topic',
      'KmsMasterKeyId: x',
      'Outputs: { E: { Value: x, Export: { Name: net } } }',
    );
    expect(messages(environmentInNames, [exporting])).toEqual(['export is net in staging too']);
  });

  test('are looked for', () => {
    const looked = environments.flatMap((environment) => platformOf(environment).flatMap(namesTaken));
    const kinds = new Set(looked.map(({ what }) => what));
    process.stdout.write(`${looked.length} names of ${kinds.size} kinds carry the environment\n`);
    expect(looked.length).toBeGreaterThan(150);
    expect(kinds.size).toBeGreaterThan(10);
  });
});

/** A template of the platform in an environment, with a text replaced. */
function altered(environment: Environment, name: string, from: string | RegExp, to: string): PlatformStack {
  const { text } = readTemplate(name);
  const parameters = provisionedPlatformOf(environment)
    .concat(platformOf(environment))
    .find(({ template }) => template.name === name)?.parameters;
  const other = text.replaceAll(from instanceof RegExp ? new RegExp(from, 'gm') : from, to);
  expect(other).not.toBe(text);
  return platformStack(environment, parseTemplate(name, other), parameters ?? {});
}

describe('what the rules find in altered templates', () => {
  const cases: [
    rule: string,
    environment: Environment,
    template: string,
    from: string | RegExp,
    to: string,
    message: string,
  ][] = [
    ['alarmsNotify', 'prod', 'monitoring', /^      OKActions: .*\n/, '', 'its end is not notified'],
    ['alarmsNotify', 'prod', 'fargate', /^      AlarmActions: .*\n/, '', 'it notifies nobody'],
    [
      'alarmsNotify',
      'prod',
      'monitoring',
      'Threshold: 14.4\n',
      'Threshold: 14.4\n      AlarmActions: [x]\n',
      'a composite alarm has it, and it notifies by itself',
    ],
    ['survivesZones', 'dev', 'vpc', '[2, !GetAZs', '[1, !GetAZs', 'the tier is in 2 zones'],
    [
      'survivesZones',
      'prod',
      'vpc',
      '!If [NatPerZone, !Ref NatGateway3, !Ref NatGateway1]',
      '!Ref NatGateway1',
      '3 zones leave through 2 gateways in 3',
    ],
    [
      'survivesZones',
      'dev',
      'fargate',
      'AvailabilityZoneRebalancing: ENABLED',
      'AvailabilityZoneRebalancing: DISABLED',
      'its tasks are not spread again after a zone was lost',
    ],
    [
      'survivesZones',
      'dev',
      'fargate',
      'MinimumHealthyPercent: 100',
      'MinimumHealthyPercent: 50',
      'a deployment may go below the tasks that there must be',
    ],
    [
      'survivesZones',
      'dev',
      'fargate',
      'MaximumPercent: 200',
      'MaximumPercent: 100',
      'a deployment has no room for new tasks',
    ],
    [
      'survivesZones',
      'dev',
      'cluster',
      'Subnets: !Ref PublicSubnets',
      'Subnets: [!Select [0, !Ref PublicSubnets], !Select [1, !Ref PublicSubnets]]',
      'it is not in 3 zones',
    ],
    [
      'survivesZones',
      'prod',
      'fargate',
      'MinCapacity: !Ref MinTasks',
      'MinCapacity: 1',
      'one task has nothing to fall back to',
    ],
    [
      'survivesZones',
      'staging',
      'aurora-serverless',
      'HasInstance2: !Not [!Equals [!Ref ServerlessInstances, 1]]',
      'HasInstance2: !Equals [!Ref ServerlessInstances, 0]',
      '1 instance has nothing to fail over to',
    ],
    [
      'ruleValuesFit',
      'dev',
      'fargate',
      'Values: [!Ref ServiceName]',
      'Values: [!Ref ServiceName, other]',
      'the rule has 6 values of 5',
    ],
    [
      'ruleValuesFit',
      'dev',
      'fargate',
      'Values: [!Ref ServiceName]',
      "Values: ['*']",
      'the rule has 6 wildcards of 5',
    ],
    ['budgetsHaveMetric', 'dev', 'cost', /^        Metrics: .*\n/, '', 'the budget has no metric'],
    [
      'sessionsWork',
      'dev',
      'fargate',
      '!If [HasExec, false, true]',
      'true',
      'Exec true: the root file system is not as it must be',
    ],
    [
      'sessionsWork',
      'dev',
      'fargate',
      "'logs:DescribeLogStreams', ",
      '',
      'Exec true: the task role lacks logs:DescribeLogStreams',
    ],
    ['tmpIsWritable', 'dev', 'fargate', /^            Tmpfs: .*\n/, '', 'its user cannot write to /tmp'],
    ['tmpIsWritable', 'dev', 'preview', /^            Tmpfs: .*\n/, '', 'its user cannot write to /tmp'],
  ];

  test.each(cases)('%s, %s, %s: %s → %s', (rule, environment, template, from, to, message) => {
    const found = messages(rules[rule] as Rule, [altered(environment, template, from, to)]);
    expect(found).toContain(message);
  });
});

test('the cache is created after its network and before the service that reads its dynamic references', () => {
  const stacks = stacksWithCacheOf('dev').filter(({ template }) => !template.startsWith('bootstrap'));
  const { order, dependencies } = stackGraph(
    stacks.reverse().map(({ name, template, parameters }) => ({
      name,
      template: readTemplate(template).text,
      parameters: { ...parameters, 'AWS::Region': 'eu-west-1', 'AWS::AccountId': '111111111111' },
    })),
  );
  const place = (name: string) => order.indexOf(`dev-platform-${name}`);
  expect(place('vpc')).toBeLessThan(place('cache'));
  expect(place('security')).toBeLessThan(place('cache'));
  expect(place('cache')).toBeLessThan(place('product-service'));
  const readers = [...dependencies].filter(([, found]) =>
    found.some(({ on }) => on === 'dev-platform-cache'),
  );
  expect(readers.map(([name]) => name)).toEqual(['dev-platform-product-service']);
});
