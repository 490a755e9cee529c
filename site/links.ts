import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { isFolder, pathOf } from './pages.ts';

/**
 * A link as the site has it: of a page, where the page is served; of another file of the repository, its address there.
 *
 * @param from the file with the link, relative to the repository
 * @throws Error when nothing is there.
 */
export function siteLink(
  { root, repository, pages }: { root: string; repository: string; pages: ReadonlySet<string> },
  from: string,
  href: string,
): string {
  if (/^([a-z]+:|#|\/)/i.test(href)) return href;
  const [target = '', anchor] = href.split('#', 2);
  const path = posix.join(posix.dirname(from), decodeURI(target)).replace(/\/$/, '');
  const hash = anchor === undefined ? '' : `#${anchor}`;
  const index = isFolder(root, path) ? `${path}/README.md` : path;
  if (pages.has(index)) return `/${pathOf(index)}${hash}`;
  if (!existsSync(join(root, path))) throw new Error(`${from}: ${href} leads nowhere`);
  return `${repository}/${isFolder(root, path) ? 'tree' : 'blob'}/main/${path}${hash}`;
}

/** The anchor that GitHub gives to a heading, so that a link with one works there and here. */
export function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-');
}
