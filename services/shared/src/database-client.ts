import pg from 'pg';
import type { DatabaseConfig } from './database-config.ts';

/** One connection of its own, for migrations: without the time limits that requests have. */
export async function connectClient(config: DatabaseConfig): Promise<pg.Client> {
  const password = typeof config.password === 'string' ? config.password : await config.password();
  const { host, port, database, user, ssl, connectTimeoutMs: connectionTimeoutMillis } = config;
  const client = new pg.Client({ host, port, database, user, password, ssl, connectionTimeoutMillis });
  // A lost connection fails the statement under way; its event, unheard, would end the process without a word.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
