import pg from 'pg';
import type { DatabaseConfig } from './database-config.ts';
import { connectClient } from './database-client.ts';
import type { Log } from './log.ts';

/**
 * Creates the role that a service logs in with, once for each environment, as a user with permission to do so. The
 * role can then create and migrate the service's schema. On RDS it needs no password: it logs in with IAM (the role
 * `rds_iam`). An existing role is not changed.
 *
 * @throws pg's error if the connected user lacks permission.
 */
export async function prepareRole(config: DatabaseConfig, role: string, log: Log): Promise<void> {
  const client = await connectClient(config);
  try {
    await client.query('BEGIN');
    // Roles belong to the whole cluster, and several services may prepare theirs at the same time.
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
