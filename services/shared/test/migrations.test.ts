import { beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freshDatabase, migrateSchema, sql } from '../../test/support/database.ts';
import { silentLog } from '../../test/support/log.ts';
import { patience } from '../../test/support/patience.ts';
import { runToEnd } from '../../local/service-process.ts';
import { readDatabaseConfig } from '../src/database-config.ts';
import { readMigrations } from '../src/migration-files.ts';
import type { Phase } from '../src/migration-files.ts';
import { migrate, verify } from '../src/migrations.ts';

let url: string;
let folder: string;
beforeEach(async () => {
  url = await freshDatabase();
  folder = await mkdtemp(join(tmpdir(), 'migrations-'));
});

const write = (name: string, text: string) => writeFile(join(folder, name), text);
const run = async (phase: Phase = 'expand') =>
  migrate(await readDatabaseConfig({ DATABASE_URL: url, ...patience }), {
    schema: 'shop',
    migrations: await readMigrations(folder),
    phase,
    log: silentLog,
  });
const tables = async () =>
  (
    await sql<{ name: string }>(
      url,
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'shop' AND table_name <> 'schema_migrations' ORDER BY 1",
    )
  ).map(({ name }) => name);

test('each migration is applied once and in order, and a later run applies new ones', async () => {
  await write('0001.expand.a.sql', 'CREATE TABLE shop.a (id int)');
  await write('0002.expand.b.sql', 'CREATE TABLE shop.b AS SELECT * FROM shop.a');
  expect(await run()).toEqual(['0001.expand.a', '0002.expand.b']);
  expect(await run()).toEqual([]);
  await write('0003.expand.c.sql', 'CREATE TABLE shop.c (id int)');
  expect(await run()).toEqual(['0003.expand.c']);
  expect(await tables()).toEqual(['a', 'b', 'c']);
});

describe('a database is verified', () => {
  const check = async () =>
    verify(await readDatabaseConfig({ DATABASE_URL: url, ...patience }), {
      schema: 'shop',
      migrations: await readMigrations(folder),
      log: silentLog,
    });

  test('if every expansion is recorded and a table has rows', async () => {
    await write('0001.expand.a.sql', 'CREATE TABLE shop.a AS SELECT generate_series(1, 3) AS id');
    await write('0002.expand.b.sql', 'CREATE TABLE shop.b (id int)');
    await write('0003.contract.a.sql', 'DROP TABLE shop.a');
    await run();
    expect(await check()).toEqual({ a: 3, b: 0 });
    expect(await tables()).toEqual(['a', 'b']);
  });

  test('and fails without the schema, without a migration, or without rows', async () => {
    await write('0001.expand.a.sql', 'CREATE TABLE shop.a (id int)');
    await expect(check()).rejects.toThrow('the schema shop does not exist in this database');
    await run();
    await expect(check()).rejects.toThrow('no table of the schema shop has a row');
    await write('0002.expand.b.sql', 'CREATE TABLE shop.b (id int)');
    await expect(check()).rejects.toThrow('0002.expand.b: is not applied in this database');
  });
});

test('of five concurrent runs, one applies the migrations and the others find nothing to do', async () => {
  await write('0001.expand.a.sql', 'CREATE TABLE shop.a (id int); SELECT pg_sleep(0.2)');
  await write('0002.expand.i.sql', '-- no transaction\nCREATE INDEX CONCURRENTLY a_id ON shop.a (id)');
  const applied = await Promise.all(Array.from({ length: 5 }, () => run()));
  expect(applied.flat().sort()).toEqual(['0001.expand.a', '0002.expand.i']);
});

test('expand skips contractions; contract applies them once all expansions are applied', async () => {
  await write('0001.expand.a.sql', 'CREATE TABLE shop.a (old int)');
  await write('0002.contract.a.sql', 'ALTER TABLE shop.a DROP COLUMN old');
  await write('0003.expand.b.sql', 'CREATE TABLE shop.b (id int)');
  await expect(run('contract')).rejects.toThrow('0001.expand.a: must be applied before contracting');
  expect(await run()).toEqual(['0001.expand.a', '0003.expand.b']);
  expect(await run('contract')).toEqual(['0002.contract.a']);
});

