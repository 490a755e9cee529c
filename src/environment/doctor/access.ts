import { fittingStatement, type IdentityToken, requestIdentityToken } from '../../aws/oidc.ts';
import { createSession, type Session } from '../../aws/session.ts';
import { stsClient } from '../../aws/clients.ts';
import { send } from '../../aws/send.ts';
import type { Context } from '../../core/context.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import type { Environment } from '../manifest/manifest.ts';
import type { Check } from '../run/result.ts';
import { checkTrust } from './trust.ts';

interface Access {
  checks: Check[];
  /** What reaches the environment's account, and the role it was opened by; absent when nothing does. */
  opened?: { session: Session; role: string | undefined };
}

interface AccessOptions {
  roleToAssume: string | undefined;
  env: NodeJS.ProcessEnv;
  /** See checkTrust. */
  workflowRefs: readonly string[];
}

/**
 * Whether jobs get into the environment's account: by their own credentials, or by the roles that the manifest names.
 * A role that is denied is shown with the token's real claims and the trust policy that fits them. A job outside of the
 * GitHub environment takes the role that only reads, as a plan does, and the trust policy of the role that deploys is
 * judged by what that one can see.
 */
export async function checkAccess(
  context: Context,
  environment: Environment,
  options: AccessOptions,
): Promise<Access> {
  const { role, readRole } = environment;
  const { roleToAssume, env } = options;
  const deployRole = roleToAssume ?? role;
  const token = deployRole === undefined ? undefined : await askForToken(context, deployRole, env);
  const outside = token?.claims !== undefined && token.claims['environment'] !== environment.name;
  const reads = roleToAssume === undefined && readRole !== role ? readRole : undefined;
  const entered = await enter(context, environment, (outside ? reads : undefined) ?? deployRole, env);
  const { role: taken, session, check } = entered;
  const checks = [check, ...(token ? [token.check] : [])];
  if (!session) return { checks };
  if (deployRole !== undefined && token?.claims) {
    const { name } = environment;
    const { workflowRefs } = options;
    const request = { role: deployRole, environment: name, claims: token.claims, workflowRefs };
    checks.push(await checkTrust(context, session, { ...request, assumed: taken === deployRole }));
  }
  return { checks, opened: { session, role: taken } };
}

interface Entered {
  role: string | undefined;
  check: Check;
  session?: Session;
}

async function enter(
  context: Context,
  { region, account }: Environment,
  role: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Entered> {
  const name = role === undefined ? "the job's credentials" : `the role ${roleName(role)}`;
  try {
    const session = createSession({ region, roleToAssume: role, context, env });
    const reached = await callerAccount(session, context);
    if (reached === account) {
      return { role, session, check: { name, state: 'ok', says: `they reach account ${account}` } };
    }
    const says = `they belong to account ${reached}, and the manifest says ${account}`;
    const fix = `Give the environment the role of account ${account} in the manifest, or correct its account.`;
    return { role, check: { name, state: 'problem', says, fix } };
  } catch (error) {
    context.signal.throwIfAborted();
    const [says = '', ...rest] = reasonOf(error).split('\n');
    const fix = rest.length > 0 ? rest.join('\n').trim() : accessFix(role);
    return { role, check: { name, state: 'problem', says, fix } };
  }
}

/** Asked for in earnest: a role is known to be open only once it was assumed. */
async function callerAccount(session: Session, context: Context): Promise<string> {
  const { GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
  const client = await stsClient(session, context);
  const { Account } = await send(client, new GetCallerIdentityCommand({}), context);
  if (Account === undefined)
    throw new PlatformError('service-unavailable', 'GetCallerIdentity answered without an account');
  return Account;
}

/** The claims that trust policies decide by, which nobody sees otherwise, and the statement that fits them. */
async function askForToken(
  context: Context,
  role: string,
  env: NodeJS.ProcessEnv,
): Promise<{ check: Check; claims?: IdentityToken['claims'] }> {
  const name = "the job's OIDC token";
  try {
    const { claims } = await requestIdentityToken(env, context);
    const statement = JSON.stringify(fittingStatement(role, claims), null, 2);
    const fix = `A statement of a trust policy that accepts exactly this token:\n${statement}`;
    const says = `sub ${String(claims['sub'])}, aud ${String(claims['aud'])}, job_workflow_ref ${String(claims['job_workflow_ref'])}`;
    return { check: { name, state: 'ok', says, fix }, claims };
  } catch (error) {
    context.signal.throwIfAborted();
    const [says = '', ...rest] = reasonOf(error).split('\n');
    return {
      check: { name, state: 'problem', says, ...(rest.length > 0 && { fix: rest.join('\n').trim() }) },
    };
  }
}

function accessFix(role: string | undefined): string {
  return role === undefined
    ? 'Name a role for the environment in the manifest, or give the job credentials.'
    : 'Deploy templates/bootstrap.yml in the account: it makes the OIDC provider and the roles.';
}

function roleName(arn: string): string {
  return arn.slice(arn.indexOf('role/') + 'role/'.length);
}
