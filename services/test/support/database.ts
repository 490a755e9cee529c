import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { readDatabaseConfig } from '../../shared/src/database-config.ts';
import { readMigrations } from '../../shared/src/migration-files.ts';
import type { Phase } from '../../shared/src/migration-files.ts';
import { migrate } from '../../shared/src/migrations.ts';
import { silentLog } from './log.ts';
import { patience } from './patience.ts';

export const serverUrl = (): string => process.env['TEST_POSTGRES_URL'] ?? '';

/** Runs one statement as the superuser, and returns its rows. */
export async function sql<R extends pg.QueryResultRow>(
  url: string,
  statement: string,
  parameters: unknown[] = [],
): Promise<R[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<R>(statement, parameters)).rows;
  } finally {
    await client.end();
  }
}

/** An empty database for this test only. */
export async function freshDatabase(): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await sql(serverUrl(), `CREATE DATABASE ${name}`);
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  return url.href;
}

const folders = { users: 'user-service', products: 'product-service', orders: 'order-service' } as const;
export type Schema = keyof typeof folders;

/** Applies a service's migrations, all of the phase or those up to and including `until`. */
export async function migrateSchema(url: string, schema: Schema, phase: Phase = 'expand', until?: string) {
  const folder = fileURLToPath(new URL(`../../${folders[schema]}/migrations/`, import.meta.url));
  const all = await readMigrations(folder);
  const migrations = until === undefined ? all : all.filter(({ id }) => id.slice(0, 4) <= until);
  return migrate(await readDatabaseConfig({ DATABASE_URL: url, ...patience }), {
    schema,
    migrations,
    phase,
    log: silentLog,
  });
}
