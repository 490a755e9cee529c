import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';

/** A page of the site: a Markdown file of the repository, its path on the site, and its title. */
export interface Page {
  file: string;
  /** Without the extension: `guides/promotion`, `actions/deploy-stack`, `index`. */
  path: string;
  title: string;
}

interface Item {
  text: string;
  link?: string;
  collapsed?: boolean;
  items?: Item[];
}

/** A chapter of the navigation: the pages below one path, those of `first` before the others. */
interface Chapter {
  text: string;
  below: string;
  first?: readonly string[];
  collapsed?: boolean;
}

const START = ['demo', 'one-action', 'platform', 'single-account'];

const CHAPTERS: readonly Chapter[] = [
  { text: 'Get started', below: 'start', first: START.map((name) => `start/${name}`) },
  { text: 'Guides', below: 'guides' },
  { text: 'Actions', below: 'actions' },
  { text: 'Reference', below: 'reference', first: ['reference/platform-yml', 'reference/verdicts'] },
  { text: 'Troubleshooting', below: 'errors', collapsed: true },
  { text: 'Operations', below: 'operations' },
  { text: 'Migrate', below: 'migrate', collapsed: true },
  { text: 'Decisions', below: 'decisions', collapsed: true },
];

/** Files outside of docs/ that are also pages. */
const OUTSIDE = [
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'sandbox/README.md',
  'services/README.md',
  'workflows/README.md',
];

/**
 * The path of a file on the site: `docs/guides/cost.md` at `guides/cost.md`, a README.md as the index of its folder.
 */
export function pathOf(file: string): string {
  const inSite = file.replace(/^docs\//, '').replace(/^actions\/([^/]+)\/README\.md$/, 'actions/$1.md');
  return /^(sandbox|services|workflows)\/README\.md$/.test(inSite)
    ? `${dirname(inSite)}.md`
    : inSite.replace(/(^|\/)README\.md$/, '$1index.md');
}

/** Patterns of the Markdown files that are not pages. */
export const NO_PAGES = [
  '!(docs|actions|sandbox|services|workflows|*.md)/**',
  'README.md',
  'LICENSE.md',
  'actions/*/!(README).md',
  '{sandbox,services}/*/**',
  '{sandbox,services,workflows}/!(README).md',
];

/** All pages of a repository, by file name. */
export function findPages(root: string): Page[] {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  const actions = readdirSync(join(root, 'actions')).map((name) => `actions/${name}/README.md`);
  return [...docs, ...actions, ...OUTSIDE]
    .filter((file) => existsSync(join(root, file)))
    .map((file) => ({ file, path: pathOf(file).slice(0, -'.md'.length), title: titleOf(join(root, file)) }))
    .toSorted((a, b) => (a.file < b.file ? -1 : 1));
}

/** The first heading, as plain text. @throws Error for a page without one. */
function titleOf(file: string): string {
  const text = readFileSync(file, 'utf8');
  const title = /^title: *(.+)$/m.exec(/^---\n[\s\S]*?\n---\n/.exec(text)?.[0] ?? '')?.[1];
  const heading = title ?? /^# (.+)$/m.exec(text)?.[1];
  if (heading === undefined) throw new Error(`${file} has no level-1 heading`);
  return heading.replaceAll(/`|\*\*/g, '').trim();
}

/** The navigation: every page in exactly one chapter, so that no new file is missing. */
export function sidebarOf(pages: readonly Page[]): Item[] {
  const inChapters = CHAPTERS.map((chapter) => chapterOf(chapter, pages));
  const more = pages.filter(
    ({ path }) => path !== 'index' && !CHAPTERS.some(({ below }) => isBelow(path, below)),
  );
  return [...inChapters, { text: 'More', collapsed: false, items: more.map(itemOf).toSorted(byText) }].filter(
    ({ items }) => items.length > 0,
  );
}

function chapterOf({ text, below, first = [], collapsed = false }: Chapter, pages: readonly Page[]) {
  const own = pages.filter(({ path }) => isBelow(path, below));
  const index = own.filter(({ path }) => path === `${below}/index`);
  const rank = (path: string): number => (first.includes(path) ? first.indexOf(path) : first.length);
  const rest = own
    .filter((page) => !index.includes(page) && dirname(page.path) === below)
    .toSorted((a, b) => rank(a.path) - rank(b.path) || byText(itemOf(a), itemOf(b)));
  const deeper = own.filter(({ path }) => dirname(path) !== below);
  const nested = [...new Set(deeper.map(({ path }) => path.split('/')[1] ?? ''))].map((name) => ({
    text: `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    collapsed: true,
    items: deeper
      .filter(({ path }) => isBelow(path, `${below}/${name}`))
      .map(itemOf)
      .toSorted(byText),
  }));
  return { text, collapsed, items: [...index.map(itemOf), ...rest.map(itemOf), ...nested] };
}

const isBelow = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);
const itemOf = ({ path, title }: Page): Item => ({
  text: title,
  link: `/${path.replace(/(^|\/)index$/, '$1')}`,
});
const byText = (a: Item, b: Item): number => a.text.localeCompare(b.text, 'en', { numeric: true });

/** Whether a path of the repository is a folder, which has a different URL on GitHub than a file. */
export const isFolder = (root: string, path: string): boolean =>
  extname(basename(path)) === '' && existsSync(join(root, path)) && statSync(join(root, path)).isDirectory();
