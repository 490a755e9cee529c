import type { Context } from '../../../core/context.ts';
import { PlatformError } from '../../../core/errors.ts';
import { RegistryError } from '../error.ts';
import { exchange, type HttpRequest } from '../http.ts';
import { isLoopback } from '../reference.ts';
import type { RegistryLogin } from './login.ts';

/** How a registry wants to be authorized, by its header WWW-Authenticate. */
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

/** The repository that a challenge is about, and the job's login to its registry. */
interface ChallengedRepository {
  registry: string;
  path: string;
  login: RegistryLogin | undefined;
  /** Whether images are pushed to it. */
  push?: boolean;
}

/**
 * Answers a registry's challenge with the value of the Authorization header: with the job's login, or with a token
 * that the registry's token server gives for it, without a login an anonymous one.
 *
 * @see https://distribution.github.io/distribution/spec/auth/token/
 * @throws RegistryError when no token is given; PlatformError when the registry wants a login and there is none.
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
  const problem = login ? "does not accept the job's login" : 'asks for a login, and the job has none';
  throw new PlatformError('access-denied', `${registry} ${problem}`);
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Names this client to a token server. */
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
    // Requests that read and that write run side by side: one token serves both.
    form.append('scope', push ? one.replace(/^(repository:.*):[^:]*$/, '$1:pull,push') : one);
  }
  const answer = await exchange(tokenRequest(url, form, login), context.signal);
  const { token, access_token: accessToken = token } = objectIn(answer.body);
  if (answer.status !== 200) throw new RegistryError(`give a token for ${registry}/${path}`, answer);
  if (typeof accessToken !== 'string' || accessToken === '') {
    throw new PlatformError('service-unavailable', `${url.host} answered without a token for ${registry}`);
  }
  context.log.secret(accessToken);
  return accessToken;
}

/** An identity token is exchanged by OAuth 2; all else is asked for as Docker does it. */
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
 * The token server that a registry names. It may be another host, as it is for Docker Hub, and the docker client sends
 * it the registry's login. Here never in plain text over a network.
 *
 * @see https://github.com/containerd/containerd/blob/main/core/remotes/docker/authorizer.go (AddResponses)
 */
function realmOf(realm: string, registry: string, login: RegistryLogin | undefined): URL {
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  const isPlain = url?.protocol === 'http:';
  if (!url || !(isPlain || url.protocol === 'https:')) {
    throw new PlatformError(
      'registry-rejected',
      `${registry} names no token server: "${realm}" is not a URL`,
    );
  }
  if (isPlain && login && !isLoopback(url.host)) {
    const message = `${registry} names the token server ${url.host} without TLS, which does not get the login`;
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
