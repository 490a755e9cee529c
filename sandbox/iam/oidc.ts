import { createSign, createVerify, generateKeyPair, type KeyObject, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { AwsError } from '../protocols/service.ts';
import type { FaultRule } from '../scenario/scenario.ts';
import type { Endpoint } from '../server/exchange.ts';
import { type HttpRequest, jsonReply } from '../server/http.ts';
import type { World } from '../world.ts';

export type Claims = Record<string, unknown>;

/** GitHub's issuer, whose name is used in trust policies and their condition keys. */
export const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com';
export const OIDC_REQUEST_TOKEN = 'sandbox-oidc-request-token';

const KEY_ID = 'sandbox-1';
/** The lifetime of GitHub's tokens, in seconds. */
const TOKEN_SECONDS = 300;

let keys: Promise<{ publicKey: KeyObject; privateKey: KeyObject }> | undefined;

/** One key pair per process, created on first use because it is slow. */
function keyPair(): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  keys ??= promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return keys;
}

/** The claims of the simulated job. `sub` is derived from them unless it is given. */
export function defaultClaims(world: World): Record<string, string> {
  const repository = world.scenario.github?.repository ?? 'org/platform';
  return {
    repository,
    repository_owner: repository.split('/')[0] ?? '',
    repository_id: '700000001',
    repository_owner_id: '600000001',
    repository_visibility: 'private',
    ref: 'refs/heads/main',
    ref_type: 'branch',
    sha: '0123456789abcdef0123456789abcdef01234567',
    actor: world.scenario.github?.user ?? 'octocat',
    event_name: 'push',
    workflow: 'pipeline',
    workflow_ref: `${repository}/.github/workflows/pipeline.yml@refs/heads/main`,
    job_workflow_ref: `${repository}/.github/workflows/pipeline.yml@refs/heads/main`,
    run_id: '1',
    run_number: '1',
    run_attempt: '1',
    runner_environment: 'github-hosted',
    ...world.scenario.claims,
  };
}

/** GitHub's rule for `sub`: the environment if the job has one, otherwise the event or the ref. */
function subject(claims: Claims): string {
  const repository = `repo:${String(claims.repository)}`;
  const { environment } = claims;
  if (typeof environment === 'string') return `${repository}:environment:${environment}`;
  if (claims.event_name === 'pull_request') return `${repository}:pull_request`;
  return `${repository}:ref:${String(claims.ref)}`;
}

/** A signed token (RS256) for an audience, issued at a time. Any claim may be set, including `exp` and `iss`. */
async function issueToken(claims: Claims, audience: string, time: Date): Promise<string> {
  const now = Math.floor(time.getTime() / 1000);
  const times = { iat: now, nbf: now, exp: now + TOKEN_SECONDS };
  const sub = subject(claims);
  const payload = { jti: randomUUID(), sub, aud: audience, iss: GITHUB_ISSUER, ...times, ...claims };
  const signed = [{ alg: 'RS256', typ: 'JWT', kid: KEY_ID }, payload].map(encode).join('.');
  const signature = createSign('RSA-SHA256')
    .update(signed)
    .sign((await keyPair()).privateKey, 'base64url');
  return `${signed}.${signature}`;
}

/** A token's claims, and whether our issuer signed it. Undefined if it is not a JWT. */
export async function readToken(token: string): Promise<{ claims: Claims; genuine: boolean } | undefined> {
  const [header, payload, signature, ...rest] = token.split('.');
  const claims = payload === undefined ? undefined : decode(payload);
  if (header === undefined || signature === undefined || rest.length > 0 || !claims) return undefined;
  const verifier = createVerify('RSA-SHA256').update(`${header}.${payload ?? ''}`);
  const genuine =
    decode(header)?.kid === KEY_ID && verifier.verify((await keyPair()).publicKey, signature, 'base64url');
  return { claims, genuine };
}

/** The issuer's public keys. */
async function keySet(): Promise<object> {
  const jwk = (await keyPair()).publicKey.export({ format: 'jwk' });
  return { keys: [{ ...jwk, kid: KEY_ID, use: 'sig', alg: 'RS256' }] };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Claims) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The claims that differ from the defaults, by the token with which a job requests identity tokens. */
export type JobClaims = Map<string, Claims>;

interface Route {
  operation: string;
  answer(request: HttpRequest, claims: Claims, now: Date): object | Promise<object>;
}

const ROUTES: Record<string, Route> = {
  '/oidc/token': { operation: 'GetIDToken', answer: token },
  '/oidc/.well-known/openid-configuration': {
    operation: 'GetConfiguration',
    answer: (request) => ({
      issuer: GITHUB_ISSUER,
      jwks_uri: `http://${request.headers.host ?? ''}/oidc/.well-known/jwks`,
      subject_types_supported: ['public', 'pairwise'],
      response_types_supported: ['id_token'],
      id_token_signing_alg_values_supported: ['RS256'],
      scopes_supported: ['openid'],
    }),
  },
  '/oidc/.well-known/jwks': { operation: 'GetKeys', answer: keySet },
};

/** GitHub's token endpoint, and the issuer's documents for verifiers, under /oidc. */
export function oidcEndpoint(world: World, usual: Claims, jobs: JobClaims): Endpoint {
  return {
    exchange: (request) => {
      const route = ROUTES[request.path];
      const input = Object.fromEntries(request.query);
      const origin = { service: 'oidc', account: '', region: '', principalArn: '', requestId: randomUUID() };
      return Promise.resolve({
        call: { ...origin, operation: route?.operation ?? request.path, input },
        apply: async () => {
          const bearer = request.headers.authorization?.replace(/^bearer /i, '') ?? '';
          const claims = { ...usual, ...jobs.get(bearer) };
          if (!route) throw new AwsError('NotFound', 'Not Found', 404);
          if (route.operation === 'GetIDToken' && bearer !== OIDC_REQUEST_TOKEN && !jobs.has(bearer)) {
            throw new AwsError('Unauthorized', 'Unauthorized', 401);
          }
          return jsonReply(200, await route.answer(request, claims, world.clock.now()));
        },
        refuse: (error) => ({ ...jsonReply(error.status, { message: error.message }), code: error.code }),
        fault,
      });
    },
  };
}

async function token(request: HttpRequest, claims: Claims, now: Date): Promise<object> {
  const audience = request.query.get('audience') ?? `https://github.com/${String(claims.repository_owner)}`;
  return { count: 1, value: await issueToken(claims, audience, now) };
}

function fault(rule: FaultRule): AwsError {
  const usual =
    rule.kind === 'throttle'
      ? { code: 'TooManyRequests', status: 429 }
      : { code: 'InternalServerError', status: 500 };
  const { code, status } = usual;
  return new AwsError(rule.code ?? code, rule.message ?? code, rule.status ?? status);
}
