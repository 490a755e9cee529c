import pg from 'pg';
import type { DatabaseConfig } from './database-config.ts';
import { DatabaseUnavailableError, isLoginRefused, isUnavailable } from './database-errors.ts';
import type { Log } from './log.ts';
import { inSpan } from './tracing.ts';

export type Row = Record<string, unknown>;

/** Sends one statement with its parameters and returns the rows. */
export type Query = <R extends Row = Row>(statement: string, parameters?: readonly unknown[]) => Promise<R[]>;

const IDLE_CLIENT_MS = 30_000;
const CLIENT_LIFETIME_S = 900;

/**
 * A pool of connections. Errors of the connection are DatabaseUnavailableError; errors of a statement are pg's own,
 * with their SQLSTATE in `code`. Connections are opened when needed and closed when idle, so that an Aurora cluster
 * can scale to zero. None is kept for more than fifteen minutes, so that a failover or a new IAM token takes effect.
 */
export class Database {
  readonly pool: pg.Pool;

  readonly #onLoginRefused: () => void;

  /**
   * @param options.onLoginRefused called when the database refuses the login: the password was changed.
   */
  constructor(
    config: DatabaseConfig,
    options: { application: string; log: Log; onLoginRefused?: () => void },
  ) {
    this.#onLoginRefused = options.onLoginRefused ?? (() => undefined);
    this.pool = new pg.Pool({
      host: config.host,
      port: config.port,
      database: config.database,
      user: config.user,
      password: config.password,
      ssl: config.ssl,
      max: config.poolSize,
      min: 0,
      application_name: options.application,
      connectionTimeoutMillis: config.connectTimeoutMs,
      idleTimeoutMillis: IDLE_CLIENT_MS,
      maxLifetimeSeconds: CLIENT_LIFETIME_S,
      keepAlive: true,
      statement_timeout: config.statementTimeoutMs,
      query_timeout: config.statementTimeoutMs + 1_000,
      idle_in_transaction_session_timeout: config.statementTimeoutMs * 2,
    });
    this.pool.on('error', (error) => {
      options.log.warn({ err: error }, 'lost an idle database connection');
    });
    // A connection that breaks during use fails its statement. Without a listener, its event would end the process.
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** Runs a single statement. */
  query: Query = (statement, parameters) => this.#withClient((query) => query(statement, parameters));

  /** Runs the work in one transaction: committed when it resolves, rolled back when it rejects. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return this.#withClient(async (query) => {
      await query('BEGIN');
      try {
        const result = await work(query);
        await query('COMMIT');
        return result;
      } catch (error) {
        if (!(error instanceof DatabaseUnavailableError)) await query('ROLLBACK');
        throw error;
      }
    });
  }

  /** @throws DatabaseUnavailableError if the database does not respond. */
  async ping(): Promise<void> {
    await this.query('SELECT 1');
  }

  /** Waits for running statements, then closes all connections. */
  async close(): Promise<void> {
    await this.pool.end();
  }

  async #withClient<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    try {
      const result = await work(queryOn(client));
      client.release();
      return result;
    } catch (error) {
      client.release(error instanceof DatabaseUnavailableError);
      throw error;
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.pool.connect();
    } catch (error) {
      if (isLoginRefused(error)) this.#onLoginRefused();
      throw new DatabaseUnavailableError(error);
    }
  }
}

function queryOn(client: pg.PoolClient): Query {
  return <R extends Row>(statement: string, parameters: readonly unknown[] = []) => {
    const operation = /\w+/.exec(statement)?.[0].toUpperCase() ?? 'QUERY';
    const attributes = {
      'db.system.name': 'postgresql',
      'db.operation.name': operation,
      'db.query.text': statement,
    };
    return inSpan(operation, { kind: 'client', attributes }, async () => {
      try {
        return (await client.query<R>(statement, [...parameters])).rows;
      } catch (error) {
        throw isUnavailable(error) ? new DatabaseUnavailableError(error) : error;
      }
    });
  };
}