test('a failed migration is rolled back and named, and earlier ones stay applied', async () => {
  await write('0001.expand.a.sql', 'CREATE TABLE shop.a (id int)');
  await write('0002.expand.b.sql', 'CREATE TABLE shop.b (id int);\nCREATE TABLE shop.a (id int);');
  await expect(run()).rejects.toThrow('0002.expand.b: relation "a" already exists');
  expect(await tables()).toEqual(['a']);
  await write('0002.expand.b.sql', 'CREATE TABLE shop.b (id int)');
  expect(await run()).toEqual(['0002.expand.b']);
});

test('a migration that changed after it was applied is refused', async () => {
  await write('0001.expand.a.sql', 'CREATE TABLE shop.a (id int)');
  await run();
  await write('0001.expand.a.sql', 'CREATE TABLE shop.a (id bigint)');
  await expect(run()).rejects.toThrow(
    '0001.expand.a: changed after it was applied; write a new migration instead',
  );
});

test('a release that was rolled back accepts the migrations of a newer release', async () => {
  await write('0001.expand.a.sql', 'CREATE TABLE shop.a (id int)');
  await run();
  await sql(url, "INSERT INTO shop.schema_migrations (id, checksum) VALUES ('0002.expand.newer', 'x')");
  expect(await run()).toEqual([]);
});

test('waits for a lock in short attempts, so that no statement queues behind the migration', async () => {
  await write('0001.expand.a.sql', 'CREATE TABLE shop.a (id int)');
  await run();
  const reader = new pg.Client(url);
  await reader.connect();
  await reader.query('BEGIN');
  await reader.query('SELECT * FROM shop.a');
  await write('0002.expand.a.sql', 'ALTER TABLE shop.a ADD COLUMN name text');
  const running = run();
  const refused =
    'SELECT 1 FROM pg_stat_activity WHERE wait_event_type = $1 AND datname = current_database()';
  while ((await sql(url, refused, ['Lock'])).length === 0)
    await new Promise((resolve) => setTimeout(resolve, 20));
  while ((await sql(url, refused, ['Lock'])).length > 0)
    await new Promise((resolve) => setTimeout(resolve, 20));
  await reader.query('COMMIT');
  await reader.end();
  expect(await running).toEqual(['0002.expand.a']);
});

describe('file names', () => {
  test.each(['1.expand.a.sql', '0001.shrink.a.sql', '0001.expand.A.sql', 'notes.md'])(
    '%s is refused',
    async (name) => {
      await write(name, 'SELECT 1');
      await expect(readMigrations(folder)).rejects.toThrow(
        `${name}: expected a name such as 0001.expand.what-it-does.sql`,
      );
    },
  );

  test('a migration number is unique', async () => {
    await write('0001.expand.a.sql', '');
    await write('0001.expand.b.sql', '');
    await expect(readMigrations(folder)).rejects.toThrow('0001.expand.b.sql: duplicate migration number');
  });
});

describe('the command', () => {
  const command = (parameters: string[], env: Record<string, string>) =>
    runToEnd('user-service', 'dist/migrate.js', parameters, env);

  test('expands, logs what it applied, and finds nothing to apply the second time', async () => {
    const first = await command([], { DATABASE_URL: url });
    expect(first.join('\n')).toContain('"applied":["0001.expand.users","0002.expand.display-name"');
    expect((await command(['expand'], { DATABASE_URL: url })).join('\n')).toContain('nothing to apply');
  });

  test('exits with an error if it fails', async () => {
    await expect(command(['shrink'], { DATABASE_URL: url })).rejects.toThrow(
      'expected expand, contract, prepare or verify, got \\"shrink\\"',
    );
    await expect(command([], {})).rejects.toThrow('DB_HOST: is not set');
  });

  test('prepares a role that can create and migrate only its own schema', async () => {
    const role = `role_${Date.now()}`;
    await command(['prepare'], { DATABASE_URL: url, DB_APP_USER: role });
    await command(['prepare'], { DATABASE_URL: url, DB_APP_USER: role });
    const asRole = url.replace('postgres@', `${role}@`);
    await command(['expand'], { DATABASE_URL: asRole });
    expect(await sql(asRole, 'SELECT * FROM users.users')).toEqual([]);
    await migrateSchema(url, 'products');
    await expect(sql(asRole, 'SELECT * FROM products.products')).rejects.toThrow(
      'permission denied for schema products',
    );
  });
});
