import type { Query } from '../../../shared/src/database.ts';

export interface User {
  id: string;
  email: string;
  name: string;
}

/** user-service 1.0: a user has a `name`. */
export function userStore(query: Query) {
  const one = async (statement: string, parameters: unknown[]) =>
    (await query<User & Record<string, unknown>>(statement, parameters))[0];
  return {
    add: (email: string, name: string) =>
      one('INSERT INTO users.users (email, name) VALUES ($1, $2) RETURNING id, email, name', [email, name]),
    find: (id: string) => one('SELECT id, email, name FROM users.users WHERE id = $1', [id]),
    rename: (id: string, name: string) =>
      one('UPDATE users.users SET name = $2 WHERE id = $1 RETURNING id, email, name', [id, name]),
  };
}
