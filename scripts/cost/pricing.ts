import type { ResolvedTemplate } from '../templates/resolve.ts';
import type { JsonMap, Resource } from '../templates/template.ts';
import { textOf } from '../templates/template.ts';
import { priceDatabase } from './database.ts';
import type { Line } from './line.ts';
import { HOURS_PER_MONTH, prices } from './prices.ts';
import { priceService } from './service.ts';
import type { Utilisation } from './utilisation.ts';

/** Resources without their own price: they are free, or their use is priced with another resource. */
const FREE = [
  /^AWS::ApplicationAutoScaling::/,
  /^AWS::Budgets::/,
  /^AWS::CE::/,
  /^AWS::CertificateManager::Certificate$/,
  /^AWS::CloudWatch::InsightRule$/,
  /^AWS::EC2::(VPC|Subnet|RouteTable|Route|InternetGateway|VPCGatewayAttachment|SubnetRouteTableAssociation)$/,
  /^AWS::EC2::(SecurityGroup|SecurityGroupIngress|SecurityGroupEgress|FlowLog)$/,
  /^AWS::ECS::(Cluster|TaskDefinition)$/,
  /^AWS::ElastiCache::(User|UserGroup)$/,
  /^AWS::ElasticLoadBalancingV2::(Listener|ListenerRule|TargetGroup)$/,
  /^AWS::IAM::/,
  /^AWS::KMS::Alias$/,
  /^AWS::Lambda::Function$/,
  /^AWS::Logs::QueryDefinition$/,
  /^AWS::RDS::(DBSubnetGroup|DBClusterParameterGroup|DBParameterGroup|EventSubscription)$/,
  /^AWS::Route53::RecordSet$/,
  /^AWS::S3::/,
  /^AWS::SNS::/,
  /^AWS::SSM::Parameter$/,
  /^AWS::ServiceDiscovery::/,
  /^AWS::WAFv2::(WebACLAssociation|LoggingConfiguration)$/,
  /^Custom::/,
];

/** How the stacks of one environment share its load. */
export interface Shares {
  natGateways: number;
  loadBalancers: number;
  serviceLogGroups: number;
  repositories: number;
}

/**
 * The monthly cost of a stack, as lines that can be verified manually.
 *
 * @throws Error if it contains a resource that is neither priced nor known to be free, so that nothing is silently
 * left out.
 */
export function price(stack: ResolvedTemplate, load: Utilisation, shares: Shares): Line[] {
  return Object.entries(stack.resources).flatMap(([id, resource]) => {
    if (resource.Type === 'AWS::RDS::DBCluster') return priceDatabase(stack, id, load);
    if (resource.Type === 'AWS::ECS::Service') return priceService(stack, id);
    return priceResource(stack.name, id, resource, load, shares);
  });
}

