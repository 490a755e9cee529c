import { type IdentityToken, requestIdentityToken } from '../../aws/oidc.ts';
import { createSession, type Session } from '../../aws/session.ts';
import { stsClient } from '../../aws/clients.ts';
import { send } from '../../aws/send.ts';
import type { Context } from '../../core/context.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { plural } from '../../core/text.ts';
import type { Environment } from '../manifest/manifest.ts';
import type { Check } from '../run/result.ts';
import { checkTrust } from './trust.ts';

interface Access {
  checks: Check[];
  /** A session in the environment's account, and its role. Absent if the account cannot be accessed. */
  opened?: { session: Session; role: string | undefined };
}

interface AccessOptions {
  roleToAssume: string | undefined;
  env: NodeJS.ProcessEnv;
  /** See checkTrust. */
  workflowRefs: readonly string[];
}

/**
 * Checks whether jobs can access the environment's account, with their own credentials or with the manifest's roles. If a
 * role cannot be assumed, the check shows the token's actual claims and a trust policy that accepts them. A job outside of
 * the GitHub environment assumes the read-only role, as a plan does, and reads the deploy role's trust policy with it.
 */
export async function checkAccess(
  context: Context,
  environment: Environment,
  options: AccessOptions,
): Promise<Access> {
  const { role, readRole } = environment;
  const { roleToAssume, env } = options;
  const deployRole = roleToAssume ?? role;
  const token = deployRole === undefined ? undefined : await checkToken(context, env);
  const outside = token?.claims !== undefined && token.claims['environment'] !== environment.name;
  const reads = roleToAssume === undefined && readRole !== role ? readRole : undefined;
  const access = await openAccount(context, environment, (outside ? reads : undefined) ?? deployRole, env);
  const { role: assumed, session, check, clock } = access;
  const checks = [check, ...(clock ? [clock] : []), ...(token ? [token.check] : [])];
  if (!session) return { checks };
  if (deployRole !== undefined && token?.claims) {
    const { name } = environment;
    const { workflowRefs } = options;
    const request = { role: deployRole, environment: name, claims: token.claims, workflowRefs };
    checks.push(await checkTrust(context, session, { ...request, assumed: assumed === deployRole }));
  }
  return { checks, opened: { session, role: assumed } };
}

/**
 * Checks whether a job can read the environment that images are promoted from. A job in the GitHub environment has another
 * token, so only credentials of the wrong account prove that a promotion would fail.
 */
export async function checkUpstream(
  context: Context,
  environment: Environment,
  upstream: Environment,
  env: NodeJS.ProcessEnv,
): Promise<Check> {
  const { name: from, readRole } = upstream;
  const name = `access to ${from}, which ${environment.name} promotes images from`;
  const { check, account } = await openAccount(context, upstream, readRole, env);
  const by = readRole === undefined ? "the job's credentials" : roleName(readRole);
  const says = `${by}: ${check.says}`;
  if (check.state === 'ok') return { name, state: 'ok', says };
  if (account === undefined)
    return { ...check, name, state: 'warning', says: `could not be checked with ${says}` };
  const fix = `Set plan-role or role of environments.${from} to a role of account ${upstream.account}.`;
  return { name, state: 'problem', says, fix };
}

interface OpenedAccount {
  role: string | undefined;
  check: Check;
  /** The account of the credentials. Absent if there are none. */
  account?: string;
  session?: Session;
  clock?: Check;
}

async function openAccount(
  context: Context,
  { region, account }: Environment,
  role: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<OpenedAccount> {
  const name = role === undefined ? "the job's credentials" : `the role ${roleName(role)}`;
  try {
    const session = createSession({ region, roleToAssume: role, context, env });
    const { account: actual, clock } = await callerAccount(session, context);
    if (actual === account) {
      const check: Check = { name, state: 'ok', says: `access to account ${account}` };
      return { role, session, account: actual, check, clock };
    }
    const says = `expected account ${account}, got ${actual}`;
    const fix = `Set the environment's role in the manifest to a role of account ${account}, or correct its account.`;
    return { role, account: actual, check: { name, state: 'problem', says, fix }, clock };
  } catch (error) {
    context.signal.throwIfAborted();
    const [says = '', ...rest] = reasonOf(error).split('\n');
    const known = error instanceof PlatformError ? error.fix : undefined;
    const fix = known ?? (rest.length > 0 ? rest.join('\n').trim() : accessFix(role));
    return { role, check: { name, state: 'problem', says, fix } };
  }
}

/** Makes a real call, because only that proves that a role can be assumed. */
async function callerAccount(session: Session, context: Context): Promise<{ account: string; clock: Check }> {
  const { GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
  const client = await stsClient(session, context);
  const { Account } = await send(client, new GetCallerIdentityCommand({}), context);
  if (Account === undefined)
    throw new PlatformError('service-unavailable', 'GetCallerIdentity returned no account');
  return { account: Account, clock: checkClock(client.config.systemClockOffset) };
}

const MINUTE_MS = 60_000;

/**
 * Compares the runner's clock with the time in a response from AWS. The SDK corrects its own signatures, but locks, soak
 * times and other tools use the runner's clock: "In most cases, a request must reach AWS within five minutes of the time
 * stamp in the request."
 *
 * @param offsetMs how far the clock is behind AWS; negative if it is ahead.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 */
export function checkClock(offsetMs: number): Check {
  const name = "the runner's clock";
  const away = Math.abs(offsetMs);
  if (away < MINUTE_MS) return { name, state: 'ok', says: "within 1 minute of AWS's time" };
  const says = `${plural(Math.round(away / MINUTE_MS), 'minute')} ${offsetMs > 0 ? 'behind' : 'ahead of'} AWS's time`;
  const fix = "Synchronize the runner's clock, for example with chrony or systemd-timesyncd.";
  return { name, state: 'warning', says, fix };
}

/** The claims that trust policies check, which GitHub does not show. */
async function checkToken(
  context: Context,
  env: NodeJS.ProcessEnv,
): Promise<{ check: Check; claims?: IdentityToken['claims'] }> {
  const name = "the job's OIDC token";
  try {
    const { claims } = await requestIdentityToken(env, context);
    const says = `sub ${String(claims['sub'])}, aud ${String(claims['aud'])}, job_workflow_ref ${String(claims['job_workflow_ref'])}`;
    return { check: { name, state: 'ok', says }, claims };
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
    ? "Set the environment's role in the manifest, or configure credentials in the job."
    : 'Deploy templates/bootstrap.yml in the account. It creates the OIDC provider and the roles.';
}

function roleName(arn: string): string {
  return arn.slice(arn.indexOf('role/') + 'role/'.length);
}
