import { createServer, type Server } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { findPages } from '../../site/pages.ts';
import { accessibilityViolations, launchBrowser, VIEWS } from '../support/browser.ts';

/** The built site: run `npm ci --prefix site && npm run site` first. */
const root = resolve(import.meta.dirname, '../..');
const dist = join(root, 'site/dist');
const TYPES: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

let server: Server;
let browser: Browser;
let origin: string;
beforeAll(async () => {
  if (!existsSync(join(dist, 'index.html')))
    throw new Error('The site is not built. Fix: npm ci --prefix site && npm run site');
  server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').split(/[?#]/)[0] ?? '').replace(/^\/platform\//, '');
    const file = [path, `${path}.html`, join(path, 'index.html')]
      .map((name) => join(dist, name))
      .find((name) => extname(name) !== '' && existsSync(name));
    if (file === undefined) response.writeHead(404).end();
    else response.setHeader('content-type', TYPES[extname(file)] ?? 'font/woff2').end(readFileSync(file));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/platform`;
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  server.close();
});

const PAGES = [
  '',
  'start/one-action',
  'guides/promotion',
  'reference/actions/update-service',
  'errors/access-denied',
];
const views = Object.keys(VIEWS) as (keyof typeof VIEWS)[];

async function open(
  view: keyof typeof VIEWS,
  path: string,
  work: (page: Page) => Promise<void>,
): Promise<void> {
  const page = await browser.newPage(VIEWS[view]);
  const broken: string[] = [];
  page.on('pageerror', ({ message }) => broken.push(message));
  page.on('response', (response) => response.status() >= 400 && broken.push(response.url()));
  try {
    await page.goto(`${origin}/${path}`, { waitUntil: 'networkidle' });
    // A figure whose diagram has not been drawn yet cannot be checked.
    await page.waitForFunction('!document.querySelector("figure.diagram:not(:has(svg))")');
    await work(page);
    expect(broken).toEqual([]);
  } finally {
    await page.close();
  }
}

test.each(views.flatMap((view) => PAGES.map((path) => [view, path] as const)))(
  '%s: axe finds no violation on /%s',
  (view, path) =>
    open(view, path, async (page) => {
      if (process.env['SITE_PICTURES'] !== undefined)
        await page.screenshot({
          path: `${process.env['SITE_PICTURES']}/${view}-${path.replaceAll('/', '_')}.png`,
        });
      expect(await accessibilityViolations(page)).toEqual([]);
    }),
);

test.each(PAGES)('phone: /%s does not scroll horizontally', (path) =>
  open('phone', path, async (page) => {
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(
      VIEWS.phone.viewport.width,
    );
  }),
);

test('has every page of the repository with its title', () => {
  const pages = findPages(root);
  const missing = pages.filter(({ path }) => !existsSync(join(dist, `${path}.html`)));
  process.stdout.write(`${pages.length} pages of the site\n`);
  expect(missing).toEqual([]);
});

test('the search finds a heading', () =>
  open('desktop', '', async (page) => {
    await page.keyboard.press('Control+k');
    await page.locator('.search-input').fill('soak');
    await page.locator('.result').first().waitFor();
    expect(await page.locator('.result').first().textContent()).toMatch(/soak/i);
  }));
