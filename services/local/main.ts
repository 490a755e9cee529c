import { fileURLToPath } from 'node:url';
import { buildServices } from './build.ts';
import { Postgres } from './postgres.ts';
import { migrateAll, startPlatform } from './platform.ts';
import { readableLine } from './readable-line.ts';
import { runToEnd } from './service-process.ts';

/** `npm run services`: all services behind one address, with a database, on a machine that has only Node. */
const PORT = Number(process.env['PORT'] ?? 8080);
const say = (text: string) => process.stdout.write(`${text}\n`);

/** npm, tsx and the terminal each pass Ctrl+C on: the first one counts, the others must not cut the stopping short. */
const interrupted = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, resolve);
});

say('Building the services');
await buildServices();
const postgres = await Postgres.start({
  dataFolder: fileURLToPath(new URL('../.local/postgres/', import.meta.url)),
});
try {
  const databaseUrl = await postgres.ensureDatabase('services');
  await migrateAll(databaseUrl);
  await runToEnd('product-service', 'dist/seed.js', [], { DATABASE_URL: databaseUrl });
  const platform = await startPlatform({
    databaseUrl,
    port: PORT,
    env: { SHUTDOWN_DELAY_MS: '0' },
    onLine: (service, line) => say(readableLine(service, line)),
  });
  say(`\nOpen ${platform.url}\nThe database is ${databaseUrl}\nCtrl+C stops everything\n`);
  await interrupted;
  say('\nStopping');
  await platform.stop();
} finally {
  await postgres.stop();
}
