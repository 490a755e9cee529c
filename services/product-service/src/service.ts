import { ReadCache, readCacheConfig, readEnvironment, startService, text } from '@services/shared';
import type { Environment, Running } from '@services/shared';
import manifest from '../package.json' with { type: 'json' };
import { cachedProducts, cachedReservations } from './cached-products.ts';
import { productStore } from './product-store.ts';
import { addReservationRoutes } from './reservation-routes.ts';
import { ReservationStore } from './reservation-store.ts';
import { addProductRoutes } from './routes.ts';

export const service = { name: manifest.name, version: manifest.version };
export const schema = 'products';
export const migrations = new URL('../migrations/', import.meta.url);

/** @throws EnvironmentError if a variable is missing or invalid. The database and the cache may be unavailable. */
export async function startProductService(env: Environment): Promise<Running> {
  const { SERVICE_TOKEN } = readEnvironment({ SERVICE_TOKEN: text(undefined) }, env);
  const cacheConfig = await readCacheConfig(env);
  return startService(
    {
      service,
      title: 'Products',
      prefix: '/api/products',
      build({ app, database, metrics, log }) {
        const products = productStore(database.query);
        const reservations = new ReservationStore(database);
        const cache = cacheConfig && new ReadCache(cacheConfig, { log, metrics });
        addProductRoutes(app, cache ? cachedProducts(products, cache) : products);
        addReservationRoutes(
          app,
          cache ? cachedReservations(reservations, cache) : reservations,
          SERVICE_TOKEN,
        );
        return cache && (() => cache.close());
      },
    },
    env,
  );
}
