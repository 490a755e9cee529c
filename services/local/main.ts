import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { buildServices } from './build.ts';
import { Postgres } from './postgres.ts';
import { postgresVersion, unprivilegedUser } from './postgres-binaries.ts';
import { migrateAll, type Platform, startPlatform } from './platform.ts';
import { readableLine } from './readable-line.ts';
import { runToEnd } from './service-process.ts';

/** `npm run services`: all services behind one address, with a database, on a machine that has only Node.js. */
const PORT = Number(process.env['PORT'] ?? 8080);
const say = (text: string) => process.stdout.write(`${text}\n`);

/**
 * Aborted by the first SIGINT or SIGTERM. npm and the terminal both forward Ctrl+C, so later signals must not
 * interrupt the shutdown.
 */
const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interruption.abort();
  });
}
const interrupted = once(interruption.signal, 'abort');
const isInterrupted = (): boolean => interruption.signal.aborted;

async function start(postgres: Postgres): Promise<Platform | undefined> {
  const databaseUrl = await postgres.ensureDatabase('services');
  await migrateAll(databaseUrl);
  await runToEnd('product-service', 'dist/seed.js', [], { DATABASE_URL: databaseUrl });
  if (isInterrupted()) return undefined;
  const platform = await startPlatform({
    databaseUrl,
    port: PORT,
    env: { SHUTDOWN_DELAY_MS: '0' },
    onLine: (service, line) => say(readableLine(service, line)),
  });
  say(`\nOpen ${platform.url}\nDatabase: ${databaseUrl}\nPress Ctrl+C to stop everything\n`);
  return platform;
}

const user = unprivilegedUser();
if (user !== undefined) say(`PostgreSQL refuses to run as root, so it runs as ${user.name}.`);
say('Building the services');
await buildServices();
if (!isInterrupted()) {
  const postgres = await Postgres.start({
    dataFolder: fileURLToPath(new URL(`../.local/postgres-${postgresVersion()}/`, import.meta.url)),
  });
  try {
    const platform = isInterrupted() ? undefined : await start(postgres);
    if (platform !== undefined) {
      await interrupted;
      say('\nStopping');
      await platform.stop();
    }
  } finally {
    await postgres.stop();
  }
}
