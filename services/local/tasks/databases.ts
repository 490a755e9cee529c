import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { Postgres } from '../postgres.ts';

type Environment = Record<string, string>;

/** Login variables of a task that this server does not need, because it trusts every local user. */
const ONLY_IN_AWS = ['DB_AUTH', 'DB_CA_FILE', 'DB_SECRET', 'DB_PASSWORD'];

/**
 * The databases of the tasks, on one embedded server that is started when the first is needed. Tasks with the same
 * DB_HOST and DB_NAME share a database.
 */
export class Databases {
  #server: Promise<{ postgres: Postgres; folder: string }> | undefined;
  readonly #ready = new Map<string, Promise<void>>();

  /** The variables of a task, with its database and login replaced by local ones. */
  async localise(environment: Environment): Promise<Environment> {
    const { DB_HOST, DB_NAME } = environment;
    if (DB_HOST === undefined || DB_NAME === undefined) return environment;
    const { postgres } = await (this.#server ??= start());
    const database = nameFor(DB_HOST, DB_NAME);
    const login = loginOf(environment);
    await this.#once(database, async () => {
      await postgres.ensureDatabase(database);
    });
    await this.#once(`${database} ${login.user}`, () => ensureRole(postgres.url(), login, database));
    const kept = Object.entries(environment).filter(([name]) => !ONLY_IN_AWS.includes(name));
    return {
      ...Object.fromEntries(kept),
      DB_HOST: '127.0.0.1',
      DB_PORT: String(postgres.port),
      DB_NAME: database,
      DB_USER: login.user,
      DB_PASSWORD: 'not requested',
      DB_SSLMODE: 'disable',
    };
  }

  async stop(): Promise<void> {
    // The task that needed the server has already reported why it could not be started.
    const server = await this.#server?.catch(() => undefined);
    if (server === undefined) return;
    await server.postgres.stop('immediate');
    await rm(server.folder, { recursive: true, force: true });
  }

  #once(key: string, work: () => Promise<void>): Promise<void> {
    const done = this.#ready.get(key) ?? work();
    this.#ready.set(key, done);
    return done;
  }
}

async function start() {
  const folder = await mkdtemp(join(tmpdir(), 'tasks-database-'));
  const settings = { fsync: 'off', full_page_writes: 'off', max_connections: '300' };
  try {
    return { postgres: await Postgres.start({ dataFolder: folder, settings }), folder };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A valid name for PostgreSQL that is unique for each host. */
function nameFor(host: string, name: string): string {
  return `${name.slice(0, 40)}_${createHash('sha256').update(host).digest('hex').slice(0, 12)}`;
}

interface Login {
  user: string;
  /** The administrator, who may create other roles, logs in with a password. */
  administrator: boolean;
}

/** @throws Error if the variables contain no login. */
function loginOf({ DB_AUTH, DB_SECRET, DB_USER }: Environment): Login {
  const administrator = DB_AUTH !== 'iam';
  if (DB_USER !== undefined && DB_USER !== '') return { user: DB_USER, administrator };
  let secret: unknown;
  try {
    secret = JSON.parse(DB_SECRET ?? '');
  } catch {
    secret = undefined;
  }
  const user = (secret as { username?: unknown } | undefined)?.username;
  if (typeof user === 'string' && user !== '') return { user, administrator };
  throw new Error('environment: DB_HOST is set, but neither DB_USER nor a DB_SECRET with a username');
}

/**
 * On AWS, the administrator is created with the cluster, and the services' roles are prepared once for each
 * environment.
 */
async function ensureRole(url: string, { user, administrator }: Login, database: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const role = pg.escapeIdentifier(user);
    // Roles belong to the whole server, and several databases may request one at the same time.
    await client.query("SELECT pg_advisory_lock(hashtext('roles'))");
    const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [user]);
    if (rowCount === 0) await client.query(`CREATE ROLE ${role} LOGIN`);
    const grant = `GRANT CONNECT, CREATE ON DATABASE ${pg.escapeIdentifier(database)} TO ${role}`;
    await client.query(administrator ? `${grant} WITH GRANT OPTION` : grant);
    if (administrator) await client.query(`ALTER ROLE ${role} CREATEROLE`);
  } finally {
    await client.end();
  }
}
