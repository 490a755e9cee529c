import { randomUUID } from 'node:crypto';
import { denialOf } from '../iam/authorization.ts';
import type { Principal } from '../iam/principal.ts';
import type { Endpoint, Exchange } from '../server/exchange.ts';
import type { HttpRequest, Reply } from '../server/http.ts';
import { jsonReply } from '../server/http.ts';
import { AwsError } from '../protocols/service.ts';
import type { World } from '../world.ts';
import { authorize, registryOf, repositoryOf } from './registry.ts';
import { fault, OPERATIONS, refuse, type Route, routeOf, unauthorized, VERSION } from './protocol.ts';
/** The OCI registry of all accounts under /v2/<account>/<region>/, and the downloads of blobs under /layers/. */
export function registryEndpoints(world: World, url: string): Record<'v2' | 'layers', Endpoint> {
  registryOf(world).listensAt(url);
  return {
    v2: { exchange: (request) => Promise.resolve(registryExchange(world, request)) },
    layers: { exchange: (request) => Promise.resolve(downloadExchange(world, request)) },
  };
}

function registryExchange(world: World, request: HttpRequest): Exchange {
  const route = routeOf(request.method, request.path);
  const place = placeOf(route);
  const input = { ...route, ...place, ...Object.fromEntries(request.query), ...bodyOf(request) };
  const { account, region } = place;
  const call = { service: 'registry', operation: operationOf(route, request), input, account, region };
  return exchange(call, () => answer(world, request, route));
}

async function answer(world: World, request: HttpRequest, route: Route | undefined): Promise<Reply> {
  const principal = identify(world, request);
  const { account, region, name } = placeOf(route);
  if (!route || (route.operation !== 'Ping' && account === '')) throw unsupported(request);
  if (route.operation === 'Ping') return jsonReply(200, {}, VERSION);
  const operation = OPERATIONS[route.operation];
  if (!operation) throw new AwsError('UNSUPPORTED', `the sandbox has no ${route.operation}`, 405);
  const repository = repositoryOf(world, account, region, name);
  const message = denialOf(world, principal, region, [
    { action: operation.action, resource: repository.arn },
  ]);
  if (message !== undefined) throw new AwsError('AccessDeniedException', message);
  authorize(principal, repository, operation.action);
  return operation.run({ world, repository, request, route, principal });
}

export function unsupported({ method, path }: HttpRequest): AwsError {
  return new AwsError('UNSUPPORTED', `${method} ${path} is not supported`, 405);
}

/** The owner of a token. Throws UNAUTHORIZED, or DENIED for an expired one. */
function identify(world: World, request: HttpRequest): Principal {
  const [scheme, encoded = ''] = (request.headers.authorization ?? '').split(' ');
  const [user, password = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  const token = registryOf(world).token(password);
  if (scheme !== 'Basic' || user !== 'AWS' || !token) throw unauthorized(registryOf(world).url);
  if (token.expiresAt > world.clock.now()) return token.principal;
  const message = 'Your authorization token has expired. Reauthenticate and try again.';
  throw new AwsError('DENIED', message, 403);
}

function downloadExchange(world: World, request: HttpRequest): Exchange {
  const digest = request.path.replace(/^\/layers\//, '');
  const place = { account: '', region: '' };
  return exchange(
    { service: 'registry', operation: 'DownloadLayer', input: { digest }, ...place },
    async () => {
      const { blobs } = registryOf(world);
      if (!blobs.has(digest)) throw new AwsError('NoSuchKey', 'The specified key does not exist.', 404);
      const headers = { 'content-type': 'application/octet-stream' };
      return { status: 200, headers, body: await blobs.read(digest) };
    },
  );
}

export function exchange(
  call: Omit<Exchange['call'], 'principalArn' | 'requestId'>,
  apply: () => Promise<Reply>,
): Exchange {
  return { call: { ...call, principalArn: '', requestId: randomUUID() }, apply, refuse, fault };
}

/** The name of a request in fault rules and in the log. */
export function operationOf(route: Route | undefined, { method, path }: HttpRequest): string {
  return route?.operation ?? `${method} ${path}`;
}

const PLACE = /^(?<account>\d{12})\/(?<region>[a-z0-9-]+)\/(?<name>.+)$/;

/** The owner of the repository in a path. Empty for other paths. */
function placeOf(route: Route | undefined): Record<'account' | 'region' | 'name', string> {
  const { account = '', region = '', name = '' } = PLACE.exec(route?.path ?? '')?.groups ?? {};
  return { account, region, name };
}

/** The size of the body, for the log of calls. */
function bodyOf({ body }: HttpRequest): { body?: Buffer } {
  return body.length === 0 ? {} : { body };
}
