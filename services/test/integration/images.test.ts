import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { freshDatabase, sql } from '../support/database.ts';
import { call } from '../support/http.ts';
import { bases } from './support/base-images.ts';
import { Container, runTask } from './support/container.ts';
import { docker } from './support/docker.ts';
import { images } from './support/images.ts';
import type { Service } from './support/images.ts';
import { launchBrowser } from './support/page.ts';

const services = Object.keys(images) as Service[];
const withDatabase = ['user-service', 'product-service', 'order-service'] as const;

/** The metadata endpoint of ECS containers. */
let metadata: Server;
const digests: Record<Service, string> = Object.fromEntries(
  services.map((service, index) => [service, `sha256:${String(index + 1).repeat(64)}`]),
) as never;

let database: Record<string, string>;
const running = new Map<Service, Container>();

const metadataOf = (service: Service) => ({
  ECS_CONTAINER_METADATA_URI_V4: `http://127.0.0.1:${(metadata.address() as AddressInfo).port}/${service}`,
});

async function start(service: Service, env: Record<string, string>, port?: number): Promise<Container> {
  const container = await Container.start(service, { APP_ENV: 'dev', ...metadataOf(service), ...env }, port);
  running.set(service, container);
  return container;
}

beforeAll(async () => {
  metadata = createServer((request, response) => {
    const service = (request.url ?? '').slice(1) as Service;
    response.end(JSON.stringify({ Image: `registry.example.org/${service}@${digests[service]}` }));
  }).listen(0, '127.0.0.1');
  await once(metadata, 'listening');
  database = { DATABASE_URL: await freshDatabase() };
  for (const service of withDatabase) await runTask(service, ['node', 'dist/migrate.js'], database);
  await runTask('product-service', ['node', 'dist/seed.js'], database);
  const token = { SERVICE_TOKEN: 'between-services' };
  const users = await start('user-service', database);
  const products = await start('product-service', { ...database, ...token });
  const links = { USERS_URL: users.url, PRODUCTS_URL: products.url };
  const orders = await start('order-service', { ...database, ...token, ...links });
  const frontend = await start('frontend', { REFRESH_SECONDS: '1' });
  await start('gateway', {
    ROUTES: `/api/users=${users.url} /api/products=${products.url} /api/orders=${orders.url} /=${frontend.url}`,
  });
}, 300_000);

afterAll(async () => {
  for (const container of running.values()) await docker('rm', '--force', container.id);
  metadata.close();
}, 60_000);

const gatewayUrl = () => running.get('gateway')!.url;

describe.each(services)('the image of %s', (service) => {
  test('contains Node.js and a bundle of a few megabytes', async () => {
    const size = async (image: string) =>
      Number(await docker('image', 'inspect', '--format', '{{.Size}}', image));
    const own = (await size(images[service])) - (await size(bases.runtime));
    const node = Number(
      await running
        .get(service)!
        .evaluate("process.stdout.write(String(fs.statSync('/usr/local/bin/node').size))"),
    );
    expect(own - node).toBeLessThan(7_000_000);
  });

  test('contains no secret, and has a user and a health check', async () => {
    const format = '{{json .Config}}';
    const config = JSON.parse(await docker('image', 'inspect', '--format', format, images[service])) as {
      Env: string[];
      User: string;
      ExposedPorts: object;
      Healthcheck: { Test: string[] };
    };
    expect(config.Env.map((entry) => entry.split('=')[0]).sort()).toEqual(['NODE_ENV', 'PATH', 'PORT']);
    expect(config.User).toBe('1000:1000');
    expect(Object.keys(config.ExposedPorts)).toEqual(['3000/tcp']);
    expect(config.Healthcheck.Test.slice(0, 3)).toEqual(['CMD', 'node', '-e']);
  });

  test('runs as an unprivileged user without write access', async () => {
    const script = `
      const tries = ['/app/x', '/tmp/x', '/x'].map((file) => {
        try { fs.writeFileSync(file, ''); return 'written'; } catch (error) { return error.code; }
      });
      process.stdout.write(JSON.stringify({ user: process.getuid(), tries }))`;
    expect(JSON.parse(await running.get(service)!.evaluate(script))).toEqual({
      user: 1000,
      tries: ['EROFS', 'EROFS', 'EROFS'],
    });
  });

  test('responds through the gateway', async () => {
    const paths: Record<Service, string> = {
      'user-service': '/api/users/ready',
      'product-service': '/api/products/ready',
      'order-service': '/api/orders/ready',
      frontend: '/ready',
      gateway: '/gateway/health',
    };
    expect((await call(gatewayUrl(), paths[service])).status).toBe(200);
  });
});

