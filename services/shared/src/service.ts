import { Database } from './database.ts';
import { readDatabaseConfig } from './database-config.ts';
import { readEnvironment, oneOf } from './environment.ts';
import type { Environment } from './environment.ts';
import { run } from './lifecycle.ts';
import type { Running } from './lifecycle.ts';
import { createLog, logLevels } from './log.ts';
import type { Log, ServiceName } from './log.ts';
import { Metrics } from './metrics.ts';
import { addOperations } from './operations.ts';
import { createServer } from './server.ts';
import type { Server } from './server.ts';
import { startTracing } from './tracing.ts';

export interface ServiceParts {
  app: Server;
  database: Database;
  metrics: Metrics;
  log: Log;
  env: Environment;
}

export interface ServiceDefinition {
  service: ServiceName;
  title: string;
  /** The path that the load balancer routes to this service. */
  prefix: string;
  /** Adds the routes. Returns the resources to close before the database, if any. */
  build(parts: ServiceParts): (() => Promise<void>) | undefined;
}

/**
 * Starts a service with a database: configuration, tracing, pool, routes, listening. It stops if the database refuses
 * its password: ECS injects a secret only when a task starts, so after a rotation a new task must take over.
 *
 * @throws EnvironmentError if a variable is missing or invalid.
 */
export async function startService(definition: ServiceDefinition, env: Environment): Promise<Running> {
  const { service, title, prefix } = definition;
  const { LOG_LEVEL } = readEnvironment({ LOG_LEVEL: oneOf(...logLevels)('info') }, env);
  const log = createLog(service, LOG_LEVEL);
  const config = await readDatabaseConfig(env);
  const endTracing = await startTracing(service, env, log);
  const metrics = new Metrics(service.name);
  let stop: (reason: string) => void = () => undefined;
  const onLoginRefused = () => {
    stop('the database refused the login');
  };
  const database = new Database(config, { application: service.name, log, onLoginRefused });
  metrics.watchPool(database.pool);
  const app = await createServer(service, { log, metrics, title });
  addOperations(app, { service, metrics, env, prefix, check: () => database.ping() });
  const closeParts = definition.build({ app, database, metrics, log, env }) ?? (() => Promise.resolve());
  const running = await run(app, env, [closeParts, () => database.close(), endTracing]);
  stop = running.stop;
  return running;
}
