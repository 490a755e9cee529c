import { randomUUID } from 'node:crypto';
import type { Endpoint, Exchange } from '../exchange.ts';
import { jsonReply } from '../http.ts';
import type { HttpRequest, Reply } from '../http.ts';
import type { FaultRule } from '../scenario.ts';
import { AwsError } from '../service.ts';
import type { World } from '../world.ts';
import { forbidden, notFound } from './call.ts';
import type { GitHubCall } from './call.ts';
import { paged } from './paging.ts';
import { permits } from './permissions.ts';
import { findRoute } from './router.ts';
import { gitHubState } from './state.ts';
import { viewerOf } from './tokens.ts';
import type { Viewer } from './tokens.ts';

const RATE_LIMIT = 5000;
const RATE_WINDOW_SECONDS = 3600;

/** GitHub's REST API, and as much of GraphQL as tells who one is, under /github. */
export class GitHubEndpoint implements Endpoint {
  readonly #world: World;
  readonly #url: string;
  #used = 0;

  /** `url` is the API's root. */
  constructor(world: World, url: string) {
    this.#world = world;
    this.#url = url;
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
    this.#used++;
    const limits = {
      'x-ratelimit-limit': String(RATE_LIMIT),
      'x-ratelimit-remaining': String(Math.max(RATE_LIMIT - this.#used, 0)),
      'x-ratelimit-used': String(this.#used),
      'x-ratelimit-reset': String(Math.floor(Date.now() / 1000) + RATE_WINDOW_SECONDS),
      'x-ratelimit-resource': 'core',
      'x-github-request-id': randomUUID(),
      ...headers,
    };
    return body === undefined ? { status, headers: limits, body: '' } : jsonReply(status, body, limits);
  }
}

/** Undefined when the body is no JSON object. */
function readBody(request: HttpRequest): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(request.body.toString('utf8') || '{}');
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A secondary rate limit (403, or 429 when the rule says so) with its retry-after, or a server's error. */
function fault(rule: FaultRule): AwsError {
  if (rule.kind !== 'throttle') {
    return new AwsError(rule.code ?? 'ServerError', rule.message ?? 'Server Error', rule.status ?? 500);
  }
  const message = 'You have exceeded a secondary rate limit. Please wait a few minutes before you try again.';
  const headers = { 'retry-after': String(Math.ceil((rule.delayMs ?? 1000) / 1000)) };
  return new AwsError(rule.code ?? 'RateLimited', rule.message ?? message, rule.status ?? 403, { headers });
}
