import type { Context } from '../core/context.ts';
import { PlatformError } from '../core/errors.ts';
import { withRetry } from '../core/retry.ts';

const RETRIES = { attempts: 5, baseMs: 1000 };
const REQUEST_TIMEOUT_MS = 10_000;
const AUDIENCE = 'sts.amazonaws.com';

/** A GitHub OIDC token and its claims. */
export interface IdentityToken {
  jwt: string;
  claims: Readonly<Record<string, unknown>>;
}

type OidcContext = Pick<Context, 'clock' | 'signal' | 'log'>;

/** The job cannot request a token, and there are no credentials. */
export class MissingPermissionError extends PlatformError {
  override readonly name = 'MissingPermissionError';

  /** @param roleArn the role to assume; absent if the token itself was requested. */
  constructor(roleArn?: string, cause?: unknown) {
    const what = roleArn === undefined ? 'No OIDC token is available' : `Cannot assume ${roleArn}`;
    const why = roleArn === undefined ? '' : ', and no earlier step provides AWS credentials';
    super('oidc-unavailable', `${what}: the job does not have the permission id-token: write${why}.`, {
      fix: GIVE_PERMISSION,
      cause,
    });
  }
}

const GIVE_PERMISSION =
  'Give the job `permissions: { id-token: write, contents: read }`. A job that calls a reusable workflow needs it too. Pull requests from forks cannot get a token.';

/** GitHub did not issue a token. */
class TokenError extends PlatformError {
  override readonly name = 'TokenError';
  readonly transient: boolean;

  constructor(problem: string, options: { transient: boolean; cause?: unknown }) {
    super('oidc-unavailable', `GitHub did not issue an OIDC token: ${problem}`, options);
    this.transient = options.transient;
  }
}

/** Whether the job has the permission `id-token: write`. */
export function mayRequestToken(env: NodeJS.ProcessEnv): boolean {
  return Boolean(env['ACTIONS_ID_TOKEN_REQUEST_URL'] && env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']);
}

/**
 * Requests the job's OIDC token from GitHub, by default for AWS. Transient failures are retried. `getIDToken` of
 * @actions/core is not used: it accepts no signal, so a cancelled job would wait for its ten retries, and it retries only
 * a 502, 503 or 504.
 *
 * @throws MissingPermissionError when the job lacks `id-token: write`; PlatformError when there is no token.
 * @see https://docs.github.com/actions/reference/security/oidc
 */
export async function requestIdentityToken(
  env: NodeJS.ProcessEnv,
  context: OidcContext,
  audience = AUDIENCE,
): Promise<IdentityToken> {
  const requestUrl = env['ACTIONS_ID_TOKEN_REQUEST_URL'];
  const requestToken = env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
  if (!requestUrl || !requestToken) throw new MissingPermissionError();
  context.log.secret(requestToken);
  const url = new URL(requestUrl);
  url.searchParams.set('audience', audience);
  const isTransient = (error: unknown): boolean => error instanceof TokenError && error.transient;
  const jwt = await withRetry(context, { ...RETRIES, isTransient }, () =>
    fetchJwt(url, requestToken, context.signal),
  );
  context.log.secret(jwt);
  return { jwt, claims: claimsOf(jwt) };
}

async function fetchJwt(url: URL, requestToken: string, signal: AbortSignal): Promise<string> {
  const { status, value } = await fetchToken(url, requestToken, signal).catch((error: unknown) => {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new TokenError(problem, { transient: true, cause: error });
  });
  if (status >= 300) {
    throw new TokenError(`HTTP ${status}`, { transient: status >= 500 || status === 429 || status === 408 });
  }
  if (typeof value === 'string' && value.split('.').length === 3) return value;
  throw new TokenError('the response contains no token', { transient: true });
}

async function fetchToken(
  url: URL,
  requestToken: string,
  signal: AbortSignal,
): Promise<{ status: number; value?: unknown }> {
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${requestToken}`, accept: 'application/json' },
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
  });
  const { status } = response;
  return response.ok ? { ...((await response.json()) as { value?: unknown }), status } : { status };
}

/** The claims, without checking the signature: AWS checks it. */
function claimsOf(jwt: string): Record<string, unknown> {
  const payload = jwt.split('.')[1] ?? '';
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? { ...claims } : {};
  } catch {
    return {};
  }
}

/** The claims to show, the most decisive first. */
const SHOWN_CLAIMS = [
  'sub',
  'aud',
  'repository',
  'repository_id',
  'environment',
  'ref',
  'job_workflow_ref',
  'event_name',
  'iss',
];

/**
 * Why a role could not be assumed. The fix has the token's claims and a trust policy statement that accepts the token,
 * because AWS reports only that the call is not authorized.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
 */
export function explainDenial(
  roleArn: string,
  claims: Readonly<Record<string, unknown>>,
): { message: string; fix: string } {
  const known = SHOWN_CLAIMS.filter((name) => typeof claims[name] === 'string');
  const width = Math.max(...known.map((name) => name.length));
  return {
    message: `Not authorized to assume ${roleArn}: its trust policy does not accept the job's OIDC token, or the role does not exist.`,
    fix: [
      'Create the role, or add this statement to its trust policy, which accepts the token:',
      JSON.stringify(trustStatementFor(roleArn, claims), null, 2),
      'Claims of the token:',
      ...known.map((name) => `  ${name.padEnd(width)}  ${String(claims[name])}`),
    ].join('\n'),
  };
}

/** The trust policy statement that accepts tokens with these claims only. */
export function trustStatementFor(roleArn: string, claims: Readonly<Record<string, unknown>>): object {
  const [, partition = 'aws', , , account = ''] = roleArn.split(':');
  const issuer = issuerHost(claims);
  return {
    Effect: 'Allow',
    Principal: { Federated: `arn:${partition}:iam::${account}:oidc-provider/${issuer}` },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: { StringEquals: { [`${issuer}:aud`]: claims['aud'], [`${issuer}:sub`]: claims['sub'] } },
  };
}

/** The issuer without its scheme, as in an OIDC provider's ARN and in condition keys. */
export function issuerHost(claims: Readonly<Record<string, unknown>>): string {
  return issuerOf(claims).replace('https://', '');
}

/** The token's issuer: github.com's, or that of a GitHub Enterprise Server. */
function issuerOf(claims: Readonly<Record<string, unknown>>): string {
  const { iss } = claims;
  return typeof iss === 'string' ? iss : 'https://token.actions.githubusercontent.com';
}
