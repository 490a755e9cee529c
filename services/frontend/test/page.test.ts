import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { freePort } from '../../local/free-port.ts';
import { ServiceProcess } from '../../local/service-process.ts';
import { readPageConfig } from '../src/page-config.ts';
import { renderPage } from '../src/rendered-page.ts';

let frontend: ServiceProcess;
beforeAll(async () => {
  const env = { APP_ENV: 'staging', CURRENCY: 'USD', SHUTDOWN_DELAY_MS: '0', IMAGE_DIGEST: 'sha256:abc' };
  frontend = await ServiceProcess.start('frontend', await freePort(), env);
});
afterAll(() => frontend.stop());

test('the configuration comes from the runtime environment, not from the build', async () => {
  const html = await (await fetch(frontend.url)).text();
  const config: unknown = JSON.parse(/id="config">([^]*?)<\/script>/.exec(html)?.[1] ?? '');
  expect(config).toEqual({ environment: 'staging', api: '', currency: 'USD', refreshSeconds: 5 });
  const built = await readFile(new URL('../dist/page.html', import.meta.url), 'utf8');
  expect(built).not.toMatch(/staging|https?:\/\/(?!www\.w3\.org)/);
});

test('the page is one small compressed file with an ETag', async () => {
  const response = await fetch(frontend.url, { headers: { 'accept-encoding': 'br' } });
  expect(response.headers.get('content-encoding')).toBe('br');
  expect(Number(response.headers.get('content-length'))).toBeLessThan(10_000);
  const tag = response.headers.get('etag') ?? '';
  const again = await fetch(frontend.url, { headers: { 'if-none-match': tag } });
  expect(again.status).toBe(304);
  expect(
    (await fetch(frontend.url, { headers: { 'accept-encoding': 'identity' } })).headers.get(
      'content-encoding',
    ),
  ).toBeNull();
});

test('the content security policy allows only the page’s own script and style', async () => {
  const response = await fetch(frontend.url);
  const [policy, html] = [response.headers.get('content-security-policy') ?? '', await response.text()];
  const hash = (element: RegExp) =>
    `'sha256-${createHash('sha256')
      .update(element.exec(html)?.[1] ?? '')
      .digest('base64')}'`;
  expect(policy).toContain(`script-src ${hash(/<script type="module">([^]*?)<\/script>/)}`);
  expect(policy).toContain(`style-src ${hash(/<style>([^]*?)<\/style>/)}`);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(html.match(/<script/g)).toHaveLength(2);
  expect(html).not.toMatch(/\son\w+=|\sstyle=/);
});

test('the configuration cannot close its script element', async () => {
  const { bodies } = await renderPage(
    '<script id="config"><!-- config --></script>',
    readPageConfig({ APP_ENV: '</script><script>alert(1)' }),
  );
  const html = bodies.at(-1)?.body.toString() ?? '';
  expect(html).not.toContain('</script><script>');
  expect(JSON.parse(/id="config">([^]*?)<\/script>/.exec(html)?.[1] ?? '')).toMatchObject({
    environment: '</script><script>alert(1)',
  });
});

test('serves health, readiness, version and metrics like the other services', async () => {
  const get = async (path: string) => (await fetch(frontend.url + path)).json();
  expect(await get('/health')).toEqual({ status: 'ok' });
  expect(await get('/ready')).toEqual({ status: 'ready' });
  expect(await get('/version')).toMatchObject({
    service: 'frontend',
    environment: 'staging',
    digest: 'sha256:abc',
  });
  expect(await (await fetch(`${frontend.url}/metrics`)).text()).toContain('http_request_duration_seconds');
});
