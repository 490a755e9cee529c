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

  'POST /graphql': [
    'graphql',
    ({ body, viewer }) => {
      if (typeof body.query === 'string' && /\bviewer\s*\{\s*login\s*\}/.test(body.query)) {
        return { body: { data: { viewer: { login: viewer.login } } } };
      }
      return { body: { errors: [{ message: 'the sandbox answers viewer { login } and nothing else' }] } };
    },
  ],
};

export function userJson({ login, type }: Account): object {
  return { login, id: crc32(login), type };
}
