import { AwsError, type Call, type Refusal } from '../protocols/service.ts';
import type { World } from '../world.ts';
import type { PermissionCheck } from './calls/permission-check.ts';
import type { Principal } from './principal.ts';
import { decisionsOf } from './decisions.ts';
import type { Context } from './policies/policy.ts';
import { decide, type Outcome, type Permissions } from './policies/evaluation.ts';
import { identityStore, type Role } from './roles.ts';

/** A role's session whose calls are checked, with its permissions. */
interface Enforced {
  principal: Principal;
  role: Role;
  permissions: Permissions;
}

/** The session of a principal, if its role has policies. All other principals have every permission. */
function enforcedSession(world: World, principal: Principal): Enforced | undefined {
  const { session } = principal;
  if (!session) return undefined;
  const store = identityStore(world);
  const role = store.role(session.roleArn) ?? { arn: session.roleArn, trustPolicy: {}, maxSessionSeconds: 0 };
  const permissions = store.isDeleted(role.arn)
    ? { policies: {} }
    : (store.permissionsOf(role) ?? (session.policies.length > 0 ? EVERYTHING : undefined));
  return permissions && { principal, role, permissions: { ...permissions, session: session.policies } };
}

/** For a role with every permission, whose session has its own policies. */
const EVERYTHING: Omit<Permissions, 'session'> = {
  policies: { All: { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } } },
};

/**
 * Why a principal is denied, in AWS's words, or undefined if everything is allowed. Each decision is recorded. A
 * function is called only for a principal whose calls are checked.
 */
export function denialOf(
  world: World,
  principal: Principal,
  region: string,
  checks: readonly PermissionCheck[] | (() => readonly PermissionCheck[]),
): string | undefined {
  const enforced = enforcedSession(world, principal);
  if (!enforced) return undefined;
  const shared = sessionContext(world, enforced, region);
  for (const check of typeof checks === 'function' ? checks() : checks) {
    const outcome = decideAccess(world, enforced, shared, check);
    if (outcome.outcome !== 'allow') return denialText(principal.arn, check, outcome);
  }
  return undefined;
}

/** Throws the service's AccessDenied unless the caller has every permission that a call requires. */
export async function authorizeCall(
  world: World,
  call: Call,
  principal: Principal,
  denied: Refusal,
): Promise<void> {
  if (!enforcedSession(world, principal)) return;
  const { permissionChecks } = await import('./calls/permission-checks.ts');
  const message = denialOf(world, principal, call.region, () => permissionChecks(world, call));
  if (message !== undefined) throw new AwsError(denied[0], denied[1] + message, denied[2]);
}

function decideAccess(
  world: World,
  { principal, role, permissions }: Enforced,
  shared: Context,
  check: PermissionCheck,
): Outcome {
  const context = { ...shared, ...check.context };
  const { action, resource, isPartial } = check;
  const names = [principal.arn, role.arn, principal.account, `arn:aws:iam::${principal.account}:root`];
  const outcome = decide(permissions, {
    principal: { kind: 'AWS', names },
    action,
    resource,
    context,
    ...(isPartial && { isPartial }),
  });
  decisionsOf(world).add({
    principalArn: principal.arn,
    roleArn: role.arn,
    action,
    resource,
    context,
    ...(isPartial && { isPartial }),
    outcome: outcome.outcome,
    ...('by' in outcome && { by: outcome.by }),
    ...('policy' in outcome && { policy: outcome.policy }),
    ...('statement' in outcome && { sid: outcome.statement.sid }),
  });
  return outcome;
}

/**
 * The condition keys of every call of a session.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 */
function sessionContext(world: World, { principal, role }: Enforced, region: string): Context {
  const now = world.clock.now();
  const tags = Object.entries(role.tags ?? {}).map(
    ([key, value]) => [`aws:PrincipalTag/${key}`, value] as const,
  );
  return {
    'aws:PrincipalArn': role.arn,
    'aws:PrincipalAccount': principal.account,
    'aws:PrincipalType': 'AssumedRole',
    'aws:PrincipalIsAWSService': 'false',
    'aws:RequestedRegion': region,
    'aws:SecureTransport': 'true',
    'aws:ViaAWSService': 'false',
    'aws:CurrentTime': now.toISOString(),
    'aws:EpochTime': String(Math.floor(now.getTime() / 1000)),
    ...Object.fromEntries(tags),
    ...principal.session?.context,
  };
}

/**
 * AWS's message for a denied call.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
function denialText(principalArn: string, { action, resource }: PermissionCheck, outcome: Outcome): string {
  const head = `User: ${principalArn} is not authorized to perform: ${action} on resource: ${shownResource(action, resource)}`;
  if (outcome.outcome === 'explicit deny') return `${head} with an explicit deny in ${article(outcome.by)}`;
  const by = outcome.outcome === 'implicit deny' ? outcome.by : '';
  return `${head} because no ${by} allows the ${action} action`;
}

function article(kind: string): string {
  return `${kind.startsWith('i') ? 'an' : 'a'} ${kind}`;
}

/**
 * IAM names a role, S3 uses quotes.
 *
 * @see https://github.com/aws-amplify/amplify-backend/issues/2092
 * @see https://github.com/aws-samples/serverless-patterns/pull/2457
 */
function shownResource(action: string, resource: string): string {
  if (action.startsWith('s3:')) return `"${resource}"`;
  const [, kind, name] = /^arn:[^:]+:iam::\d+:(role|policy)\/(.+)$/.exec(resource) ?? [];
  if (kind === undefined || name === undefined || action === 'iam:PassRole' || !action.startsWith('iam:'))
    return resource;
  return kind === 'role' ? `role ${name.slice(name.lastIndexOf('/') + 1)}` : `policy ${resource}`;
}
