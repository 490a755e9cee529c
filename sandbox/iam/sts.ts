import { credentialStore, userId } from './credentials.ts';
import type { Session } from './credentials.ts';
import { identityStore, type Role, trusts } from './roles.ts';
import { GITHUB_ISSUER, readToken } from './oidc.ts';
import type { Claims } from './oidc.ts';
import type { Call, Input, Service } from '../protocols/service.ts';
import { AwsError, listOf, textOf } from '../protocols/service.ts';
import type { Context } from './policies/policy.ts';
import { parsePolicy } from './policies/document.ts';
import type { PolicyDocument } from './policies/policy.ts';
import type { World } from '../world.ts';

/** The audience of the account's OpenID Connect provider. */
const AUDIENCE = 'sts.amazonaws.com';
const MAX_SESSION_SECONDS = 3600;
const MIN_SESSION_SECONDS = 900;
/** For a role that a session of another role assumes. */
const CHAINED_SESSION_SECONDS = 3600;

interface RoleRequest {
  arn: string;
  account: string;
  roleName: string;
  sessionName: string;
  seconds: number;
  role: Role | undefined;
  policies: readonly PolicyDocument[];
}

/** STS: GetCallerIdentity and the two ways to assume a role. Undeclared roles trust the repository's owner. */
export function sts(world: World): Service {
  const owner = (world.scenario.github?.repository ?? 'org/platform').split('/')[0] ?? '';
  return {
    name: 'sts',
    protocol: 'query',
    apiVersion: '2011-06-15',
    operations: {
      GetCallerIdentity: (_, call) => ({
        Arn: call.principalArn,
        UserId: userId(call.principalArn),
        Account: call.account,
      }),

      AssumeRole(input, call) {
        const request = roleRequest(world, input);
        // https://repost.aws/knowledge-center/iam-role-chaining-limit
        if (isSession(call.principalArn) && request.seconds > CHAINED_SESSION_SECONDS) {
          throw invalid(
            'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
          );
        }
        if (!mayExist(world, request) || !trustsCaller(request, call)) {
          const message = `User: ${call.principalArn} is not authorized to perform: sts:AssumeRole on resource: ${request.arn}`;
          throw new AwsError('AccessDenied', message, 403);
        }
        return assumed(issue(world, request, {}));
      },

      async AssumeRoleWithWebIdentity(input) {
        const request = roleRequest(world, input);
        const claims = await verifiedClaims(textOf(input.WebIdentityToken) ?? '', world.clock.now());
        if (!mayExist(world, request) || !trustsToken(request, claims, owner)) {
          throw new AwsError('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', 403);
        }
        return {
          ...assumed(issue(world, request, webIdentityContext(request, claims))),
          SubjectFromWebIdentityToken: claims.sub,
          Audience: claims.aud,
          Provider: providerArn(request.account),
        };
      },
    },
  };
}

function roleRequest(world: World, input: Input): RoleRequest {
  const arn = textOf(input.RoleArn) ?? '';
  const sessionName = textOf(input.RoleSessionName) ?? '';
  const seconds = Number(input.DurationSeconds ?? MAX_SESSION_SECONDS);
  const [, account, path] = /^arn:[^:]+:iam::(\d{12}):role\/(.+)$/.exec(arn) ?? [];
  if (account === undefined || path === undefined) throw invalid(`${arn} is invalid`);
  if (!/^[\w+=,.@-]{2,64}$/.test(sessionName)) {
    throw invalid(
      `1 validation error detected: Value '${sessionName}' at 'roleSessionName' failed to satisfy constraint: ` +
        'Member must satisfy regular expression pattern: [\\w+=,.@-]*',
    );
  }
  const role = identityStore(world).role(arn);
  if (seconds < MIN_SESSION_SECONDS) {
    throw invalid(
      `1 validation error detected: Value '${seconds}' at 'durationSeconds' failed to satisfy constraint: ` +
        `Member must have value greater than or equal to ${MIN_SESSION_SECONDS}`,
    );
  }
  if (seconds > (role?.maxSessionSeconds ?? MAX_SESSION_SECONDS)) {
    throw invalid('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.');
  }
  return {
    arn,
    account,
    roleName: path.split('/').at(-1) ?? path,
    sessionName,
    seconds,
    role,
    policies: sessionPolicies(world, input),
  };
}

