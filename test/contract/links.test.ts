import { existsSync, readFileSync } from 'node:fs';
import { join, posix, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { anchorOf, siteLink } from '../../site/links.ts';
import { findPages, sidebarOf } from '../../site/pages.ts';
import { markdownPages, readMarkdown, type MarkdownPage } from '../support/markdown.ts';

const root = resolve(import.meta.dirname, '../..');
const pages = markdownPages();

/** Without code in the text, which may look like a link. */
const linksOf = ({ prose }: MarkdownPage): string[] =>
  [...prose.replaceAll(/(`+)[^`].*?\1/g, '``').matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)].map(
    ([, href = '']) => href,
  );

/** The anchors of a page's headings, with GitHub's numbers for duplicates. */
function anchorsOf({ prose }: MarkdownPage): Set<string> {
  const seen = new Map<string, number>();
  const headings = [...prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const anchor = anchorOf(heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll(/[`*]/g, ''));
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    return times === 0 ? anchor : `${anchor}-${times}`;
  });
  const written = [...prose.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(([, id = '']) => id);
  return new Set([...headings, ...written]);
}

/** The problem of a link, or undefined if it has none. */
function problemOf(page: MarkdownPage, href: string, others: readonly MarkdownPage[]): string | undefined {
  if (/^[a-z]+:/.test(href)) return undefined;
  const [target = '', anchor] = href.split('#', 2);
  const file = target === '' ? page.file : posix.join(posix.dirname(page.file), decodeURI(target));
  if (target !== '' && (file.startsWith('..') || !existsSync(join(root, file))))
    return `${page.file}: ${href}: there is no ${file}`;
  // `#` alone is the top of the page.
  if (anchor === undefined || anchor === '') return undefined;
  const line = /^L(\d+)(?:-L\d+)?$/.exec(anchor)?.[1];
  if (line !== undefined) {
    const lines = readFileSync(join(root, file), 'utf8').split('\n').length;
    return Number(line) <= lines ? undefined : `${page.file}: ${href}: ${file} has ${lines} lines`;
  }
  const found = others.find((other) => other.file === file);
  if (!found) return `${page.file}: ${href}: an anchor in a file that is no page`;
  return anchorsOf(found).has(anchor) ? undefined : `${page.file}: ${href}: ${file} has no such heading`;
}

test('every relative link and anchor in every Markdown file has a target', () => {
  const links = pages.flatMap((page) => linksOf(page).map((href) => ({ page, href })));
  const relative = links.filter(({ href }) => !/^[a-z]+:/.test(href));
  console.info(`${relative.length} relative links in ${pages.length} Markdown files`);
  expect(relative.length).toBeGreaterThan(400);
  expect(relative.flatMap(({ page, href }) => problemOf(page, href, pages) ?? [])).toEqual([]);
});

test('detects a missing file, heading or line', () => {
  const page = readMarkdown('docs/x.md', '# One\n\n# One\n');
  const links = ['#one', '#one-1', '#two', 'none.md', '../LICENSE#L1', '../LICENSE#L99999', '../../x.md'];
  expect(links.filter((href) => problemOf(page, href, [page]) !== undefined)).toEqual([
    '#two',
    'none.md',
    '../LICENSE#L99999',
    '../../x.md',
  ]);
});

// Markdown parses `<name>` as an HTML tag: GitHub omits it, and the site does not build.
test('no page has a placeholder in angle brackets outside of code', () => {
  const known = /^\/?(?:a|b|br|details|summary|img|picture|source|sub|sup|kbd|p|div)\b/;
  const found = pages
    .filter(({ file }) => /^(docs|actions|workflows|sandbox|services)\/|^[A-Z]+\.md$/.test(file))
    .flatMap(({ file, prose }) =>
      [...prose.replaceAll(/`[^`\n]*`/g, '').matchAll(/(?<!\\)<(\/?[a-zA-Z][^>\s]*)[^>\n]*>/g)]
        .filter(([, tag = '']) => !known.test(tag) && !tag.includes(':'))
        .map(([tag]) => `${file}: ${tag}`),
    );
  expect(found).toEqual([]);
});

test('every page of the site is in the navigation once', () => {
  const all = findPages(root);
  const links = JSON.stringify(sidebarOf(all)).match(/"link":"[^"]*"/g) ?? [];
  console.info(`${all.length} pages in the navigation`);
  expect(links.length).toBe(all.length - 1);
  expect(new Set(links).size).toBe(links.length);
});

test.each([
  ['docs/guides/cost.md', 'promotion.md#soak', '/guides/promotion.md#soak'],
  ['docs/guides/cost.md', '../migrate', '/migrate/index.md'],
  ['docs/start/demo.md', '../../sandbox/README.md', '/sandbox.md'],
  ['actions/deploy-stack/README.md', '../../docs/index.md', '/index.md'],
  ['docs/index.md', '../templates/vpc.yml#L5', 'https://example.com/r/blob/main/templates/vpc.yml#L5'],
  ['docs/index.md', '../templates', 'https://example.com/r/tree/main/templates'],
  ['docs/index.md', 'https://example.com', 'https://example.com'],
  ['docs/index.md', '#x', '#x'],
])('the site links from %s to %s as %s', (from, href, expected) => {
  const files = new Set(findPages(root).map(({ file }) => file));
  expect(siteLink({ root, repository: 'https://example.com/r', pages: files }, from, href)).toBe(expected);
});

test('the site refuses a link to a file that does not exist', () => {
  expect(() => siteLink({ root, repository: '', pages: new Set() }, 'docs/index.md', 'none.md')).toThrow(
    'docs/index.md: the target of none.md does not exist',
  );
});
