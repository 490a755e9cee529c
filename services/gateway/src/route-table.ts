export interface Route {
  /** `/api/users` matches `/api/users` and everything below it; `/` matches everything that no other route matches. */
  path: string;
  targets: string[];
}

/**
 * Reads `/api/users=http://a:3000|http://b:3000 /=http://c:3000`: each entry is a path and the targets it is balanced
 * over.
 *
 * @throws Error with the invalid entry, or if there is no route for `/`.
 */
export function parseRoutes(text: string): Route[] {
  const routes = text.split(/\s+/).filter(Boolean).map(parseRoute);
  if (!routes.some(({ path }) => path === '/')) throw new Error('ROUTES: expected a route for /');
  return routes.sort((a, b) => b.path.length - a.path.length);
}

function parseRoute(entry: string): Route {
  const [, path, targets] = /^(\/[^=]*)=(.+)$/.exec(entry) ?? [];
  const addresses = targets?.split('|') ?? [];
  if (path === undefined || !addresses.every((target) => /^http:\/\/[^/]+$/.test(target))) {
    throw new Error(`ROUTES: expected /path=http://host:port with more targets after |, got "${entry}"`);
  }
  return { path, targets: addresses };
}

/** The most specific route for a request's path. */
export function matchRoute<R extends Pick<Route, 'path'>>(routes: R[], requestPath: string): R | undefined {
  return routes.find(
    ({ path }) => path === '/' || requestPath === path || requestPath.startsWith(`${path}/`),
  );
}
