import { createSign, createVerify, generateKeyPair, randomUUID } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { World } from './world.ts';

export type Claims = Record<string, unknown>;

/** GitHub's issuer, whose name stands in trust policies and in their condition keys. */
export const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com';
export const OIDC_REQUEST_TOKEN = 'sandbox-oidc-request-token';

const KEY_ID = 'sandbox-1';
/** What GitHub's tokens last, in seconds. */
const TOKEN_SECONDS = 300;

let keys: Promise<{ publicKey: KeyObject; privateKey: KeyObject }> | undefined;

/** One key pair for the process, made when it is first needed: it takes longer than all the rest. */
function keyPair(): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  keys ??= promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return keys;
}

/** The claims of the job that the sandbox plays; `sub` follows from them unless it is given. */
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

/** GitHub's rule for `sub`: the environment when the job has one, else the event or the ref. */
function subject(claims: Claims): string {
  const repository = `repo:${String(claims.repository)}`;
  const { environment } = claims;
  if (typeof environment === 'string') return `${repository}:environment:${environment}`;
  if (claims.event_name === 'pull_request') return `${repository}:pull_request`;
  return `${repository}:ref:${String(claims.ref)}`;
}

/** A signed token (RS256) for an audience. Any claim may be set, `exp` and `iss` included. */
export async function issueToken(claims: Claims, audience: string): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const times = { iat: now, nbf: now, exp: now + TOKEN_SECONDS };
  const sub = subject(claims);
  const payload = { jti: randomUUID(), sub, aud: audience, iss: GITHUB_ISSUER, ...times, ...claims };
  const signed = [{ alg: 'RS256', typ: 'JWT', kid: KEY_ID }, payload].map(encode).join('.');
  const signature = createSign('RSA-SHA256')
    .update(signed)
    .sign((await keyPair()).privateKey, 'base64url');
  return `${signed}.${signature}`;
}

/** A token's claims, and whether our issuer signed it; undefined when it is no JWT. */
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
export async function keySet(): Promise<object> {
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
