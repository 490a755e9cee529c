import { ServiceClient, address, integer, readEnvironment, startService, text } from '@services/shared';
import type { Environment, Running } from '@services/shared';
import manifest from '../package.json' with { type: 'json' };
import { OrderProcessor } from './order-processor.ts';
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
  CALL_TIMEOUT_MS: integer(50, 60_000)(2_000),
  CIRCUIT_OPEN_MS: integer(100, 600_000)(5_000),
  SETTLE_INTERVAL_MS: integer(100, 3_600_000)(10_000),
  ORDER_ABANDONED_AFTER_MS: integer(0, 3_600_000)(30_000),
};

export function startOrderService(env: Environment): Promise<Running> {
  const values = readEnvironment(settings, env);
  return startService(
    {
      service,
      title: 'Orders',
      prefix: '/api/orders',
      build({ app, database, metrics }) {
        const { log } = app;
        const limits = { timeoutMs: values.CALL_TIMEOUT_MS, openMs: values.CIRCUIT_OPEN_MS };
        const common = { ...limits, log, metrics };
        const users = new ServiceClient({ ...common, service: 'user-service', address: values.USERS_URL });
        const products = new ServiceClient({
          ...common,
          service: 'product-service',
          address: values.PRODUCTS_URL,
          token: values.SERVICE_TOKEN,
        });
        const store = new OrderStore(database);
        const processor = new OrderProcessor({ store, users, products, log });
        addRoutes(app, processor, store);
        const { SETTLE_INTERVAL_MS: intervalMs, ORDER_ABANDONED_AFTER_MS: abandonedAfterMs } = values;
        return startSettlement({ store, processor, log, intervalMs, abandonedAfterMs });
      },
    },
    env,
  );
}
