import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from '../local/free-port.ts';
import { ServiceProcess } from '../local/service-process.ts';
import { freshDatabase, migrateSchema, sql } from './support/database.ts';
import { call } from './support/http.ts';
import { patience } from './support/patience.ts';

let databaseUrl: string;
beforeAll(async () => {
  databaseUrl = await freshDatabase();
  await migrateSchema(databaseUrl, 'products');
});

let service: ServiceProcess | undefined;
afterEach(() => {
  service?.kill('SIGKILL');
});

async function start(env: Record<string, string> = {}): Promise<ServiceProcess> {
  const variables = { DATABASE_URL: databaseUrl, SHUTDOWN_DELAY_MS: '0', ...patience, ...env };
  return (service = await ServiceProcess.start('product-service', await freePort(), variables));
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
async function getKeptAlive(url: string): Promise<IncomingMessage> {
  const [response] = (await once(get(url, { agent }), 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  return response;
}

test('after the signal it is not ready, but responds until load balancers have noticed', async () => {
  const { url, ended, kill } = await started({ SHUTDOWN_DELAY_MS: '5000' });
  const before = await getKeptAlive(`${url}/api/products`);
  expect([before.statusCode, before.headers.connection]).toEqual([200, 'keep-alive']);

  kill('SIGTERM');
  while ((await call(url, '/ready')).status === 200) await delay(10);
  expect((await call(url, '/ready')).body).toEqual({ status: 'not ready', reason: 'shutting down' });
  expect((await call(url, '/health')).status).toBe(200);
  const during = await getKeptAlive(`${url}/api/products`);
  expect([during.statusCode, during.headers.connection]).toEqual([200, 'close']);

  expect(await ended).toBe(0);
  await expect(call(url, '/health')).rejects.toThrow('fetch failed');
});

test('a request in progress completes after the server has stopped listening', async () => {
  const { url, ended, kill } = await started();
  const id = await productId(url);
  const { client, request } = await blockedRequest(url, id);
  kill('SIGTERM');
  while (
    await call(url, '/health').then(
      () => true,
      () => false,
    )
  )
    await delay(10);
  await client.query('COMMIT');
  expect(await request).toMatchObject({ status: 200, body: { stock: 6 } });
  expect(await ended).toBe(0);
  await client.end();
});

test('a hanging request is aborted at the timeout, with a non-zero exit code', async () => {
  const { url, ended, kill, log } = await started({ SHUTDOWN_TIMEOUT_MS: '300' });
  const { client, request } = await blockedRequest(url, await productId(url));
  request.catch(() => undefined);
  kill('SIGTERM');
  expect(await ended).toBe(1);
  expect(log.join('\n')).toContain('shutdown timed out with requests still in progress');
  await expect(request).rejects.toThrow('fetch failed');
  await client.end();
});

test('a refused login ends the process, so that a new task gets the new password', async () => {
  await sql(databaseUrl, 'CREATE ROLE rotated LOGIN; GRANT USAGE ON SCHEMA products TO rotated');
  const url = databaseUrl.replace('postgres@', 'rotated@');
  const { ended, log, url: address } = await started({ DATABASE_URL: url });
  expect((await call(address, '/ready')).status).toBe(200);
  await sql(databaseUrl, 'ALTER ROLE rotated NOLOGIN');
  await sql(databaseUrl, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rotated'");
  // The first request may still get a connection that has just closed; the next one has to log in.
  const asked = async () => {
    await call(address, '/ready').catch(() => undefined);
    return 'still running';
  };
  while ((await Promise.race([ended, asked()])) === 'still running') await delay(20);
  expect(await ended).toBe(0);
  expect(log.join('\n')).toContain('the database refused the login');
});

test('an unavailable trace collector causes a warning, but exit code 0', async () => {
  const collector = `http://127.0.0.1:${await freePort()}`;
  const { url, ended, kill, log } = await started({ OTEL_EXPORTER_OTLP_ENDPOINT: collector });
  await call(url, '/api/products');
  kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(log.join('\n')).toContain('failed to send the last spans');
});

test('a service with an invalid configuration names the variable and does not start', async () => {
  const starting = ServiceProcess.start('product-service', await freePort(), {
    DB_HOST: 'db',
    LOG_LEVEL: 'loud',
  });
  await expect(starting).rejects.toThrow(
    'LOG_LEVEL: expected one of debug, info, warn, error, silent, got \\"loud\\"',
  );
});

async function started(env: Record<string, string> = {}) {
  const process = await start(env);
  const kill = (signal: NodeJS.Signals) => {
    process.kill(signal);
  };
  return { url: process.url, ended: process.ended, log: process.log, kill };
}

let number = 0;
async function productId(url: string): Promise<string> {
  number += 1;
  const body = { sku: `STOP-${number}`, name: 'Mug', priceCents: 1, stock: 5 };
  return String((await call(url, '/api/products', { body })).body['id']);
}

/** A request that waits for a row that this test has locked. */
async function blockedRequest(url: string, id: string) {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  await client.query('BEGIN');
  await client.query('SELECT FROM products.products WHERE id = $1 FOR UPDATE', [id]);
  const request = call(url, `/api/products/${id}/stock`, { body: { change: 1 } });
  const waiting =
    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
  while ((await sql(databaseUrl, waiting)).length === 0) await delay(10);
  return { client, request };
}
