import {
  ENDPOINT_HOUR,
  FARGATE_PRICES,
  HOURLY_PRICES,
  MONTHLY_PRICES,
} from '../../src/environment/preview/price.ts';
import { DATABASE_PRICES } from '../../src/rehearse/effects/price.ts';

export { HOURS_PER_MONTH, PRICES_AS_OF } from '../../src/environment/preview/price.ts';

export const HOURS_PER_WEEK = 168;

/**
 * AWS On-Demand list prices in US dollars without tax, in US East (N. Virginia), from the public pricing page of each
 * service. Other regions are up to 30% more expensive, which does not change the comparison.
 */
export const prices = {
  fargate: FARGATE_PRICES,
  aurora: {
    instanceHour: DATABASE_PRICES.auroraHour,
    acuHour: DATABASE_PRICES.acuHour,
    storageGb: 0.1,
    ioMillion: 0.2,
    advancedInsightsAcuHour: 0.003125,
    advancedInsightsVcpuHour: 0.0125,
  },
  /** ElastiCache Serverless for Valkey. @see https://aws.amazon.com/elasticache/pricing/ */
  cache: { gbHour: DATABASE_PRICES.cacheGbHour, millionUnits: 0.0023, leastGb: DATABASE_PRICES.cacheLeastGb },
  nat: { hour: HOURLY_PRICES['AWS::EC2::NatGateway'], gb: 0.045 },
  interfaceEndpointHour: ENDPOINT_HOUR,
  loadBalancer: { hour: HOURLY_PRICES['AWS::ElasticLoadBalancingV2::LoadBalancer'], capacityUnitHour: 0.008 },
  publicAddressHour: HOURLY_PRICES['AWS::EC2::EIP'],
  key: MONTHLY_PRICES['AWS::KMS::Key'],
  secret: MONTHLY_PRICES['AWS::SecretsManager::Secret'],
  firewall: { acl: MONTHLY_PRICES['AWS::WAFv2::WebACL'], rule: 1, millionRequests: 0.6 },
  logs: { ingestedGb: 0.5 },
  alarm: {
    metric: MONTHLY_PRICES['AWS::CloudWatch::Alarm'],
    composite: MONTHLY_PRICES['AWS::CloudWatch::CompositeAlarm'],
  },
  dashboard: MONTHLY_PRICES['AWS::CloudWatch::Dashboard'],
  customMetric: 0.3,
  imageGb: 0.1,
} as const;
