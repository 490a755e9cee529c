import { expect, test } from '@jest/globals';
import { priceChange } from '../../../../src/rehearse/effects/price.ts';
import type { JsonObject, Resource } from '../../../../src/rehearse/effects/resources.ts';

const resource = (logicalId: string, type: string, properties: JsonObject = {}): Resource => ({
  stack: 'app',
  logicalId,
  type,
  physicalId: logicalId,
  properties,
});
const aurora = (size: string): Resource =>
  resource('Instance', 'AWS::RDS::DBInstance', {
    DBInstanceClass: size,
    Engine: 'aurora-postgresql',
    DBClusterIdentifier: 'Cluster',
  });

const SERVICE = 'arn:aws:ecs:eu-west-1:111111111111:service/main/web';
const service = (properties: JsonObject): Resource => ({
  ...resource('Service', 'AWS::ECS::Service', { TaskDefinition: 'Task', ...properties }),
  physicalId: SERVICE,
});
const task = (properties: JsonObject): Resource => resource('Task', 'AWS::ECS::TaskDefinition', properties);
const scaling = (MinCapacity: number): Resource =>
  resource('Scaling', 'AWS::ApplicationAutoScaling::ScalableTarget', {
    ResourceId: 'service/main/web',
    MinCapacity,
  });

interface Price {
  what: string;
  resources: Resource[];
  /** US dollars a month, by hand. */
  dollars: number;
  unpriced?: string[];
}

const prices: Price[] = [
  { what: 'a NAT gateway', resources: [resource('Nat', 'AWS::EC2::NatGateway')], dollars: 0.045 * 730 },
  {
    what: 'an interface endpoint in three zones',
    resources: [
      resource('Endpoint', 'AWS::EC2::VPCEndpoint', {
        VpcEndpointType: 'Interface',
        SubnetIds: ['a', 'b', 'c'],
      }),
    ],
    dollars: 0.01 * 730 * 3,
  },
  {
    what: 'a gateway endpoint',
    resources: [resource('Endpoint', 'AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Gateway' })],
    dollars: 0,
  },
  { what: 'an Aurora instance', resources: [aurora('db.r8g.large')], dollars: 0.276 * 730 },
  {
    what: 'a serverless instance at its minimum capacity',
    resources: [
      resource('Cluster', 'AWS::RDS::DBCluster', { ServerlessV2ScalingConfiguration: { MinCapacity: 0.5 } }),
      aurora('db.serverless'),
    ],
    dollars: 0.5 * 0.12 * 730,
  },
  {
    what: 'a service with its desired count',
    resources: [
      service({ DesiredCount: 2 }),
      task({ Cpu: '256', Memory: '512', RuntimePlatform: { CpuArchitecture: 'ARM64' } }),
    ],
    dollars: 2 * 730 * (0.25 * 0.03238 + 0.5 * 0.00356),
  },
  {
    what: 'a service with the minimum count of its autoscaling',
    resources: [service({ DesiredCount: 1 }), task({ Cpu: '1024', Memory: '2048' }), scaling(3)],
    dollars: 3 * 730 * (0.04048 + 2 * 0.004445),
  },
  { what: 'a role', resources: [resource('Role', 'AWS::IAM::Role')], dollars: 0 },
  {
    what: 'an instance class that is not in the table',
    resources: [aurora('db.x99.huge')],
    dollars: 0,
    unpriced: ['AWS::RDS::DBInstance'],
  },
  {
    what: 'a type that is priced by its class',
    resources: [resource('Cache', 'AWS::ElastiCache::ReplicationGroup')],
    dollars: 0,
    unpriced: ['AWS::ElastiCache::ReplicationGroup'],
  },
];

test.each(prices)('the price of $what', ({ resources, dollars, unpriced = [] }) => {
  const { before, after, unpriced: missing } = priceChange([], resources);
  expect(before).toBe(0);
  expect(after).toBeCloseTo(dollars, 6);
  expect(missing).toEqual(unpriced);
});

test('only the resources whose price changes are listed, the largest change first', () => {
  const shared = resource('Nat', 'AWS::EC2::NatGateway');
  const before = [shared, aurora('db.r8g.xlarge'), resource('Key', 'AWS::KMS::Key')];
  const after = [shared, aurora('db.r8g.large')];
  expect(priceChange(before, after).changes).toEqual([
    { resource: 'app/Instance', type: 'AWS::RDS::DBInstance', before: 0.552 * 730, after: 0.276 * 730 },
    { resource: 'app/Key', type: 'AWS::KMS::Key', before: 1, after: 0 },
  ]);
});
