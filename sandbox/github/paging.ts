import type { GitHubList } from './call.ts';

const USUAL_PER_PAGE = 30;
const MOST_PER_PAGE = 100;

/** One page of a list, and the Link header that leads to the others; none when all is on one page. */
export function paged(
  { list, wrap }: GitHubList,
  query: URLSearchParams,
  url: string,
): { body: unknown; link?: string } {
  const perPage = Math.min(
    Math.max(Number(query.get('per_page') ?? USUAL_PER_PAGE) || USUAL_PER_PAGE, 1),
    MOST_PER_PAGE,
  );
  const page = Math.max(Number(query.get('page') ?? 1) || 1, 1);
  const last = Math.max(Math.ceil(list.length / perPage), 1);
  const items = list.slice((page - 1) * perPage, page * perPage);
  const to = (rel: string, target: number): string => {
    const there = new URLSearchParams(query);
    there.set('page', String(target));
    return `<${url}?${there.toString()}>; rel="${rel}"`;
  };
  const back = page > 1 ? [to('prev', Math.min(page - 1, last))] : [];
  const onward = page < last ? [to('next', page + 1), to('last', last)] : [];
  const links = [...back, ...onward, ...(page > 1 ? [to('first', 1)] : [])];
  const body = wrap ? wrap(items, list.length) : items;
  return { body, ...(links.length > 0 && { link: links.join(', ') }) };
}
