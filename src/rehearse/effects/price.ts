import { members, textOf } from '../../../sandbox/cloudformation/json.ts';
import {
  ENDPOINT_HOUR,
  FARGATE_PRICES,
  HOURLY_PRICES,
  HOURS_PER_MONTH,
  MONTHLY_PRICES,
} from '../../environment/preview/price.ts';
import type { Json, JsonObject, Resource } from './resources.ts';

/** The monthly cost of an environment's resources without usage, in US dollars. */
export interface PriceChange {
  before: number;
  after: number;
  /** The resources whose price changes, the largest change first. */
  changes: readonly { resource: string; type: string; before: number; after: number }[];
  /** Types with resources whose price is not in the tables, for example of another instance class. */
  unpriced: readonly string[];
}

/**
 * On-Demand list prices in US East (N. Virginia), in US dollars without tax.
 *
 * @see https://aws.amazon.com/rds/aurora/pricing/
 * @see https://aws.amazon.com/elasticache/pricing/
 */
export const DATABASE_PRICES = {
  auroraHour: {
    'db.t4g.medium': 0.073,
    'db.r6g.large': 0.26,
    'db.r6g.xlarge': 0.519,
    'db.r8g.large': 0.276,
    'db.r8g.xlarge': 0.552,
  } as Readonly<Record<string, number>>,
  /** Per Aurora capacity unit. */
  acuHour: 0.12,
  /** ElastiCache Serverless for Valkey, and the minimum that is billed. */
  cacheGbHour: 0.084,
  cacheLeastGb: 0.1,
} as const;

/** The monthly price of each rule of a web ACL, in US dollars. @see https://aws.amazon.com/waf/pricing/ */
const FIREWALL_RULE = 1;

/** Compares the price of an environment's resources before and after a change. */
export function priceChange(before: readonly Resource[], after: readonly Resource[]): PriceChange {
  const [old, now] = [pricesOf(before), pricesOf(after)];
  const keys = [...new Set([...old.prices.keys(), ...now.prices.keys()])];
  const changes = keys.flatMap((key) => {
    const [one, other] = [old.prices.get(key), now.prices.get(key)];
    const [from, to] = [one?.dollars ?? 0, other?.dollars ?? 0];
    return from === to ? [] : [{ resource: key, type: (other ?? one)?.type ?? '', before: from, after: to }];
  });
  return {
    before: sum(old.prices),
    after: sum(now.prices),
    changes: changes.sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before)),
    unpriced: [...new Set([...old.unpriced, ...now.unpriced])].sort(),
  };
}

type Prices = Map<string, { type: string; dollars: number }>;

function sum(prices: Prices): number {
  return [...prices.values()].reduce((total, { dollars }) => total + dollars, 0);
}

function pricesOf(resources: readonly Resource[]): { prices: Prices; unpriced: string[] } {
  const prices: Prices = new Map();
  const unpriced: string[] = [];
  for (const resource of resources) {
    const dollars = monthlyPrice(resource, resources);
    const { stack, logicalId, type } = resource;
    if (dollars === undefined) unpriced.push(type);
    else if (dollars > 0) prices.set(`${stack}/${logicalId}`, { type, dollars });
  }
  return { prices, unpriced };
}

/** US dollars per month; 0 if only usage is billed; undefined if the price is unknown. */
function monthlyPrice(resource: Resource, all: readonly Resource[]): number | undefined {
  const { type, properties } = resource;
  switch (type) {
    case 'AWS::ECS::Service':
      return servicePrice(resource, all);
    case 'AWS::EC2::VPCEndpoint':
      return properties['VpcEndpointType'] === 'Interface'
        ? ENDPOINT_HOUR * HOURS_PER_MONTH * lengthOf(properties['SubnetIds'])
        : 0;
    case 'AWS::RDS::DBInstance':
      return instancePrice(properties, all);
    case 'AWS::ElastiCache::ServerlessCache':
      return DATABASE_PRICES.cacheGbHour * DATABASE_PRICES.cacheLeastGb * HOURS_PER_MONTH;
    case 'AWS::ElastiCache::CacheCluster':
    case 'AWS::ElastiCache::ReplicationGroup':
    case 'AWS::OpenSearchService::Domain':
    case 'AWS::MSK::Cluster':
    case 'AWS::EC2::Instance':
    case 'AWS::Redshift::Cluster':
      return undefined;
    case 'AWS::WAFv2::WebACL':
      return MONTHLY_PRICES[type] + FIREWALL_RULE * lengthOf(properties['Rules']);
    default:
      if (isIn(type, HOURLY_PRICES)) return HOURLY_PRICES[type] * HOURS_PER_MONTH;
      return isIn(type, MONTHLY_PRICES) ? MONTHLY_PRICES[type] : 0;
  }
}

function isIn<T extends object>(key: string, table: T): key is keyof T & string {
  return Object.hasOwn(table, key);
}

/** The minimum number of tasks at Fargate On-Demand prices. */
function servicePrice(service: Resource, all: readonly Resource[]): number | undefined {
  const { properties } = service;
  const definition = all.find(({ physicalId }) => physicalId === properties['TaskDefinition'])?.properties;
  const cpu = Number(definition?.['Cpu']);
  const memory = Number(definition?.['Memory']);
  if (!definition || !Number.isFinite(cpu) || !Number.isFinite(memory)) return undefined;
  const platform = Object.fromEntries(members(definition['RuntimePlatform']));
  const { vcpuHour, gbHour } = FARGATE_PRICES[platform['CpuArchitecture'] === 'ARM64' ? 'ARM64' : 'X86_64'];
  const task = (cpu / 1024) * vcpuHour + (memory / 1024) * gbHour;
  return task * HOURS_PER_MONTH * taskCount(service, all);
}

/**
 * The minimum number of tasks: the minimum capacity of its autoscaling, else the desired count.
 *
 * @see https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
 */
function taskCount({ physicalId, properties }: Resource, all: readonly Resource[]): number {
  const id = /:(service\/.+)$/.exec(physicalId)?.[1];
  const target = all.find(
    ({ type, properties: { ResourceId } }) =>
      type === 'AWS::ApplicationAutoScaling::ScalableTarget' && ResourceId === id,
  );
  return Number(target?.properties['MinCapacity'] ?? properties['DesiredCount'] ?? 1);
}

function instancePrice(instance: JsonObject, all: readonly Resource[]): number | undefined {
  const size = textOf(instance['DBInstanceClass']);
  if (!textOf(instance['Engine']).startsWith('aurora')) return undefined;
  if (size !== 'db.serverless') {
    const hour = DATABASE_PRICES.auroraHour[size];
    return hour === undefined ? undefined : hour * HOURS_PER_MONTH;
  }
  const cluster = all.find(({ physicalId }) => physicalId === instance['DBClusterIdentifier'])?.properties;
  const { MinCapacity = 0 } = Object.fromEntries(members(cluster?.['ServerlessV2ScalingConfiguration']));
  return Number(MinCapacity) * DATABASE_PRICES.acuHour * HOURS_PER_MONTH;
}

function lengthOf(value: Json | undefined): number {
  return Array.isArray(value) ? value.length : 1;
}
