import type { World } from '../world.ts';

export interface HostedZone {
  id: string;
  /** With the final dot. */
  name: string;
  isPrivate: boolean;
}

/** The zones of the reference platform's environments, where a scenario names none. */
const REFERENCE: Readonly<Record<string, string>> = {
  Z0123456789DEVZONE: 'dev.example.com',
  Z0123456789STGZONE: 'staging.example.com',
  Z0123456789PRDZONE: 'example.com',
};

/** The hosted zones of an account, by their ids. */
export function hostedZonesOf(world: World, account: string): Map<string, HostedZone> {
  return world.store(account, '', 'route53', () => {
    const reference = Object.entries(REFERENCE).map(([id, name]) => ({ account, id, name, private: false }));
    const own = (world.scenario.zones ?? reference).filter((zone) => zone.account === account);
    return new Map(
      own.map(({ id, name, private: isPrivate = false }) => [id, { id, name: `${name}.`, isPrivate }]),
    );
  });
}
