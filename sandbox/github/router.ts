import { decodePath } from '../http.ts';
import { commentRoutes } from './comments.ts';
import { deploymentRoutes } from './deployments.ts';
import { environmentRoutes } from './environments.ts';
import { issueRoutes } from './issues.ts';
import { pullRoutes } from './pulls.ts';
import { runRoutes } from './runs.ts';
import { userRoutes } from './users.ts';
import type { Handler, Routes } from './call.ts';

interface Route {
  method: string;
  pattern: RegExp;
  operation: string;
  handler: Handler;
}

const ALL: Routes = {
  ...userRoutes,
  ...pullRoutes,
  ...commentRoutes,
  ...issueRoutes,
  ...deploymentRoutes,
  ...environmentRoutes,
  ...runRoutes,
};

const ROUTES: Route[] = Object.entries(ALL).map(([key, [operation, handler]]) => {
  const [method = '', path = ''] = key.split(' ');
  const pattern = new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
  return { method, pattern, operation, handler };
});

/** The route of a path below the API's root, and the params that the path holds, decoded. */
export function findRoute(
  method: string,
  path: string,
): { operation: string; handler: Handler; params: Record<string, string> } | undefined {
  for (const route of ROUTES) {
    const match = route.method === method ? route.pattern.exec(path) : null;
    if (!match) continue;
    const params = Object.entries(match.groups ?? {}).map(([name, value]) => [name, decodePath(value)]);
    return { ...route, params: Object.fromEntries(params) as Record<string, string> };
  }
  return undefined;
}
