import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { accessibilityViolations, launchBrowser, VIEWS } from '../support/browser.ts';

let folder: string;
let browser: Browser;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'demo-page-'));
  await promisify(execFile)('npm', ['run', 'demo', '--', '--out', folder]);
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

async function openPage(view: keyof typeof VIEWS, work: (page: Page) => Promise<void>): Promise<void> {
  const page = await browser.newPage(VIEWS[view]);
  try {
    await page.goto(pathToFileURL(join(folder, 'index.html')).href);
    await work(page);
  } finally {
    await page.close();
  }
}

/** Opens every step and log, because hidden elements are not checked. */
async function openAll(page: Page): Promise<void> {
  await page.evaluate('document.querySelectorAll("details").forEach((details) => { details.open = true; })');
}

test.each(Object.keys(VIEWS) as (keyof typeof VIEWS)[])('%s: axe finds no violation', (view) =>
  openPage(view, async (page) => {
    await openAll(page);
    expect(await accessibilityViolations(page)).toEqual([]);
  }),
);

test.each(Object.keys(VIEWS) as (keyof typeof VIEWS)[])('%s: nothing scrolls horizontally', (view) =>
  openPage(view, async (page) => {
    await openAll(page);
    const wide = await page.evaluate(
      `[...document.querySelectorAll('*')]
        .filter((element) => element.getBoundingClientRect().right > innerWidth)
        .map((element) => element.outerHTML.slice(0, 200))`,
    );
    expect(wide).toEqual([]);
    // Text may overflow its element.
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
  }),
);

test.each(Object.keys(VIEWS) as (keyof typeof VIEWS)[])(
  '%s: the first screen shows the failed promotion and the rollback',
  (view) =>
    openPage(view, async (page) => {
      const { height } = VIEWS[view].viewport;
      for (const text of ['failed, rolled back', 'rolled back to release 1']) {
        const box = await page.getByRole('link', { name: text }).boundingBox();
        expect(box && box.y + box.height).toBeLessThanOrEqual(height);
      }
    }),
);

test.each(['desktop', 'phone'] as const)('%s: each step shows its reason and its commit', (view) =>
  openPage(view, async (page) => {
    const rows = page.locator('.steps tbody tr:not(.chapter)');
    const count = await rows.count();
    expect(count).toBeGreaterThan(25);
    for (const row of await rows.all()) {
      const reason = row.locator('[data-label=Reason]');
      expect(await reason.isVisible()).toBe(true);
      expect(await reason.innerText()).not.toBe('');
    }
    const commits = await page.locator('.steps [data-label=Commit]').allInnerTexts();
    expect(new Set(commits.map((text) => text.replace('Commit', '').trim())).size).toBeGreaterThanOrEqual(5);
  }),
);

test('each milestone can be reached and opened with the keyboard', () =>
  openPage('desktop', async (page) => {
    const milestones = await page.locator('.mark').allInnerTexts();
    for (const milestone of milestones) {
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.innerText')).toBe(milestone);
    }
    await page.keyboard.press('Enter');
    const target = page.locator(new URL(page.url()).hash);
    expect(await target.isVisible()).toBe(true);
  }));

test('no file of the report has a workflow command or a credential', () => {
  const files = readdirSync(folder);
  expect(files.length).toBeGreaterThan(50);
  const found = files.filter((file) =>
    /::add-mask::|^::[a-z-]+|gh[a-z]_Sandbox|sandbox-oidc-request-token|\beyJ[\w-]{20}|\bASIA[A-Z0-9]{16}/m.test(
      readFileSync(join(folder, file), 'utf8'),
    ),
  );
  expect(found).toEqual([]);
});
