import type { Environment } from '../templates/reference.ts';

/** The assumed monthly load of an environment, the same for both designs. */
export interface Utilisation {
  /** Hours per week in use. Only relevant for resources that can stop. */
  activeHoursPerWeek: number;
  /** Average capacity of a serverless database instance while it is running. */
  acus: number;
  databaseGb: number;
  databaseIoMillions: number;
  /** Only if there is a cache. */
  cacheGb: number;
  /** ECPUs: one for each kilobyte read or written. */
  cacheUnitMillions: number;
  /** Average load balancer capacity units, over all load balancers together. */
  capacityUnits: number;
  requestMillions: number;
  /** Through the NAT gateways. */
  natGb: number;
  serviceLogGb: number;
  flowLogGb: number;
  imageGb: number;
}

/** The Fargate Spot discount varies between 50 and 70%. */
export const SPOT_DISCOUNT = 0.6;

export const utilisation: Record<Environment, Utilisation> = {
  dev: {
    activeHoursPerWeek: 50,
    acus: 1,
    databaseGb: 5,
    databaseIoMillions: 1,
    cacheGb: 0.1,
    cacheUnitMillions: 1,
    capacityUnits: 0.1,
    requestMillions: 0.5,
    natGb: 10,
    serviceLogGb: 2,
    flowLogGb: 2,
    imageGb: 5,
  },
  staging: {
    activeHoursPerWeek: 168,
    acus: 1,
    databaseGb: 20,
    databaseIoMillions: 20,
    cacheGb: 0.1,
    cacheUnitMillions: 4,
    capacityUnits: 0.2,
    requestMillions: 2,
    natGb: 30,
    serviceLogGb: 5,
    flowLogGb: 5,
    imageGb: 5,
  },
  prod: {
    activeHoursPerWeek: 168,
    acus: 3,
    databaseGb: 200,
    databaseIoMillions: 200,
    cacheGb: 1,
    cacheUnitMillions: 100,
    capacityUnits: 2,
    requestMillions: 50,
    natGb: 200,
    serviceLogGb: 30,
    flowLogGb: 20,
    imageGb: 5,
  },
};
