import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { isFolder, pathOf } from './pages.ts';

/**
 * A link on the site: for a page, its path on the site; for another file, its URL in the repository.
 *
 * @param from the file with the link, relative to the repository
 * @throws Error if the target does not exist.
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
  if (!existsSync(join(root, path))) throw new Error(`${from}: the target of ${href} does not exist`);
  return `${repository}/${isFolder(root, path) ? 'tree' : 'blob'}/main/${path}${hash}`;
}

/** The anchor that GitHub generates for a heading, so that links with an anchor work in both places. */
export function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-');
}
