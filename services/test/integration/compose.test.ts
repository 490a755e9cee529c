import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../local/free-port.ts';
import { call } from '../support/http.ts';
import { stockShop } from '../support/shop.ts';
import { bases } from './support/base-images.ts';
import { run } from './support/docker.ts';
import { images } from './support/images.ts';

/** Compose as a plugin, or as a program of its own; version 2 knows `develop.watch`. */
const tool = [['docker', 'compose'], ['docker-compose'], [process.env['COMPOSE'] ?? 'docker-compose']].find(
  ([program = '', ...rest]) => {
    const { status, stdout } = spawnSync(program, [...rest, 'version', '--short'], { encoding: 'utf8' });
    return status === 0 && stdout.trim().startsWith('2.');
  },
);

const file = fileURLToPath(new URL('../../compose.yml', import.meta.url));
const secrets = { POSTGRES_PASSWORD: 'p@ss/w:rd', SERVICE_TOKEN: 'between-services' };
let folder: string;
let override: string;
let url: string;

const compose = (...parameters: string[]) => {
  if (tool === undefined) throw new Error('there is no Docker Compose 2: install it, or name it in COMPOSE');
  const [program = '', ...rest] = tool;
  const project = ['--project-name', 'services-test', '--file', file, '--file', override];
  return run(program, [...rest, ...project, ...parameters], secrets);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'services-compose-'));
  override = join(folder, 'override.yml');
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  // Local bases in place of the registry's, free ports, and the host's network for the builds.
  const args = { NODE_IMAGE: bases.node, RUNTIME_IMAGE: bases.runtime };
  const build = { build: { args, network: 'host' } };
  const jobs = ['user-service', 'product-service', 'order-service'].map((name) => `${name}-migration`);
  const services = Object.fromEntries(
    [...Object.keys(images), ...jobs, 'product-service-seed'].map((name) => [name, build]),
  );
  const text = `services: ${JSON.stringify(services, null, 2)}\n`
    .replace('"gateway": {', `"gateway": { "ports": !override ["127.0.0.1:${port}:3000"],`)
    .replace(
      'services: {',
      `services: { "postgres": { "image": "${bases.postgres}", "ports": !override [] },`,
    );
  await writeFile(override, text);
});

afterAll(async () => {
  await compose('down', '--volumes', '--timeout', '15');
  await rm(folder, { recursive: true });
}, 120_000);

test('the file is valid, with monitoring and without, and asks for the secrets that it needs', async () => {
  await compose('config', '--quiet');
  await compose('--profile', 'monitoring', 'config', '--quiet');
  const [program = '', ...rest] = tool ?? [];
  const without = run(program, [...rest, '--file', file, '--env-file', '/dev/null', 'config', '--quiet']);
  await expect(without).rejects.toThrow('copy .env.example to .env and give it a value');
});

test('up: everything is healthy behind one address, and an order goes through', async () => {
  await compose('up', '--build', '--wait', '--wait-timeout', '240');
  for (const path of ['/api/users/ready', '/api/products/ready', '/api/orders/ready', '/ready']) {
    expect(await call(url, path)).toMatchObject({ status: 200, body: { status: 'ready' } });
  }
  const { userId, productId } = await stockShop(url, 5);
  const order = await call(url, '/api/orders', { body: { userId, lines: [{ productId, quantity: 2 }] } });
  expect(order).toMatchObject({ status: 201, body: { status: 'confirmed', totalCents: 2500 } });
  const { items } = (await call(url, '/api/products?limit=100')).body as { items: unknown[] };
  expect(items).toHaveLength(7);
}, 600_000);

test('reservations are for services: without their token they are refused through the gateway', async () => {
  const path = `/api/products/reservations/${crypto.randomUUID()}`;
  expect((await call(url, path, { method: 'DELETE' })).status).toBe(401);
});
