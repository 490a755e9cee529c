import { prepareRole } from './application-role.ts';
import { readDatabaseConfig } from './database-config.ts';
import { readEnvironment, text } from './environment.ts';
import type { Environment } from './environment.ts';
import { createLog } from './log.ts';
import type { Log, ServiceName } from './log.ts';
import { readMigrations } from './migration-files.ts';
import { migrate, verify } from './migrations.ts';
import { withSecretFiles } from './secret-files.ts';

export interface MigrateCommand {
  service: ServiceName;
  schema: string;
  folder: string;
  env: Environment;
  command: string | undefined;
}

/**
 * `node dist/migrate.js [expand|contract|prepare|verify]`: the pre-deploy task (expand, the default), the step after
 * a rollout (contract), the creation of the role DB_APP_USER once for each environment (prepare), and the check that
 * a restored database has the service's data (verify). If anything fails, it logs the reason and exits with a code
 * other than 0.
 */
export async function migrateCommand(options: MigrateCommand): Promise<void> {
  const log = createLog(options.service);
  try {
    await execute(options, log);
  } catch (error) {
    log.fatal({ err: error }, 'the migration failed');
    process.exitCode = 1;
  }
}

async function execute(options: MigrateCommand, log: Log): Promise<void> {
  const { schema, folder, command = 'expand' } = options;
  if (!isCommand(command)) {
    throw new Error(`expected expand, contract, prepare or verify, got "${command}"`);
  }
  const env = await withSecretFiles(options.env);
  const config = await readDatabaseConfig(env);
  if (command === 'prepare') {
    await prepareRole(config, readEnvironment({ DB_APP_USER: text() }, env).DB_APP_USER, log);
    return;
  }
  if (command === 'verify') {
    const rows = await verify(config, { schema, migrations: await readMigrations(folder), log });
    log.info({ rows }, 'found data in the database');
    return;
  }
  const applied = await migrate(config, {
    schema,
    migrations: await readMigrations(folder),
    phase: command,
    log,
  });
  log.info(
    { phase: command, applied },
    applied.length === 0 ? 'nothing to apply' : 'the schema is up to date',
  );
}

const COMMANDS = ['expand', 'contract', 'prepare', 'verify'] as const;

const isCommand = (text: string): text is (typeof COMMANDS)[number] =>
  (COMMANDS as readonly string[]).includes(text);
