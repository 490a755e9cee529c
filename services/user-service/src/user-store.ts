import { isUniqueViolation } from '@services/shared';
import type { Query } from '@services/shared';
import type { NewUser, User, UserChange } from './user.ts';

/** Stores users. */
export interface UserStore {
  /** Undefined if the email address is already in use. */
  add(user: NewUser): Promise<User | undefined>;
  find(id: string): Promise<User | undefined>;
  findByEmail(email: string): Promise<User | undefined>;
  change(id: string, change: UserChange): Promise<User | undefined>;
  list(after: string | undefined, count: number): Promise<User[]>;
}

const COLUMNS = `id, email, display_name AS "displayName", status, created_at AS "createdAt"`;

type UserRow = Omit<User, 'createdAt'> & { createdAt: Date };

export function userStore(query: Query): UserStore {
  const users = async (statement: string, parameters: unknown[]) =>
    (await query<UserRow>(statement, parameters)).map(toUser);
  const one = async (statement: string, parameters: unknown[]) => (await users(statement, parameters))[0];
  return {
    async add({ email, displayName }) {
      try {
        const statement = `INSERT INTO users.users (email, display_name) VALUES ($1, $2) RETURNING ${COLUMNS}`;
        return await one(statement, [email, displayName]);
      } catch (error) {
        if (isUniqueViolation(error, 'users_email')) return undefined;
        throw error;
      }
    },
    find: (id) => one(`SELECT ${COLUMNS} FROM users.users WHERE id = $1`, [id]),
    findByEmail: (email) => one(`SELECT ${COLUMNS} FROM users.users WHERE lower(email) = lower($1)`, [email]),
    change: (id, { displayName = null, status = null }) =>
      one(
        `UPDATE users.users SET display_name = coalesce($2, display_name), status = coalesce($3, status)
         WHERE id = $1 RETURNING ${COLUMNS}`,
        [id, displayName, status],
      ),
    list: (after, count) =>
      users(`SELECT ${COLUMNS} FROM users.users WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2`, [
        after ?? null,
        count,
      ]),
  };
}

const toUser = (row: UserRow): User => ({ ...row, createdAt: row.createdAt.toISOString() });
