import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../local/free-port.ts';
import { call } from '../support/http.ts';
import { stockShop } from '../support/shop.ts';
import { compose, onThisMachine, readComposeFile } from './support/compose.ts';
import { docker } from './support/docker.ts';
import { images } from './support/images.ts';

const PROJECT = 'production-test';
const PASSWORD = 'p@ss/w:rd-of-the-database';
const TOKEN = 'token-between-services';

let folder: string;
let file: string;
let url: string;
let registry: ChildProcess;
let address: string;
const release: Record<string, string> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'services-production-'));
  const [port, registryPort] = [await freePort(), await freePort()];
  url = `http://127.0.0.1:${port}`;
  address = `127.0.0.1:${registryPort}`;
  const config = join(folder, 'registry.yml');
  const storage = { filesystem: { rootdirectory: join(folder, 'registry') } };
  await writeFile(config, JSON.stringify({ version: '0.1', storage, http: { addr: address } }));
  registry = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  while (!(await fetch(`http://${address}/v2/`).catch(() => undefined))?.ok) await delay(50);

  release['REGISTRY'] = `${address}/platform`;
  for (const [service, image] of Object.entries(images))
    release[variableOf(service)] = await push(service, image);
  release['SECRETS'] = join(folder, 'secrets');
  await mkdir(release['SECRETS'], { mode: 0o700 });
  for (const [name, text] of [
    ['database-password', PASSWORD],
    ['service-token', TOKEN],
  ] as const)
    await writeFile(join(release['SECRETS'], name), `${text}\n`, { mode: 0o444 });
  file = join(folder, 'compose.json');
  const whole = readComposeFile('compose.production.yml');
  await writeFile(file, JSON.stringify(onThisMachine(whole, port)));
  await writeFile(join(folder, 'whole.json'), JSON.stringify(whole));
});

afterAll(async () => {
  await run('down', '--volumes', '--timeout', '15');
  registry.kill();
  await once(registry, 'exit');
  await rm(folder, { recursive: true });
});

const variableOf = (service: string) => `${service.replaceAll('-', '_').toUpperCase()}_DIGEST`;
const run = (...parameters: string[]) => compose(file, parameters, release, PROJECT);

/** @returns its digest in the registry. */
async function push(service: string, image: string): Promise<string> {
  const name = `${address}/platform/${service}`;
  await docker('tag', image, name);
  await docker('push', name);
  const digests = JSON.parse(await docker('inspect', '--format', '{{json .RepoDigests}}', name)) as string[];
  const digest = digests.find((text) => text.startsWith(name))?.split('@')[1];
  if (digest === undefined) throw new Error(`${name} has no digest`);
  return digest;
}

async function up(): Promise<void> {
  await run('up', '--detach', '--no-build');
  for (const path of ['/api/users/ready', '/api/products/ready', '/api/orders/ready', '/ready']) {
    while ((await fetch(url + path).catch(() => undefined))?.status !== 200) await delay(250);
  }
}

const containerOf = (service: string) =>
  docker(
    ...['ps', '--quiet', '--filter', `label=com.docker.compose.project=${PROJECT}`],
    ...['--filter', `label=com.docker.compose.service=${service}`],
  );

test('a release with a tag, or without a digest or registry, is refused before anything is started', async () => {
  const whole = join(folder, 'whole.json');
  await compose(whole, ['config', '--quiet'], release, PROJECT);
  for (const variable of ['REGISTRY', ...Object.keys(images).map(variableOf)]) {
    const without = compose(whole, ['config', '--quiet'], { ...release, [variable]: '' }, PROJECT);
    await expect(without).rejects.toThrow('of the release');
  }
  // Docker and Compose 2 refuse a tag instead of the digest. Compose 1 would accept it.
  const byTag = docker('pull', `${address}/platform/frontend@latest`);
  await expect(byTag).rejects.toThrow('invalid reference format');
});

test('up: an order succeeds, and no environment contains a secret', async () => {
  await up();
  const { userId, productId } = await stockShop(url, 5);
  const order = await call(url, '/api/orders', { body: { userId, lines: [{ productId, quantity: 2 }] } });
  expect(order).toMatchObject({ status: 201, body: { status: 'confirmed' } });
  const label = `label=com.docker.compose.project=${PROJECT}`;
  const ids = (await docker('ps', '--all', '--quiet', '--filter', label)).split('\n');
  const described = await docker('inspect', ...ids);
  expect(described).toContain('/run/secrets/database-password');
  expect(described).not.toContain(PASSWORD);
  expect(described).not.toContain(TOKEN);
}, 600_000);

test('update: a new digest replaces only that service; rollback: the earlier digest runs again', async () => {
  const { productId } = await stockShop(url, 7);
  const before = { products: await containerOf('product-service'), users: await containerOf('user-service') };
  const earlier = { ...release };
  const changed = join(folder, 'Dockerfile');
  await writeFile(changed, `FROM ${images['product-service']}\nLABEL release=next\n`);
  await docker('build', '--tag', 'services/product-service-next', '--file', changed, folder);
  release['PRODUCT_SERVICE_DIGEST'] = await push('product-service', 'services/product-service-next');
  await up();
  const after = { products: await containerOf('product-service'), users: await containerOf('user-service') };
  expect(after.products).not.toBe(before.products);
  expect(after.users).toBe(before.users);
  const labelOf = (id: string) => docker('inspect', '--format', '{{index .Config.Labels "release"}}', id);
  expect(await labelOf(after.products)).toBe('next');

  Object.assign(release, earlier);
  await up();
  expect(await labelOf(await containerOf('product-service'))).not.toBe('next');
  expect((await call(url, `/api/products/${productId}`)).body).toMatchObject({ stock: 7 });
}, 600_000);
