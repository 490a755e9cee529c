import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { AddressInfo } from 'node:net';
import { createService } from '../src/service.ts';

const service = createService({ name: 'example', version: '1.0.0' });
let address = '';
before(async () => {
  service.server.listen(0, '127.0.0.1');
  await once(service.server, 'listening');
  address = `http://127.0.0.1:${(service.server.address() as AddressInfo).port}`;
});
after(() => {
  service.server.close();
  service.server.closeAllConnections();
});

const get = async (path: string): Promise<[status: number, body: unknown]> => {
  const response = await fetch(address + path);
  return [response.status, await response.json()];
};

test('responds to the health check of the load balancer', async () => {
  assert.deepEqual(await get('/health'), [200, { status: 'ok' }]);
});

test('responds below the path that the load balancer routes to it', async () => {
  assert.deepEqual(await get('/api/example'), [200, { message: 'Hello from example' }]);
  assert.deepEqual(await get('/api/example/version'), [200, { service: 'example', version: '1.0.0' }]);
});

test('returns a problem for an unknown path', async () => {
  assert.deepEqual(await get('/api/example/none'), [404, { title: 'Not Found', status: 404 }]);
});

test('is healthy but not ready while it shuts down', async () => {
  assert.deepEqual(await get('/ready'), [200, { ready: true }]);
  service.drain();
  assert.deepEqual(await get('/ready'), [503, { ready: false }]);
  assert.deepEqual(await get('/health'), [200, { status: 'ok' }]);
});
