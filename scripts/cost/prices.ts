import { FARGATE_PRICES } from '../../src/environment/preview/price.ts';

export { PRICES_AS_OF } from '../../src/environment/preview/price.ts';

export const HOURS_A_MONTH = 730;
export const HOURS_A_WEEK = 168;

/**
 * AWS list prices in US dollars without tax, on demand, in US East (N. Virginia), from the public pricing pages of
 * each service. Other regions are 0 to 30 % dearer; the shape of the comparison stays.
 */
export const prices = {
  fargate: FARGATE_PRICES,
  aurora: {
    instanceHour: {
      'db.t4g.medium': 0.073,
      'db.r6g.large': 0.26,
      'db.r6g.xlarge': 0.519,
      'db.r8g.large': 0.276,
      'db.r8g.xlarge': 0.552,
    } as Record<string, number>,
    acuHour: 0.12,
    storageGb: 0.1,
    ioMillion: 0.2,
    advancedInsightsAcuHour: 0.003125,
    advancedInsightsVcpuHour: 0.0125,
  },
  nat: { hour: 0.045, gb: 0.045 },
  interfaceEndpointHour: 0.01,
  loadBalancer: { hour: 0.0225, capacityUnitHour: 0.008 },
  publicAddressHour: 0.005,
  key: 1,
  secret: 0.4,
  firewall: { acl: 5, rule: 1, millionRequests: 0.6 },
  logs: { ingestedGb: 0.5 },
  alarm: { metric: 0.1, composite: 0.5 },
  dashboard: 3,
  customMetric: 0.3,
  imageGb: 0.1,
} as const;
