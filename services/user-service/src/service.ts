import { startService } from '@services/shared';
import type { Environment, Running } from '@services/shared';
import manifest from '../package.json' with { type: 'json' };
import { addRoutes } from './routes.ts';
import { userStore } from './user-store.ts';

export const service = { name: manifest.name, version: manifest.version };
export const schema = 'users';
export const migrations = new URL('../migrations/', import.meta.url);

export function startUserService(env: Environment): Promise<Running> {
  return startService(
    {
      service,
      title: 'Users',
      prefix: '/api/users',
      build({ app, database }) {
        addRoutes(app, userStore(database.query));
        return undefined;
      },
    },
    env,
  );
}
