import type { Context } from '../../../core/context.ts';
import { PlatformError } from '../../../core/errors.ts';
import { RegistryError } from '../error.ts';
import { exchange, type HttpRequest } from '../http.ts';
import { isLoopback } from '../reference.ts';
import type { RegistryLogin } from './login.ts';

/** An authentication scheme that a registry requests with the header WWW-Authenticate. */
interface Challenge {
  scheme: string;
  parameters: Readonly<Record<string, string>>;
}

const PART = /[\s,]*(?:([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]*))|([\w-]+))/gy;

/** @see https://www.rfc-editor.org/rfc/rfc9110#name-www-authenticate */
function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  for (const [, name = '', quoted, plain = '', scheme = ''] of header.matchAll(PART)) {
    if (scheme !== '') challenges.push({ scheme: scheme.toLowerCase(), parameters: {} });
    else {
      const parameters = challenges.at(-1)?.parameters;
      if (parameters) parameters[name.toLowerCase()] = quoted?.replace(/\\(.)/g, '$1') ?? plain;
    }
  }
  return challenges;
}

/** The repository of a challenge, and the job's login to its registry. */
interface ChallengedRepository {
  registry: string;
  path: string;
  login: RegistryLogin | undefined;
  /** Whether images are pushed to it. */
  push?: boolean;
}

/**
 * Returns the value of the Authorization header for a registry's challenge: the job's login, or a token that the
 * registry's token server issues for it. Without a login, the token is anonymous.
 *
 * @see https://distribution.github.io/distribution/spec/auth/token/
 * @throws RegistryError if no token is issued; PlatformError if the registry requires a login and there is none.
 */
export async function answerChallenge(
  header: string,
  repository: ChallengedRepository,
  context: Pick<Context, 'signal' | 'log'>,
): Promise<string> {
  const { registry, login } = repository;
  for (const { scheme, parameters } of parseChallenges(header)) {
    if (scheme === 'bearer') return `Bearer ${await requestToken(parameters, repository, context)}`;
    if (scheme === 'basic' && login && 'password' in login) return basic(login);
  }
  const problem = login ? "rejected the job's login" : 'requires a login, but the job has none';
  throw new PlatformError('access-denied', `${registry} ${problem}`);
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Identifies this client to a token server. */
const CLIENT_ID = 'platform';

async function requestToken(
  { realm = '', service, scope }: Readonly<Record<string, string>>,
  { registry, path, login, push = false }: ChallengedRepository,
  context: Pick<Context, 'signal' | 'log'>,
): Promise<string> {
  const url = realmOf(realm, registry, login);
  const form = new URLSearchParams({
    ...(service !== undefined && { service }),
    ...(login &&
      'identityToken' in login && {
        grant_type: 'refresh_token',
        refresh_token: login.identityToken,
        client_id: CLIENT_ID,
      }),
  });
  for (const one of (scope ?? `repository:${path}:pull`).split(' ')) {
    // Reads and writes run in parallel and share one token.
    form.append('scope', push ? one.replace(/^(repository:.*):[^:]*$/, '$1:pull,push') : one);
  }
  const response = await exchange(tokenRequest(url, form, login), context.signal);
  const { token, access_token: accessToken = token } = objectIn(response.body);
  if (response.status !== 200) throw new RegistryError(`issue a token for ${registry}/${path}`, response);
  if (typeof accessToken !== 'string' || accessToken === '') {
    throw new PlatformError('service-unavailable', `${url.host} returned no token for ${registry}`);
  }
  context.log.secret(accessToken);
  return accessToken;
}

/** An identity token is exchanged with OAuth 2. Otherwise, the request is the same as Docker's. */
function tokenRequest(url: URL, form: URLSearchParams, login: RegistryLogin | undefined): HttpRequest {
  if (login && 'identityToken' in login) {
    const body = Buffer.from(form.toString());
    const type = 'application/x-www-form-urlencoded';
    return { method: 'POST', url, headers: { 'content-type': type, 'content-length': body.length }, body };
  }
  for (const [name, value] of form) url.searchParams.append(name, value);
  return { method: 'GET', url, headers: login ? { authorization: basic(login) } : {} };
}

/**
 * The token server of a registry. It may be another host, as for Docker Hub, and like the docker client this one sends it
 * the registry's login, but never over a network without TLS.
 *
 * @see https://github.com/containerd/containerd/blob/main/core/remotes/docker/authorizer.go (AddResponses)
 */
function realmOf(realm: string, registry: string, login: RegistryLogin | undefined): URL {
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  const isPlain = url?.protocol === 'http:';
  if (!url || !(isPlain || url.protocol === 'https:')) {
    throw new PlatformError(
      'registry-rejected',
      `${registry} has an invalid token server: "${realm}" is not a URL`,
    );
  }
  if (isPlain && login && !isLoopback(url.host)) {
    const message = `the login to ${registry} was not sent to its token server ${url.host}, because that has no TLS`;
    throw new PlatformError('registry-rejected', message);
  }
  return url;
}

function objectIn(body: Buffer): { token?: unknown; access_token?: unknown } {
  try {
    return Object(JSON.parse(body.toString('utf8'))) as { token?: unknown; access_token?: unknown };
  } catch {
    return {};
  }
}