function priceResource(
  stack: string,
  id: string,
  resource: Resource,
  load: Utilisation,
  shares: Shares,
): Line[] {
  const { Type, Properties = {} } = resource;
  switch (Type) {
    case 'AWS::EC2::EIP':
      return [hours('Public addresses', `${id}, address`, prices.publicAddressHour)];
    case 'AWS::EC2::NatGateway':
      return [
        hours('NAT', id, prices.nat.hour),
        {
          group: 'NAT',
          what: `${id}, data`,
          quantity: load.natGb / shares.natGateways,
          unit: 'GB',
          price: prices.nat.gb,
        },
      ];
    case 'AWS::EC2::VPCEndpoint':
      if (Properties.VpcEndpointType !== 'Interface') return [];
      return [hours('Endpoints', id, prices.interfaceEndpointHour * listLength(Properties, 'SubnetIds'))];
    case 'AWS::ElastiCache::ServerlessCache':
      return priceCache(id, load);
    case 'AWS::ElasticLoadBalancingV2::LoadBalancer':
      return priceLoadBalancer(id, Properties, load, shares);
    case 'AWS::KMS::Key':
      return [monthlyLine('Keys and secrets', `${id}, key`, 1, prices.key)];
    case 'AWS::SecretsManager::Secret':
      return [monthlyLine('Keys and secrets', `${id}, secret`, 1, prices.secret)];
    case 'AWS::WAFv2::WebACL':
      return [
        monthlyLine('Firewall', `${id}, list`, 1, prices.firewall.acl),
        monthlyLine('Firewall', `${id}, rules`, listLength(Properties, 'Rules'), prices.firewall.rule),
        {
          group: 'Firewall',
          what: `${id}, requests`,
          quantity: load.requestMillions,
          unit: 'million',
          price: prices.firewall.millionRequests,
        },
      ];
    case 'AWS::CloudWatch::Alarm':
      return [monthlyLine('Monitoring', `${id}, metrics`, alarmMetrics(Properties), prices.alarm.metric)];
    case 'AWS::CloudWatch::CompositeAlarm':
      return [monthlyLine('Monitoring', id, 1, prices.alarm.composite)];
    case 'AWS::CloudWatch::Dashboard':
      return [monthlyLine('Monitoring', id, 1, prices.dashboard)];
    case 'AWS::Logs::MetricFilter':
      return [monthlyLine('Monitoring', `${id}, metric`, 1, prices.customMetric)];
    case 'AWS::Logs::LogGroup':
      return [
        {
          group: 'Logs',
          what: id,
          quantity: logGb(id, load, shares),
          unit: 'GB',
          price: prices.logs.ingestedGb,
        },
      ];
    case 'AWS::ECR::Repository':
      return [
        {
          group: 'Images',
          what: id,
          quantity: load.imageGb / shares.repositories,
          unit: 'GB-month',
          price: prices.imageGb,
        },
      ];
    // Priced with the cluster.
    case 'AWS::RDS::DBInstance':
      return [];
    default:
      if (FREE.some((pattern) => pattern.test(Type))) return [];
      throw new Error(`${stack}: ${id}: ${Type} has no price, and is not known to be free`);
  }
}

function priceCache(id: string, load: Utilisation): Line[] {
  const { gbHour, leastGb, millionUnits } = prices.cache;
  return [
    {
      group: 'Cache',
      what: `${id}, data`,
      quantity: Math.max(load.cacheGb, leastGb) * HOURS_PER_MONTH,
      unit: 'GB-hour',
      price: gbHour,
    },
    {
      group: 'Cache',
      what: `${id}, requests`,
      quantity: load.cacheUnitMillions,
      unit: 'million',
      price: millionUnits,
    },
  ];
}

function priceLoadBalancer(id: string, properties: JsonMap, load: Utilisation, shares: Shares): Line[] {
  const { hour, capacityUnitHour } = prices.loadBalancer;
  const units = load.capacityUnits / shares.loadBalancers;
  // One public address in each zone. An unknown list has the network's three zones.
  const zones = properties.Scheme === 'internet-facing' ? listLength(properties, 'Subnets') : 0;
  return [
    hours('Load balancing', id, hour),
    {
      ...hours('Load balancing', `${id}, capacity units`, capacityUnitHour),
      quantity: units * HOURS_PER_MONTH,
    },
    hours('Public addresses', `${id}, addresses`, prices.publicAddressHour * zones),
  ];
}

/** The number of metrics of an alarm: its own, or those of its expression; a query counts as one. */
function alarmMetrics({ Metrics }: JsonMap): number {
  if (!Array.isArray(Metrics)) return 1;
  return Math.max(
    1,
    Metrics.filter((metric) => typeof metric === 'object' && metric !== null && 'MetricStat' in metric)
      .length,
  );
}

/** Flow logs and service logs have the load; the logs of functions, sessions and the firewall are negligible. */
function logGb(id: string, load: Utilisation, shares: Shares): number {
  if (id === 'FlowLogGroup') return load.flowLogGb;
  return id === 'LogGroup' ? load.serviceLogGb / shares.serviceLogGroups : 0;
}

const hours = (group: Line['group'], what: string, price: number): Line => ({
  group,
  what,
  quantity: HOURS_PER_MONTH,
  unit: 'hour',
  price,
});

const monthlyLine = (group: Line['group'], what: string, quantity: number, each: number): Line => ({
  group,
  what,
  quantity,
  unit: 'month',
  price: each,
});

function listLength(properties: JsonMap, name: string): number {
  const value = properties[name];
  if (Array.isArray(value)) return value.length;
  throw new Error(`${name} is not a list: ${textOf(value)}`);
}
