import { randomUUID } from 'node:crypto';
import type { Principal } from '../iam/credentials.ts';
import type { Endpoint, Exchange } from '../server/exchange.ts';
import type { HttpRequest, Reply } from '../server/http.ts';
import { jsonReply } from '../server/http.ts';
import { AwsError } from '../protocols/service.ts';
import type { World } from '../world.ts';
import { authorize, registryOf, repositoryOf } from './registry.ts';
import { fault, OPERATIONS, refuse, type Route, routeOf, unauthorized, VERSION } from './protocol.ts';
/** The OCI registry of all accounts under /v2/<account>/<region>/, and where blobs are downloaded, under /layers/. */
export function registryEndpoints(world: World, url: string): Record<'v2' | 'layers', Endpoint> {
  registryOf(world).listensAt(url);
  return {
    v2: { exchange: (request) => Promise.resolve(registryExchange(world, request)) },
    layers: { exchange: (request) => Promise.resolve(downloadExchange(world, request)) },
  };
}

function registryExchange(world: World, request: HttpRequest): Exchange {
  const route = routeOf(request.method, request.path);
  const input = { ...route, ...Object.fromEntries(request.query), ...bodyOf(request) };
  return exchange(
    { operation: route?.operation ?? `${request.method} ${request.path}`, input, ...placeOf(route) },
    () => answer(world, request, route),
  );
}

async function answer(world: World, request: HttpRequest, route: Route | undefined): Promise<Reply> {
  const principal = identify(world, request);
  if (!route) throw new AwsError('UNSUPPORTED', `${request.method} ${request.path} is not supported`, 405);
  if (route.operation === 'Ping') return jsonReply(200, {}, VERSION);
  const operation = OPERATIONS[route.operation];
  if (!operation) throw new AwsError('UNSUPPORTED', `the sandbox has no ${route.operation}`, 405);
  const repository = repositoryOf(world, route.account, route.region, route.name);
  authorize(principal, repository, operation.action);
  return operation.run({ world, repository, request, route, principal });
}

/** Whose token this is. Throws UNAUTHORIZED, or DENIED for one that has expired. */
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
  return exchange({ operation: 'DownloadLayer', input: { digest }, account: '', region: '' }, async () => {
    const { blobs } = registryOf(world);
    if (!blobs.has(digest)) throw new AwsError('NoSuchKey', 'The specified key does not exist.', 404);
    const headers = { 'content-type': 'application/octet-stream' };
    return { status: 200, headers, body: await blobs.read(digest) };
  });
}

function exchange(
  call: Pick<Exchange['call'], 'operation' | 'input' | 'account' | 'region'>,
  apply: () => Promise<Reply>,
): Exchange {
  const origin = { service: 'registry', principalArn: '', requestId: randomUUID() };
  return { call: { ...call, ...origin }, apply, refuse, fault };
}

function placeOf(route: Route | undefined): { account: string; region: string } {
  return { account: route?.account ?? '', region: route?.region ?? '' };
}

/** What was sent, for the log of calls: its size. */
function bodyOf({ body }: HttpRequest): { body?: Buffer } {
  return body.length === 0 ? {} : { body };
}
