import { randomUUID } from 'node:crypto';
import { AwsError } from '../protocols/service.ts';
import type { FaultRule } from '../scenario/scenario.ts';
import type { Endpoint, Exchange } from '../server/exchange.ts';
import { decodePath, type HttpRequest, jsonReply, type Reply } from '../server/http.ts';
import type { World } from '../world.ts';
import { forbidden, type GitHubCall, type GitHubList, type Handler, notFound, type Routes } from './call.ts';
import { commitRoutes } from './commits.ts';
import { deploymentRoutes } from './deployments.ts';
import { environmentRoutes } from './environments.ts';
import { graphqlRoutes } from './graphql.ts';
import { commentRoutes, issueRoutes } from './issues.ts';
import { pullRoutes } from './pulls.ts';
import { runRoutes } from './runs.ts';
import { gitHubState } from './state.ts';
import { permits, type Viewer, viewerOf } from './tokens.ts';
import { teamRoutes } from './teams.ts';
import { userRoutes } from './users.ts';

/**
 * The primary rate limit. The error has no retry-after. Its headers and message are quoted in conbench/conbench#660 and
 * NixOS/nixpkgs#413832: "X-RateLimit-Limit: 1000, X-RateLimit-Remaining: 0, X-RateLimit-Reset: 1675259928,
 * X-RateLimit-Used: 1001, X-RateLimit-Resource: core".
 */
class RateLimit {
  readonly #limit: number;
  readonly #windowSeconds: number;
  readonly #status: number;
  #used = 0;
  /** In seconds since the epoch. */
  #reset: number;

  constructor(given: { limit?: number; windowSeconds?: number; status?: string } = {}) {
    this.#limit = given.limit ?? 5000;
    this.#windowSeconds = given.windowSeconds ?? 3600;
    this.#status = Number(given.status ?? '403');
    this.#reset = this.#nextReset();
  }

