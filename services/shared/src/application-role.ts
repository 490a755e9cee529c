import pg from 'pg';
import type { DatabaseConfig } from './database-config.ts';
import { connectClient } from './database-client.ts';
import type { Log } from './log.ts';

/**
 * Makes the role that a service logs in with, once for each environment, by a user that may: it can then make and
 * migrate the service's schema by itself, and needs no password on RDS, where it logs in with IAM (the role
 * `rds_iam`). A role that is there is left as it is.
 * @throws pg's error when the connected user may not do so.
 */
export async function prepareRole(config: DatabaseConfig, role: string, log: Log): Promise<void> {
  const client = await connectClient(config);
  try {
    await client.query('BEGIN');
    // Roles belong to the whole cluster, and every service's preparation may arrive here at once.
    await client.query("SELECT pg_advisory_xact_lock(hashtext('prepare role'))");
    const existing = await client.query<{ rolname: string }>(
      'SELECT rolname FROM pg_roles WHERE rolname IN ($1, $2)',
      [role, 'rds_iam'],
    );
    const has = (name: string) => existing.rows.some(({ rolname }) => rolname === name);
    const quoted = pg.escapeIdentifier(role);
    if (!has(role)) await client.query(`CREATE ROLE ${quoted} LOGIN`);
    if (has('rds_iam')) await client.query(`GRANT rds_iam TO ${quoted}`);
    await client.query(
      `GRANT CONNECT, CREATE ON DATABASE ${pg.escapeIdentifier(config.database)} TO ${quoted}`,
    );
    await client.query('COMMIT');
    log.info({ role, created: !has(role) }, 'the role is ready');
  } finally {
    await client.end();
  }
}