/**
 * "The resulting session's permissions are the intersection of the role's identity-based policy and the session
 * policies." The policies in PolicyArns must be in the account.
 *
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
function sessionPolicies(world: World, input: Input): PolicyDocument[] {
  const inline = textOf(input.Policy);
  const arns = listOf(input.PolicyArns).map((item) => textOf((item as Input).arn) ?? '');
  const documents = arns.map((arn) => identityStore(world).managedPolicy(arn));
  if (inline !== undefined) parsePolicy(inline);
  return [...(inline === undefined ? [] : [JSON.parse(inline) as Record<string, unknown>]), ...documents];
}

/** The claims of a token that the account's provider accepts. Throws AWS's errors, in the order of its checks. */
async function verifiedClaims(token: string, now: Date): Promise<Claims> {
  const read = await readToken(token);
  if (!read) {
    const message =
      'The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)';
    throw new AwsError('InvalidIdentityToken', message);
  }
  const { iss, aud, exp } = read.claims;
  if (iss !== GITHUB_ISSUER) {
    throw new AwsError(
      'InvalidIdentityToken',
      `No OpenIDConnect provider found in your account for ${String(iss)}`,
    );
  }
  if (!read.genuine) {
    const message =
      "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements";
    throw new AwsError('InvalidIdentityToken', message);
  }
  const seconds = Math.floor(now.getTime() / 1000);
  if (Number(exp) <= seconds) {
    const message = `Token expired: current date/time ${seconds} must be before the expiration date/time ${String(exp)}`;
    throw new AwsError('ExpiredTokenException', message);
  }
  if (aud !== AUDIENCE) throw new AwsError('InvalidIdentityToken', 'Incorrect token audience');
  return read.claims;
}

/** A deleted role does not exist, although an undeclared role does. */
function mayExist(world: World, { account, arn }: RoleRequest): boolean {
  return world.accounts.includes(account) && !identityStore(world).isDeleted(arn);
}

function trustsToken({ role, account }: RoleRequest, claims: Claims, owner: string): boolean {
  if (!role) return String(claims.sub).startsWith(`repo:${owner}/`);
  return trusts(role.trustPolicy, {
    action: 'sts:AssumeRoleWithWebIdentity',
    principal: { kind: 'Federated', names: [providerArn(account)] },
    context: claimContext(claims),
  });
}

/** The claims of GitHub's token as condition keys. */
function claimContext(claims: Claims): Context {
  const { host } = new URL(GITHUB_ISSUER);
  return Object.fromEntries(
    Object.entries(claims).map(([name, value]) => [`${host}:${name}`, String(value)]),
  );
}

/** The keys of a web identity that later calls of the session also have. */
function webIdentityContext({ account }: RoleRequest, claims: Claims): Context {
  return { ...claimContext(claims), 'aws:FederatedProvider': providerArn(account) };
}

function trustsCaller({ role }: RoleRequest, call: Call): boolean {
  if (!role) return true;
  const root = `arn:aws:iam::${call.account}:root`;
  return trusts(role.trustPolicy, {
    action: 'sts:AssumeRole',
    principal: { kind: 'AWS', names: [call.principalArn, call.account, root, roleOf(call.principalArn)] },
    context: {},
  });
}

function isSession(principalArn: string): boolean {
  return principalArn.includes(':assumed-role/');
}

/** The role of a session's ARN, with which policies can name the principal. */
function roleOf(principalArn: string): string {
  return principalArn.replace(/^arn:aws:sts::(\d+):assumed-role\/([^/]+)\/.*$/, 'arn:aws:iam::$1:role/$2');
}

function providerArn(account: string): string {
  return `arn:aws:iam::${account}:oidc-provider/${new URL(GITHUB_ISSUER).host}`;
}

function issue(world: World, request: RoleRequest, context: Context): Session {
  const { arn: roleArn, account, roleName, sessionName, seconds, policies } = request;
  const arn = `arn:aws:sts::${account}:assumed-role/${roleName}/${sessionName}`;
  return credentialStore(world).issue({ arn, account, session: { roleArn, policies, context } }, seconds);
}

function assumed({ principal, accessKeyId, secretAccessKey, sessionToken, expiration }: Session): object {
  return {
    Credentials: {
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      SessionToken: sessionToken,
      Expiration: expiration,
    },
    AssumedRoleUser: { AssumedRoleId: userId(principal.arn), Arn: principal.arn },
  };
}

function invalid(message: string): AwsError {
  return new AwsError('ValidationError', message);
}
