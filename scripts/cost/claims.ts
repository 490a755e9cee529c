import { environments, stacksWithCacheOf } from '../templates/reference.ts';
import type { Environment } from '../templates/reference.ts';
import { resolveTemplate } from '../templates/resolve.ts';
import { readTemplate } from '../templates/template.ts';
import { costOf, estimate, savingOf } from './estimate.ts';
import type { Estimate } from './estimate.ts';
import { total } from './line.ts';
import { prices } from './prices.ts';
import { price } from './pricing.ts';
import type { Shares } from './pricing.ts';
import { utilisation } from './utilisation.ts';

/** The saving that the guidelines claim "with Spot instances and Serverless". */
export const CLAIM = { least: 0.4, most: 0.6 };

export type ClaimVerdict = 'more' | 'holds' | 'does not hold';

export const judgeClaim = (saving: number): ClaimVerdict => {
  if (saving > CLAIM.most) return 'more';
  return saving >= CLAIM.least ? 'holds' : 'does not hold';
};

/** Parameters with only the guidelines' level of safety: one NAT gateway, no firewall, standard insights. */
const GUIDELINES_SAFETY = {
  NatGateways: 'one',
  WebFirewall: 'false',
  DatabaseInsights: 'standard',
};

/** The saving of all environments together. */
export function wholeSaving(estimates: Estimate[]): number {
  return savingOf({
    guidelines: estimates.flatMap(({ guidelines }) => guidelines),
    platform: estimates.flatMap(({ platform }) => platform),
  });
}

/** The saving without the additional safety. */
export const savingAtEqualSafety = (environment: Environment): number =>
  savingOf(estimate(environment, GUIDELINES_SAFETY));

/** The average ACUs of an instance above which a provisioned instance is cheaper. */
export const breakEvenAcus = (instanceClass: string): number => {
  const hour = prices.aurora.instanceHour[instanceClass];
  if (hour === undefined) throw new Error(`${instanceClass} has no price`);
  return hour / prices.aurora.acuHour;
};

/** The cost of the environment with the provisioned database of aurora.yml, in US dollars per month. */
export const provisionedCost = (environment: Environment): number =>
  costOf(estimate(environment, {}, { 'aurora-serverless': 'aurora' }).platform);

/** The cost of the optional cache in an environment, in US dollars per month. */
export const cacheCost = (environment: Environment): number => {
  const stack = stacksWithCacheOf(environment).find(({ template }) => template === 'cache');
  if (stack === undefined) throw new Error(`${environment} has no stack of the cache`);
  const resolved = resolveTemplate(readTemplate(stack.template), stack.parameters);
  return total(price(resolved, utilisation[environment], NO_SHARES));
};

const NO_SHARES: Shares = { natGateways: 0, loadBalancers: 0, serviceLogGroups: 0, repositories: 0 };

export const estimates = (): Estimate[] => environments.map((environment) => estimate(environment));
