import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildServices } from '../local/build.ts';
import { freePort } from '../local/free-port.ts';
import { Postgres } from '../local/postgres.ts';
import { migrateAll, startPlatform } from '../local/platform.ts';
import { ServiceProcess } from '../local/service-process.ts';
import { measureLoad } from './load.ts';
import type { Measurement } from './load.ts';
import { createShop } from './shop.ts';

/** `npm run bench`: start times, and request times under a steady load, on the loopback interface. */
const STARTS = 7;
const say = (text: string) => process.stdout.write(`${text}\n`);

await buildServices();
const dataFolder = await mkdtemp(join(tmpdir(), 'services-bench-'));
const postgres = await Postgres.start({ dataFolder });
try {
  const databaseUrl = await postgres.ensureDatabase('bench');
  await migrateAll(databaseUrl);
  say(
    `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, PostgreSQL on the same machine\n`,
  );

  say('| From start to the first response | median | longest |\n| --- | ---: | ---: |');
  for (const service of ['user-service', 'product-service', 'order-service', 'frontend'] as const) {
    const times: number[] = [];
    for (let index = 0; index < STARTS; index += 1) times.push(await startTime(service, databaseUrl));
    times.sort((a, b) => a - b);
    say(`| ${service} | ${ms(times[STARTS >> 1])} | ${ms(times.at(-1))} |`);
  }

  const env = { SHUTDOWN_DELAY_MS: '0', LOG_LEVEL: 'error' };
  const platform = await startPlatform({ databaseUrl, env });
  try {
    const shop = await createShop(platform.url);
    say('\n| Load | requests/s | p50 | p95 | p99 | errors |\n| --- | ---: | ---: | ---: | ---: | ---: |');
    const url = (service: 'user-service' | 'product-service' | 'order-service') =>
      platform.processes(service)[0]?.url ?? '';
    const get = (address: string) => () => fetch(address);
    await report(
      '`GET /api/users/:id`, the service itself',
      get(`${url('user-service')}/api/users/${shop.userId}`),
    );
    await report(
      '`GET /api/products?limit=20`, the service itself',
      get(`${url('product-service')}/api/products?limit=20`),
    );
    await report(
      '`GET /api/products?limit=20`, through the gateway',
      get(`${platform.url}/api/products?limit=20`),
    );
    await report('`POST /api/orders`, three services and five transactions', () =>
      shop.order(url('order-service')),
    );
    await report('`GET /`, the page', get(`${platform.processes('frontend')[0]?.url ?? ''}/`));
  } finally {
    await platform.stop();
  }
} finally {
  await postgres.stop('immediate');
  await rm(dataFolder, { recursive: true, force: true });
}

async function startTime(
  service: 'user-service' | 'product-service' | 'order-service' | 'frontend',
  url: string,
) {
  const port = await freePort();
  const started = performance.now();
  const process = await ServiceProcess.start(service, port, { DATABASE_URL: url, SHUTDOWN_DELAY_MS: '0' });
  const elapsed = performance.now() - started;
  await process.stop();
  return elapsed;
}

async function report(name: string, send: () => Promise<Response>): Promise<void> {
  const { perSecond, p50, p95, p99, errors }: Measurement = await measureLoad(send);
  say(`| ${name} | ${Math.round(perSecond)} | ${ms(p50)} | ${ms(p95)} | ${ms(p99)} | ${errors} |`);
}

function ms(milliseconds: number | undefined): string {
  return `${(milliseconds ?? Number.NaN).toFixed(milliseconds !== undefined && milliseconds < 10 ? 1 : 0)} ms`;
}
