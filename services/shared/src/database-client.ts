import pg from 'pg';
import type { DatabaseConfig } from './database-config.ts';

/** A separate connection for migrations, without the time limits of requests. */
export async function connectClient(config: DatabaseConfig): Promise<pg.Client> {
  const password = typeof config.password === 'string' ? config.password : await config.password();
  const { host, port, database, user, ssl, connectTimeoutMs: connectionTimeoutMillis } = config;
  const client = new pg.Client({ host, port, database, user, password, ssl, connectionTimeoutMillis });
  // A lost connection fails the current statement. Without a listener, its event would end the process without a
  // message.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
