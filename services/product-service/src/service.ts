import { readEnvironment, startService, text } from '@services/shared';
import type { Environment, Running } from '@services/shared';
import manifest from '../package.json' with { type: 'json' };
import { productStore } from './product-store.ts';
import { addReservationRoutes } from './reservation-routes.ts';
import { ReservationStore } from './reservation-store.ts';
import { addProductRoutes } from './routes.ts';

export const service = { name: manifest.name, version: manifest.version };
export const schema = 'products';
export const migrations = new URL('../migrations/', import.meta.url);

export function startProductService(env: Environment): Promise<Running> {
  const { SERVICE_TOKEN } = readEnvironment({ SERVICE_TOKEN: text(undefined) }, env);
  return startService(
    {
      service,
      title: 'Products',
      prefix: '/api/products',
      build({ app, database }) {
        addProductRoutes(app, productStore(database.query));
        addReservationRoutes(app, new ReservationStore(database), SERVICE_TOKEN);
        return undefined;
      },
    },
    env,
  );
}
