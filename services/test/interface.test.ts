import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { call } from './support/http.ts';
import { startTestService } from './support/service.ts';
import type { TestService } from './support/service.ts';

const paths = {
  users: ['/api/users', '/api/users/{id}'],
  products: [
    '/api/products',
    '/api/products/reservations/{orderId}',
    '/api/products/{id}',
    '/api/products/{id}/stock',
  ],
  orders: ['/api/orders', '/api/orders/{id}'],
} as const;
const operations = ['/health', '/ready', '/version', '/openapi.json'];

describe.each(Object.keys(paths) as (keyof typeof paths)[])('%s', (schema) => {
  let service: TestService;
  beforeAll(async () => {
    const env = { USERS_URL: 'http://127.0.0.1:9', PRODUCTS_URL: 'http://127.0.0.1:9' };
    service = await startTestService(schema, { env });
  });
  afterAll(() => service.stop());

  test('its OpenAPI document contains every path, also below the routed prefix', async () => {
    const { body } = await call(service.url, '/openapi.json');
    expect(body).toMatchObject({ openapi: '3.1.0', info: { version: '1.1.0' } });
    const everyService = operations.flatMap((path) => [path, `/api/${schema}${path}`]);
    expect(Object.keys(body['paths'] as object).sort()).toEqual(
      [...paths[schema], ...everyService, '/metrics'].sort(),
    );
    expect((await call(service.url, `/api/${schema}/openapi.json`)).body).toEqual(body);
  });

  test('serves its endpoints at the root and below the routed prefix; metrics only at the root, on direct requests', async () => {
    for (const base of ['', `/api/${schema}`]) {
      expect(await call(service.url, `${base}/health`)).toMatchObject({
        status: 200,
        body: { status: 'ok' },
      });
      expect(await call(service.url, `${base}/ready`)).toMatchObject({
        status: 200,
        body: { status: 'ready' },
      });
      expect((await call(service.url, `${base}/version`)).body).toMatchObject({ version: '1.1.0' });
    }
    expect((await fetch(`${service.url}/metrics`)).status).toBe(200);
    const balanced = { headers: { 'x-forwarded-for': '203.0.113.9' } };
    expect((await fetch(`${service.url}/metrics`, balanced)).status).toBe(404);
    expect((await fetch(`${service.url}/api/${schema}/metrics`)).status).not.toBe(200);
  });

  test('returns a problem that names an unknown path', async () => {
    expect(await call(service.url, '/nowhere?x=1')).toMatchObject({
      status: 404,
      body: { title: 'Not found', detail: 'GET /nowhere not found' },
    });
  });

  test('refuses a body that is too large', async () => {
    const answer = await call(service.url, `/api/${schema}`, { body: { text: 'x'.repeat(70_000) } });
    expect(answer.status).toBe(413);
  });
});
