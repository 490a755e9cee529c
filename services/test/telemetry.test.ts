import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { migrateAll, startPlatform } from '../local/platform.ts';
import type { Platform } from '../local/platform.ts';
import { freshDatabase } from './support/database.ts';
import { call } from './support/http.ts';
import { patience } from './support/patience.ts';
import { stockShop } from './support/shop.ts';

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  service: string;
}

let collector: Server;
let platform: Platform;
const spans: Span[] = [];

beforeAll(async () => {
  collector = createServer((request, response) => {
    void text(request).then((body) => {
      spans.push(...readSpans(body));
      response.end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const databaseUrl = await freshDatabase();
  await migrateAll(databaseUrl);
  const env = {
    SHUTDOWN_DELAY_MS: '0',
    ...patience,
    OTEL_EXPORTER_OTLP_TIMEOUT: '60000',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
  };
  platform = await startPlatform({ databaseUrl, env });
});

afterAll(async () => {
  await platform.stop();
  collector.close();
});

function readSpans(body: string): Span[] {
  const { resourceSpans } = JSON.parse(body) as {
    resourceSpans: {
      resource: { attributes: { key: string; value: { stringValue?: string } }[] };
      scopeSpans: { spans: Omit<Span, 'service'>[] }[];
    }[];
  };
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
    return scopeSpans.flatMap((scope) => scope.spans.map((span) => ({ ...span, service })));
  });
}

/** The value of the sample with this name and these labels, in any order. */
function sample(metrics: string, name: string, labels: string[]): number | undefined {
  const line = metrics
    .split('\n')
    .find(
      (candidate) => candidate.startsWith(`${name}{`) && labels.every((label) => candidate.includes(label)),
    );
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

const answered = (metrics: string) =>
  sample(metrics, 'http_request_duration_seconds_count', [
    'method="POST"',
    'route="/api/orders"',
    'status="201"',
  ]);

/** The order is counted after its response has been sent, so possibly a moment later. */
async function metricsAfterTheAnswer(): Promise<string> {
  const { url } = platform.processes('order-service')[0]!;
  for (;;) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    if (answered(metrics) !== undefined) return metrics;
    await delay(20);
  }
}

const traceId = 'f'.repeat(31) + '1';

test('one order has one trace id in the spans and logs of all services', async () => {
  const { userId, productId } = await stockShop(platform.url, 5);
  const body = { userId, lines: [{ productId, quantity: 1 }] };
  const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
  expect((await call(platform.url, '/api/orders', { body, headers })).status).toBe(201);
  const metrics = await metricsAfterTheAnswer();
  expect(await platform.stop()).toEqual([0, 0, 0, 0, 0]);

  const ofTrace = spans.filter((span) => span.traceId === traceId);
  const names = new Set(ofTrace.map(({ service, name }) => `${service}: ${name}`));
  for (const name of [
    'gateway: POST /*',
    'order-service: POST /api/orders',
    'order-service: INSERT',
    'order-service: GET user-service',
    'user-service: GET /api/users/:id',
    'user-service: SELECT',
    'order-service: PUT product-service',
    'product-service: PUT /api/products/reservations/:orderId',
    'product-service: UPDATE',
  ]) {
    expect(names).toContain(name);
  }
  const ids = new Set(ofTrace.map(({ spanId }) => spanId));
  const roots = ofTrace.filter(({ parentSpanId }) => !ids.has(parentSpanId ?? ''));
  expect(roots.map(({ service }) => service)).toEqual(['gateway']);

  for (const service of ['order-service', 'product-service'] as const) {
    const lines = platform
      .processes(service)[0]!
      .log.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(
      expect.objectContaining({
        service,
        level: 'info',
        message: 'answered',
        trace_id: traceId,
        time: expect.any(String),
      }),
    );
  }
  expect(answered(metrics)).toBe(1);
  expect(sample(metrics, 'db_pool_connections', ['state="idle"'])).toBeGreaterThan(0);
});

describe('personal data is not logged', () => {
  test('no email address, no name, no token', () => {
    const log = platform.processes('user-service')[0]!.log.join('\n');
    expect(log).toContain('answered');
    expect(log).not.toMatch(/example\.org|Ann/);
  });
});
