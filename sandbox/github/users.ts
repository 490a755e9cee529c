import { crc32 } from 'node:zlib';
import { forbidden } from './call.ts';
import type { Routes } from './call.ts';
import type { Account } from './state.ts';

/** Who the bearer of the token is. */
export const userRoutes: Routes = {
  'GET /user': [
    'users/get-authenticated',
    ({ viewer }) => {
      if (viewer.type === 'Bot') throw forbidden();
      return { body: userJson(viewer) };
    },
  ],
};

export function userJson({ login, type }: Account): object {
  return { login, id: crc32(login), type };
}