describe('the page', () => {
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1200, height: 900 }, colorScheme: 'light' });
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(gatewayUrl());
  }, 60_000);
  afterAll(() => browser.close());

  const release = (service: Service) => page.locator('.release', { hasText: service });

  test('shows the release of each service: version and digest', async () => {
    for (const service of services.filter((name) => name !== 'gateway')) {
      const card = release(service);
      await card.getByText(digests[service].slice(0, 19)).waitFor();
      const { body } = await call(running.get(service)!.url, '/version');
      expect(await card.locator('.version').textContent()).toBe(body['version']);
      expect(await card.locator('code').getAttribute('title')).toBe(digests[service]);
    }
    expect(await page.locator('#environment').textContent()).toBe('dev');
  });

  test('orders the content of the basket, and shows the remaining stock', async () => {
    const mug = page.locator('.product', { hasText: 'Enamel mug' });
    const key = page.locator('.product', { hasText: 'Key ring' });
    await mug.getByRole('button').click();
    await mug.getByRole('button').click();
    await key.getByRole('button').click();
    expect(await page.locator('#total').textContent()).toBe('€38.50');
    await page.getByRole('textbox', { name: 'Name' }).fill('Ann');
    await page.getByRole('textbox', { name: 'Email' }).fill('ann@example.org');
    await page.getByRole('button', { name: 'Place order' }).click();
    await page.locator('#answer.good').waitFor();
    await page.getByText('2 × Enamel mug, 1 × Key ring').waitFor();
    expect(await mug.locator('.stock').textContent()).toBe('38 left');
    expect(await key.locator('.stock').textContent()).toBe('2 left');
    const orders = await sql(database['DATABASE_URL']!, 'SELECT status, total_cents FROM orders.orders');
    expect(orders).toEqual([{ status: 'confirmed', total_cents: 3850 }]);
  });

  test('shows why an order cannot be placed', async () => {
    const map = page.locator('.product', { hasText: 'City map' });
    await map.getByRole('button').click();
    await sql(database['DATABASE_URL']!, "UPDATE products.products SET stock = 0 WHERE sku = 'MAP-01'");
    await page.getByRole('button', { name: 'Place order' }).click();
    await page.getByText('The order was not placed: not enough stock of City map.').waitFor();
    await page.getByRole('button', { name: 'Remove City map' }).click();
  });

  test('shows a promotion: a new image at the same address', async () => {
    const old = running.get('user-service')!;
    digests['user-service'] = `sha256:${'f'.repeat(64)}`;
    expect(await old.stop()).toBe(0);
    await release('user-service').getByText('not responding').waitFor();
    await start('user-service', database, Number(new URL(old.url).port));
    await release('user-service')
      .getByText(`sha256:${'f'.repeat(12)}`)
      .waitFor();
    await page.getByText(`user-service is now running 1.1.0, sha256:${'f'.repeat(12)}`).waitFor();
    expect(await release('user-service').getAttribute('class')).toContain('changed');
    await mkdir(new URL('../../.local/', import.meta.url), { recursive: true });
    await page.screenshot({
      path: fileURLToPath(new URL('../../.local/page.png', import.meta.url)),
      fullPage: true,
    });
  }, 60_000);

  test('fits a phone, supports dark mode, and causes no browser errors except the refused order', async () => {
    const phone = await browser.newPage({ viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
    await phone.goto(gatewayUrl());
    await phone.locator('.product').first().waitFor();
    const width = await phone.evaluate('document.documentElement.scrollWidth');
    expect(width).toBe(390);
    await phone.screenshot({
      path: fileURLToPath(new URL('../../.local/phone.png', import.meta.url)),
      fullPage: true,
    });
    const unexpected = complaints.filter((text) => !/status of (409|502|503)/.test(text));
    expect(unexpected).toEqual([]);
  });
});

test('docker stop: each service exits with code 0', async () => {
  for (const [service, container] of [...running].reverse()) {
    expect([service, await container.stop()]).toEqual([service, 0]);
    running.delete(service);
  }
}, 120_000);
