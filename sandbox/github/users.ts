import { crc32 } from 'node:zlib';
import { forbidden, notFound } from './call.ts';
import type { Routes } from './call.ts';
import { type Account, accountOf } from './state.ts';

/** The owner of the token, and users by name. */
export const userRoutes: Routes = {
  'GET /user': [
    'users/get-authenticated',
    ({ viewer }) => {
      if (viewer.type === 'Bot') throw forbidden();
      return { body: userJson(viewer) };
    },
  ],

  'GET /users/{login}': [
    'users/get-by-username',
    ({ params, state }) => {
      const login = state.logins.find((each) => each === params.login);
      if (login === undefined) throw notFound();
      return { body: userJson(accountOf(login)) };
    },
  ],
};

/** The user with an id. Undefined if there is none, or if it is a team. */
export function loginOf(id: number, logins: readonly string[]): string | undefined {
  return logins.find((login) => crc32(login) === id);
}

export function userJson({ login, type }: Account): object {
  return { login, id: crc32(login), type };
}
