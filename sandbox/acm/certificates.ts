import type { World } from '../world.ts';

export interface Certificate {
  arn: string;
  status: string;
  /** The first is its domain name. */
  names: readonly string[];
}

/** The certificates of an account in a region, by their ARNs. */
export function certificatesOf(world: World, account: string, region: string): Map<string, Certificate> {
  return world.store(account, region, 'acm', () => {
    const own = (world.scenario.certificates ?? []).filter(({ arn }) => {
      const [, , , ofRegion, ofAccount] = arn.split(':');
      return ofRegion === region && ofAccount === account;
    });
    return new Map(own.map(({ arn, names, status = 'ISSUED' }) => [arn, { arn, names, status }]));
  });
}
