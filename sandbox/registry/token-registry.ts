import { AwsError } from '../protocols/service.ts';
import type { Endpoint, Exchange } from '../server/exchange.ts';
import { type HttpRequest, jsonReply, type Reply } from '../server/http.ts';
import type { World } from '../world.ts';
import { exchange, operationOf, unsupported } from './endpoint.ts';
import { OPERATIONS, type Route, routeOf, VERSION } from './protocol.ts';
import { ImageRepository } from './repository.ts';

export interface TokenRegistryOptions {
  /** The login for pushes and private pulls. */
  login?: { username: string; password: string };
  /** An alternative to the login, as a Docker client stores it. */
  identityToken?: string;
  /** Operations before which all tokens expire, once each. */
  expireBefore?: readonly string[];
}

/** What a token permits. */
interface Grant {
  path: string;
  actions: readonly string[];
}

/**
 * A registry outside of AWS with its own URL. It requires a token from its token server, like GHCR and Docker Hub.
 * Public images are pulled with an anonymous token.
 *
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
export class TokenRegistry {
  readonly #world: World;
  readonly #options: TokenRegistryOptions;
  readonly #repositories = new Map<string, ImageRepository>();
  readonly #private = new Set<string>();
  readonly #tokens = new Map<string, Grant>();
  readonly #expireBefore: Set<string>;
  #url = '';

  constructor(world: World, options: TokenRegistryOptions) {
    this.#world = world;
    this.#options = options;
    this.#expireBefore = new Set(options.expireBefore);
  }

  /** Its host, as used in image names. */
  get host(): string {
    return new URL(this.#url).host;
  }

  /** Creates a repository. */
  create(path: string, visibility: 'public' | 'private' = 'public'): ImageRepository {
    const settings = {
      mutability: 'MUTABLE' as const,
      exclusions: [],
      scanOnPush: false,
      encryption: { encryptionType: 'AES256' },
    };
    const repository = new ImageRepository({ name: path, account: '', region: '' }, settings);
    this.#repositories.set(path, repository);
    if (visibility === 'private') this.#private.add(path);
    return repository;
  }

  /** The digest that a pull would get, or undefined if it fails. */
  pull(path: string, version: string, withLogin: boolean): string | undefined {
    if (this.#private.has(path) && !withLogin) return undefined;
    return this.#repositories.get(path)?.find(version)?.digest;
  }

  /** A token for these actions on a repository. */
  issueToken(path: string, actions: readonly string[]): string {
    const token = this.#world.random.text(
      40,
      'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
    );
    this.#tokens.set(token, { path, actions });
    return token;
  }

  endpoints(url: string): Record<'v2' | 'token', Endpoint> {
    this.#url = url;
    return {
      v2: { exchange: (request) => Promise.resolve(this.#registryExchange(request)) },
      token: { exchange: (request) => Promise.resolve(this.#tokenExchange(request)) },
    };
  }

  #registryExchange(request: HttpRequest): Exchange {
    const route = routeOf(request.method, request.path);
    const call = { service: 'token-registry', account: '', region: this.host };
    return exchange({ ...call, operation: operationOf(route, request), input: { ...route } }, async () =>
      this.#answer(request, route),
    );
  }

  async #answer(request: HttpRequest, route: Route | undefined): Promise<Reply> {
    if (route?.operation === 'Ping') return this.#ping(request);
    const operation = route && OPERATIONS[route.operation];
    if (!operation) throw unsupported(request);
    if (this.#expireBefore.delete(route.operation)) this.#tokens.clear();
    const action = request.method === 'GET' || request.method === 'HEAD' ? 'pull' : 'push';
    this.#authorize(request, route.path, action);
    const known = this.#repositories.get(route.path);
    // The first push creates a repository, which is private.
    const repository = known ?? (action === 'push' ? this.create(route.path, 'private') : undefined);
    if (!repository) throw new AwsError('NAME_UNKNOWN', 'repository name not known to registry', 404);
    const principal = { arn: '', account: '' };
    return operation.run({ world: this.#world, repository, request, route, principal });
  }

  /** The ping, with which clients discover the token server. They choose the scope themselves. */
  #ping(request: HttpRequest): Reply {
    if (!this.#grantOf(request)) throw this.#unauthorized();
    return jsonReply(200, {}, VERSION);
  }

  #authorize(request: HttpRequest, path: string, action: string): void {
    const grant = this.#grantOf(request);
    if (grant?.path === path && grant.actions.includes(action)) return;
    throw this.#unauthorized(`,scope="repository:${path}:${action === 'push' ? 'pull,push' : 'pull'}"`);
  }

  #grantOf({ headers }: HttpRequest): Grant | undefined {
    return this.#tokens.get((headers.authorization ?? '').replace(/^Bearer /, ''));
  }

  #unauthorized(scope = ''): AwsError {
    const challenge = `Bearer realm="${this.#url}/token",service="${this.host}"${scope}`;
    const headers = { 'www-authenticate': challenge };
    return new AwsError('UNAUTHORIZED', 'authentication required', 401, { headers });
  }

  #tokenExchange(request: HttpRequest): Exchange {
    const call = { service: 'token-registry', operation: 'GetToken', account: '', region: this.host };
    const form =
      request.method === 'POST' ? new URLSearchParams(request.body.toString('utf8')) : request.query;
    const scope = form.get('scope') ?? '';
    return exchange({ ...call, input: { scope, service: form.get('service') } }, async () => {
      const who = this.#identify(request, form);
      const [, path = '', wanted = ''] = /^repository:(.+):([a-z,]+)$/.exec(scope) ?? [];
      const actions = wanted.split(',').filter((action) => this.#permits(path, action, who));
      if (actions.length === 0) {
        throw new AwsError('DENIED', 'requested access to the resource is denied', 403);
      }
      const token = this.issueToken(path, actions);
      return Promise.resolve(jsonReply(200, { token, access_token: token, expires_in: 300 }, VERSION));
    });
  }

  #permits(path: string, action: string, who: 'owner' | 'anybody'): boolean {
    if (who === 'owner') return true;
    return action === 'pull' && this.#repositories.has(path) && !this.#private.has(path);
  }

  /** Throws DENIED for a wrong login. */
  #identify({ headers }: HttpRequest, form: URLSearchParams): 'owner' | 'anybody' {
    const { login, identityToken } = this.#options;
    const refreshToken = form.get('refresh_token') ?? undefined;
    if (headers.authorization === undefined && refreshToken === undefined) return 'anybody';
    const basic = login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
    if (headers.authorization !== undefined && headers.authorization === basic) return 'owner';
    if (refreshToken !== undefined && refreshToken === identityToken) return 'owner';
    throw new AwsError('DENIED', 'invalid credentials', 403);
  }
}

/** The other registries of the sandbox, by host. */
export function tokenRegistriesOf(world: World): Map<string, TokenRegistry> {
  return world.store('', '', 'token-registries', () => new Map<string, TokenRegistry>());
}
