import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { connectClient } from './database-client.ts';
import type { DatabaseConfig } from './database-config.ts';
import { isUnavailable } from './database-errors.ts';
import type { Log } from './log.ts';
import type { Migration, Phase } from './migration-files.ts';

export interface MigrationRun {
  /** The service's own schema; the table of applied migrations is in it. */
  schema: string;
  migrations: Migration[];
  phase: Phase;
  log: Log;
  /** How long to wait for the database to respond, and for another run to complete. Default: 2 minutes. */
  patienceMs?: number;
}

/** No statement may wait longer for a lock: all later statements would wait too. */
const LOCK_TIMEOUT_MS = 3_000;
const LOCK_ATTEMPTS = 10;
const RETRY_MS = 500;

/**
 * Applies the missing migrations, each once, and returns the ids of those that this run applied. Concurrent runs are
 * safe: one works, the others wait. An applied migration must not change afterwards.
 *
 * @throws Error that names the migration, with PostgreSQL's own error as its cause; earlier migrations stay applied.
 */
export async function migrate(config: DatabaseConfig, run: MigrationRun): Promise<string[]> {
  const deadline = Date.now() + (run.patienceMs ?? 120_000);
  const client = await connect(config, run, deadline);
  try {
    await takeTurn(client, run, deadline);
    const applied = await readApplied(client, run.schema);
    const pending = findPending(run, applied);
    for (const migration of pending) await apply(client, run, migration);
    return pending.map(({ id }) => id);
  } finally {
    await client.end();
  }
}

/**
 * Checks that a database has the data of a service: every expansion is recorded, and at least one table of the schema
 * has rows. Changes nothing. Returns the number of rows by table.
 *
 * @throws Error that names what is missing.
 */
export async function verify(
  config: DatabaseConfig,
  run: Omit<MigrationRun, 'phase'>,
): Promise<Record<string, number>> {
  const client = await connect(config, run, Date.now() + (run.patienceMs ?? 120_000));
  try {
    await client.query('SET default_transaction_read_only = on');
    const tables = await tablesOf(client, run.schema);
    if (!tables.includes(RECORD)) throw new Error(`the schema ${run.schema} does not exist in this database`);
    const applied = await readRecord(client, run.schema);
    const [missing] = findPending({ ...run, phase: 'expand' }, applied);
    if (missing !== undefined) throw new Error(`${missing.id}: is not applied in this database`);
    const rows: Record<string, number> = {};
    for (const table of tables.filter((name) => name !== RECORD)) {
      rows[table] = await countRows(client, run.schema, table);
    }
    if (Object.values(rows).every((count) => count === 0)) {
      throw new Error(`no table of the schema ${run.schema} has a row`);
    }
    return rows;
  } finally {
    await client.end();
  }
}

async function tablesOf(client: pg.Client, schema: string): Promise<string[]> {
  const statement = 'SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 ORDER BY 1';
  return (await client.query<{ name: string }>(statement, [schema])).rows.map(({ name }) => name);
}

async function countRows(client: pg.Client, schema: string, table: string): Promise<number> {
  const name = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
  const { rows } = await client.query<{ count: string }>(`SELECT count(*) AS count FROM ${name}`);
  return Number(rows[0]?.count ?? 0);
}

async function connect(
  config: DatabaseConfig,
  run: Pick<MigrationRun, 'log'>,
  deadline: number,
): Promise<pg.Client> {
  for (;;) {
    try {
      return await connectClient(config);
    } catch (error) {
      if (!isUnavailable(error) || Date.now() > deadline) throw error;
      run.log.info({ err: error }, 'waiting for the database');
      await delay(RETRY_MS);
    }
  }
}

/**
 * One run at a time for each schema. The lock is polled: a statement that waits for it would hold a snapshot, and
 * CREATE INDEX CONCURRENTLY of the active run would wait for that snapshot indefinitely.
 */
async function takeTurn(client: pg.Client, run: MigrationRun, deadline: number): Promise<void> {
  const statement = 'SELECT pg_try_advisory_lock(hashtext($1)) AS mine';
  for (;;) {
    const { rows } = await client.query<{ mine: boolean }>(statement, [`migrate ${run.schema}`]);
    if (rows[0]?.mine === true) break;
    if (Date.now() > deadline) throw new Error(`another migration of ${run.schema} did not finish in time`);
    run.log.info('waiting for another migration to finish');
    await delay(RETRY_MS);
  }
}

interface Applied {
  id: string;
  checksum: string;
}

const RECORD = 'schema_migrations';
const recordOf = (schema: string) => `${pg.escapeIdentifier(schema)}.${RECORD}`;

async function readApplied(client: pg.Client, schema: string): Promise<Applied[]> {
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${pg.escapeIdentifier(schema)}`);
  await client.query(
    `CREATE TABLE IF NOT EXISTS ${recordOf(schema)} (
       id text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
  );
  return readRecord(client, schema);
}

async function readRecord(client: pg.Client, schema: string): Promise<Applied[]> {
  return (await client.query<Applied>(`SELECT id, checksum FROM ${recordOf(schema)} ORDER BY id`)).rows;
}

function findPending({ migrations, phase, log }: MigrationRun, applied: Applied[]): Migration[] {
  const checksums = new Map(applied.map(({ id, checksum }) => [id, checksum]));
  for (const { id, checksum } of migrations) {
    const recorded = checksums.get(id);
    if (recorded !== undefined && recorded !== checksum) {
      throw new Error(`${id}: changed after it was applied; write a new migration instead`);
    }
    checksums.delete(id);
  }
  if (checksums.size > 0)
    log.info({ ids: [...checksums.keys()] }, 'a newer release has already migrated the schema');
  const missing = migrations.filter(({ id }) => !applied.some((record) => record.id === id));
  const expansion = missing.filter((migration) => migration.phase === 'expand');
  if (phase === 'expand') return expansion;
  if (expansion[0] !== undefined) throw new Error(`${expansion[0].id}: must be applied before contracting`);
  return missing;
}

async function apply(client: pg.Client, run: MigrationRun, migration: Migration): Promise<void> {
  const started = Date.now();
  for (let attempt = 1; ; attempt += 1) {
    try {
      await (migration.transaction ? inTransaction : oneByOne)(client, run.schema, migration);
      run.log.info({ migration: migration.id, duration_ms: Date.now() - started }, 'applied');
      return;
    } catch (error) {
      const locked = (error as { code?: string }).code === '55P03';
      if (!locked || attempt === LOCK_ATTEMPTS) {
        throw new Error(`${migration.id}: ${(error as Error).message}`, { cause: error });
      }
      run.log.info({ migration: migration.id, attempt }, 'timed out waiting for a lock; retrying');
      await delay(RETRY_MS * attempt);
    }
  }
}

async function inTransaction(client: pg.Client, schema: string, migration: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    for (const statement of migration.statements) await client.query(statement);
    await record(client, schema, migration);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

async function oneByOne(client: pg.Client, schema: string, migration: Migration): Promise<void> {
  await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
  for (const statement of migration.statements) await client.query(statement);
  await record(client, schema, migration);
}

async function record(client: pg.Client, schema: string, { id, checksum }: Migration): Promise<void> {
  await client.query(`INSERT INTO ${recordOf(schema)} (id, checksum) VALUES ($1, $2)`, [id, checksum]);
}
