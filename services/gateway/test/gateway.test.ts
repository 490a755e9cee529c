import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { get as httpsGet } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { generate } from 'selfsigned';
import { freePort } from '../../local/free-port.ts';
import { ServiceProcess } from '../../local/service-process.ts';
import { matchRoute, parseRoutes } from '../src/route-table.ts';

describe('routes', () => {
  const routes = parseRoutes('/=http://f:1 /api/users=http://u:1|http://u:2 /api=http://a:1');

  test.each([
    ['/', '/'],
    ['/index.html', '/'],
    ['/api', '/api'],
    ['/api/users', '/api/users'],
    ['/api/users/5', '/api/users'],
    ['/api/usersx', '/api'],
    ['/apix', '/'],
  ])('%s goes to %s', (path, route) => {
    expect(matchRoute(routes, path)?.path).toBe(route);
  });

  test.each([
    ['/a=http://a:1', 'expected a route for /'],
    ['a=http://a:1', 'got "a=http://a:1"'],
    ['/=https://a', 'got "/=https://a"'],
    ['/=http://a:1|b', 'got "/=http://a:1|b"'],
    ['/=http://a:1/path', 'got "/=http://a:1/path"'],
  ])('%s is refused', (text, message) => {
    expect(() => parseRoutes(text)).toThrow(message);
  });
});

describe('a running gateway', () => {
  const servers: Server[] = [];
  let gateway: ServiceProcess | undefined;
  afterEach(async () => {
    await gateway?.stop();
    for (const server of servers.splice(0)) server.close();
  });

  type Handler = (request: IncomingMessage, response: ServerResponse) => void;

  async function target(handler: Handler): Promise<{ url: string; state: { ready: boolean } }> {
    const state = { ready: true };
    const server = createServer((request, response) => {
      if (request.url === '/ready') response.writeHead(state.ready ? 200 : 503).end();
      else handler(request, response);
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, state };
  }

  async function startGateway(ROUTES: string, more: Record<string, string> = {}): Promise<string> {
    const env = { ROUTES, CHECK_INTERVAL_MS: '50', SHUTDOWN_DELAY_MS: '0', ...more };
    gateway = await ServiceProcess.start('gateway', await freePort(), env);
    return gateway.url;
  }

  test('forwards method, path, query, headers and body, and returns the response', async () => {
    const seen: { url?: string | undefined; method?: string | undefined; headers: object; body: string }[] =
      [];
    const { url } = await target((request, response) => {
      const { url: path, method, headers } = request;
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen.push({ url: path, method, headers, body });
        response.writeHead(418, { 'x-answer': 'yes', 'content-type': 'text/plain' }).end('short and stout');
      });
    });
    const base = await startGateway(`/=${url}`);
    const large = 'x'.repeat(1_000_000);
    const response = await fetch(`${base}/a%20b?c=d&c=e`, {
      method: 'PUT',
      body: large,
      headers: { 'x-mine': '1', 'x-forwarded-for': '203.0.113.9' },
    });
    expect([response.status, response.headers.get('x-answer'), await response.text()]).toEqual([
      418,
      'yes',
      'short and stout',
    ]);
    expect(seen[0]).toMatchObject({
      url: '/a%20b?c=d&c=e',
      method: 'PUT',
      headers: {
        'x-mine': '1',
        'x-forwarded-for': '203.0.113.9, 127.0.0.1',
        'x-forwarded-proto': 'http',
        traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
      },
    });
    expect(seen[0]?.body.length).toBe(large.length);
  });

  describe('with a certificate', () => {
    let folder: string;
    let files: Record<'TLS_CERT_FILE' | 'TLS_KEY_FILE', string>;
    let ca: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'services-gateway-'));
      const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
        keySize: 2048,
        extensions: [
          { name: 'basicConstraints', cA: true },
          { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
        ],
      });
      files = { TLS_CERT_FILE: join(folder, 'cert'), TLS_KEY_FILE: join(folder, 'key') };
      ca = cert;
      await writeFile(files.TLS_CERT_FILE, cert);
      await writeFile(files.TLS_KEY_FILE, key);
    });
    afterAll(() => rm(folder, { recursive: true }));

    const ask = (port: number, options: object = {}) =>
      new Promise<string>((resolve, reject) => {
        const request = httpsGet({ host: 'localhost', port, path: '/a', ca, ...options }, (response) => {
          text(response).then(resolve, reject);
        });
        request.on('error', reject);
      });

    test('supports TLS 1.2 and later in addition to HTTP, and forwards the protocol to the services', async () => {
      const { url } = await target((request, response) =>
        response.end(String(request.headers['x-forwarded-proto'])),
      );
      const TLS_PORT = await freePort();
      const base = await startGateway(`/=${url}`, { ...files, TLS_PORT: String(TLS_PORT) });
      expect(await ask(TLS_PORT)).toBe('https');
      expect(await (await fetch(`${base}/a`)).text()).toBe('http');
      await expect(ask(TLS_PORT, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' })).rejects.toThrow();
      await expect(ask(TLS_PORT, { ca: undefined })).rejects.toThrow(/self-signed/);
      expect(await gateway?.stop()).toBe(0);
      await expect(ask(TLS_PORT)).rejects.toThrow(/ECONNREFUSED/);
    });

    test.each([
      [
        'without its key',
        () => ({ TLS_CERT_FILE: files.TLS_CERT_FILE }),
        'TLS_KEY_FILE: is required if TLS_CERT_FILE is set',
      ],
      [
        'without its certificate',
        () => ({ TLS_KEY_FILE: files.TLS_KEY_FILE }),
        'TLS_CERT_FILE: is required if TLS_KEY_FILE is set',
      ],
      ['with a missing file', () => ({ ...files, TLS_CERT_FILE: '/no/such' }), '/no/such'],
      [
        'with an invalid certificate',
        () => ({ ...files, TLS_CERT_FILE: files.TLS_KEY_FILE }),
        'expected a certificate and its key',
      ],
    ])('does not start %s, and reports the reason', async (_name, env, message) => {
      await expect(startGateway('/=http://127.0.0.1:9', env())).rejects.toThrow(message);
    });
  });

  test('balances requests over the ready targets, and uses all targets if none is ready', async () => {
    const named =
      (name: string): Handler =>
      (_request, response) =>
        response.end(name);
    const [a, b] = [await target(named('a')), await target(named('b'))];
    const base = await startGateway(`/=${a.url}|${b.url}`);
    const ask = async () =>
      (await Promise.all(Array.from({ length: 6 }, async () => (await fetch(base)).text()))).sort().join('');
    const until = async (wanted: string) => {
      while ((await ask()) !== wanted) await delay(20);
    };
    await until('aaabbb');
    a.state.ready = false;
    await until('bbbbbb');
    b.state.ready = false;
    await until('aaabbb');
    a.state.ready = true;
    await until('aaaaaa');
  });

  test('returns 502 with the reason if a target is down or closes the connection', async () => {
    const { url } = await target((request) => request.socket.destroy());
    const base = await startGateway(`/gone=http://127.0.0.1:${await freePort()} /=${url}`);
    for (const path of ['/gone', '/']) {
      const response = await fetch(base + path);
      expect(response.status).toBe(502);
      expect(await response.json()).toMatchObject({
        title: 'Bad gateway',
        detail: expect.stringContaining('the service did not respond'),
      });
    }
  });
});
