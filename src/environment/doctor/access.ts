import { fittingStatement, requestIdentityToken } from '../../aws/oidc.ts';
import { createSession, type Session } from '../../aws/session.ts';
import { stsClient } from '../../aws/clients.ts';
import { send } from '../../aws/send.ts';
import type { Context } from '../../core/context.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import type { Environment } from '../manifest/manifest.ts';
import type { Check } from '../run/result.ts';

interface Access {
  checks: Check[];
  /** Absent when the environment's account cannot be reached. */
  session?: Session;
}

/**
 * Whether the job gets into the environment's account: by its own credentials, or by the roles that the manifest
 * names. A role that is denied is shown with the token's real claims and the trust policy that fits them.
 */
export async function checkAccess(
  context: Context,
  environment: Environment,
  options: { roleToAssume: string | undefined; env: NodeJS.ProcessEnv },
): Promise<Access> {
  const { role, readRole } = environment;
  const deployRole = options.roleToAssume ?? role;
  const main = await enter(context, environment, deployRole, options.env);
  const checks = [main.check];
  if (deployRole !== undefined) checks.push(await tokenCheck(context, deployRole, options.env));
  if (options.roleToAssume === undefined && readRole !== undefined && readRole !== role) {
    checks.push((await enter(context, environment, readRole, options.env)).check);
  }
  return { checks, ...(main.session && { session: main.session }) };
}

async function enter(
  context: Context,
  { region, account }: Environment,
  role: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<{ check: Check; session?: Session }> {
  const name = role === undefined ? "the job's credentials" : `the role ${roleName(role)}`;
  try {
    const session = createSession({ region, roleToAssume: role, context, env });
    const reached = await callerAccount(session, context);
    if (reached === account) {
      return { session, check: { name, state: 'ok', says: `they reach account ${account}` } };
    }
    const says = `they belong to account ${reached}, and the manifest says ${account}`;
    const fix = `Give the environment the role of account ${account} in the manifest, or correct its account.`;
    return { check: { name, state: 'problem', says, fix } };
  } catch (error) {
    context.signal.throwIfAborted();
    const [says = '', ...rest] = reasonOf(error).split('\n');
    const fix = rest.length > 0 ? rest.join('\n').trim() : accessFix(role);
    return { check: { name, state: 'problem', says, fix } };
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
async function tokenCheck(context: Context, role: string, env: NodeJS.ProcessEnv): Promise<Check> {
  const name = "the job's OIDC token";
  try {
    const { claims } = await requestIdentityToken(env, context);
    const statement = JSON.stringify(fittingStatement(role, claims), null, 2);
    const fix = `A statement of a trust policy that accepts exactly this token:\n${statement}`;
    return { name, state: 'ok', says: `sub ${String(claims['sub'])}, aud ${String(claims['aud'])}`, fix };
  } catch (error) {
    context.signal.throwIfAborted();
    const [says = '', ...rest] = reasonOf(error).split('\n');
    return { name, state: 'problem', says, ...(rest.length > 0 && { fix: rest.join('\n').trim() }) };
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