  #nextReset(): number {
    return Math.ceil(Date.now() / 1000) + this.#windowSeconds;
  }

  /** Throws if no requests are left. */
  use(): void {
    if (Date.now() >= this.#reset * 1000) {
      this.#used = 0;
      this.#reset = this.#nextReset();
    }
    this.#used++;
    if (this.#used <= this.#limit) return;
    const time = new Date()
      .toISOString()
      .replace('T', ' ')
      .replace(/\.\d+Z$/, ' UTC');
    const message = `API rate limit exceeded for installation. If you reach out to GitHub Support for help, please include the request ID 4C32:E66A2:27EF37:4E976C:683F3085 and timestamp ${time}.`;
    throw new AwsError('RateLimitExceeded', message, this.#status);
  }

  get headers(): Record<string, string> {
    return {
      'x-ratelimit-limit': String(this.#limit),
      'x-ratelimit-remaining': String(Math.max(this.#limit - this.#used, 0)),
      'x-ratelimit-used': String(this.#used),
      'x-ratelimit-reset': String(this.#reset),
      'x-ratelimit-resource': 'core',
    };
  }
}

/** GitHub's REST API, and the part of GraphQL that the actions use, under /github. */
export class GitHubEndpoint implements Endpoint {
  readonly #world: World;
  readonly #url: string;
  readonly #limit: RateLimit;

  /** `url` is the root URL of the API. */
  constructor(world: World, url: string) {
    this.#world = world;
    this.#url = url;
    this.#limit = new RateLimit(world.scenario.github?.rateLimit);
  }

  exchange(request: HttpRequest): Promise<Exchange> {
    const path = request.path.replace(/^\/github/, '');
    const route = findRoute(request.method, path);
    const viewer = viewerOf(this.#world, request.headers.authorization ?? '');
    const body = readBody(request);
    const input = { ...route?.params, ...Object.fromEntries(request.query), ...body };
    const operation = route?.operation ?? `${request.method} ${path}`;
    const origin = { account: '', region: '', principalArn: viewer?.login ?? '', requestId: randomUUID() };
    return Promise.resolve({
      call: { service: 'github', operation, input, ...origin },
      apply: () => Promise.resolve(this.#apply(request, route, viewer, body)),
      refuse: (error) => this.#refuse(error),
      fault,
    });
  }

  #apply(
    request: HttpRequest,
    route: ReturnType<typeof findRoute>,
    viewer: Viewer | undefined,
    body: Record<string, unknown> | undefined,
  ): Reply {
    const state = gitHubState(this.#world);
    this.#limit.use();
    if (!viewer) {
      const message =
        request.headers.authorization === undefined ? 'Requires authentication' : 'Bad credentials';
      throw new AwsError('Unauthorized', message, 401);
    }
    const { owner, repo } = route?.params ?? {};
    if (!route || (owner !== undefined && `${owner}/${repo ?? ''}` !== state.repository)) throw notFound();
    if (request.method !== 'GET' && route.operation !== 'graphql' && !viewer.mayWrite) throw forbidden();
    const { permissions } = viewer;
    if (permissions && !permits(permissions, request.method, request.path.replace(/^\/github/, ''))) {
      throw forbidden();
    }
    if (request.method !== 'GET' && CONDITIONS.some((name) => name in request.headers)) throw conditional();
    if (!body) throw new AwsError('BadRequest', 'Problems parsing JSON', 400);
    const call: GitHubCall = {
      params: route.params,
      query: request.query,
      body,
      viewer,
      state,
      repositoryUrl: `${this.#url}/repos/${state.repository}`,
      htmlUrl: `${this.#url}/${state.repository}`,
    };
    const answer = route.handler(call);
    if (!('list' in answer)) return this.#reply(answer.status ?? 200, answer.body);
    const { body: page, link } = paged(
      answer,
      request.query,
      this.#url + request.path.replace(/^\/github/, ''),
    );
    return this.#reply(200, page, link === undefined ? {} : { link });
  }

  #refuse(error: AwsError): Reply {
    const { code, message, status, extra } = error;
    const { headers, ...fields } = extra as { headers?: Record<string, string> };
    const page = { documentation_url: 'https://docs.github.com/rest', status: String(status) };
    return { ...this.#reply(status, { message, ...fields, ...page }, headers), code };
  }

  #reply(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
    const limits = { ...this.#limit.headers, 'x-github-request-id': randomUUID(), ...headers };
    return body === undefined ? { status, headers: limits, body: '' } : jsonReply(status, body, limits);
  }
}

const CONDITIONS = ['if-match', 'if-unmodified-since'];

/** GitHub's own message: it does not support conditional writes. */
function conditional(): AwsError {
  const message =
    'Conditional request headers are not allowed in unsafe requests unless supported by the endpoint';
  return new AwsError('BadRequest', 'Bad Request', 400, { errors: [message] });
}

/** Undefined if the body is not a JSON object. */
function readBody(request: HttpRequest): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(request.body.toString('utf8') || '{}');
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A secondary rate limit (403, or 429 if the rule says so) with its retry-after, or a server error. */
function fault(rule: FaultRule): AwsError {
  if (rule.kind !== 'throttle') {
    return new AwsError(rule.code ?? 'ServerError', rule.message ?? 'Server Error', rule.status ?? 500);
  }
  const message = 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';
  const headers = { 'retry-after': String(Math.ceil((rule.delayMs ?? 1000) / 1000)) };
  return new AwsError(rule.code ?? 'RateLimited', rule.message ?? message, rule.status ?? 403, { headers });
}

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
  ...commitRoutes,
  ...teamRoutes,
  ...graphqlRoutes,
};

const ROUTES: Route[] = Object.entries(ALL).map(([key, [operation, handler]]) => {
  const [method = '', path = ''] = key.split(' ');
  const pattern = new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
  return { method, pattern, operation, handler };
});

/** The route of a path below the API's root, and its decoded params. */
function findRoute(
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

const DEFAULT_PER_PAGE = 30;
const MAX_PER_PAGE = 100;

/** One page of a list, and the Link header for the others, if any. */
function paged(
  { list, wrap }: GitHubList,
  query: URLSearchParams,
  url: string,
): { body: unknown; link?: string } {
  const perPage = Math.min(
    Math.max(Number(query.get('per_page') ?? DEFAULT_PER_PAGE) || DEFAULT_PER_PAGE, 1),
    MAX_PER_PAGE,
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
