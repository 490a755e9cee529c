import { ServiceClient, address, integer, readEnvironment, startService, text } from '@services/shared';
import type { Environment, Running } from '@services/shared';
import manifest from '../package.json' with { type: 'json' };
import { OrderDesk } from './order-desk.ts';
import { OrderStore } from './order-store.ts';
import { addRoutes } from './routes.ts';
import { startSettlement } from './settlement.ts';

export const service = { name: manifest.name, version: manifest.version };
export const schema = 'orders';
export const migrations = new URL('../migrations/', import.meta.url);

const settings = {
  USERS_URL: address('http://user-service:3000'),
  PRODUCTS_URL: address('http://product-service:3000'),
  SERVICE_TOKEN: text(undefined),
  SETTLE_INTERVAL_MS: integer(100, 3_600_000)(10_000),
  ORDER_ABANDONED_AFTER_MS: integer(0, 3_600_000)(30_000),
};

export function startOrderService(env: Environment): Promise<Running> {
  const { USERS_URL, PRODUCTS_URL, SERVICE_TOKEN: token, ...times } = readEnvironment(settings, env);
  return startService(
    {
      service,
      title: 'Orders',
      prefix: '/api/orders',
      build({ app, database, metrics }) {
        const { log } = app;
        const users = new ServiceClient({ service: 'user-service', address: USERS_URL, log, metrics });
        const products = new ServiceClient({
          service: 'product-service',
          address: PRODUCTS_URL,
          token,
          log,
          metrics,
        });
        const store = new OrderStore(database);
        const desk = new OrderDesk({ store, users, products, log });
        addRoutes(app, desk, store);
        const { SETTLE_INTERVAL_MS: intervalMs, ORDER_ABANDONED_AFTER_MS: abandonedAfterMs } = times;
        return startSettlement({ store, desk, log, intervalMs, abandonedAfterMs });
      },
    },
    env,
  );
}
