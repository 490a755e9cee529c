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
  const token = deployRole === undefined ? undefined : await askForToken(context, env);
  const outside = token?.claims !== undefined && token.claims['environment'] !== environment.name;
  const reads = roleToAssume === undefined && readRole !== role ? readRole : undefined;
  const entered = await enter(context, environment, (outside ? reads : undefined) ?? deployRole, env);
  const { role: taken, session, check, clock } = entered;
  const checks = [check, ...(clock ? [clock] : []), ...(token ? [token.check] : [])];
  if (!session) return { checks };
  if (deployRole !== undefined && token?.claims) {
    const { name } = environment;
    const { workflowRefs } = options;
    const request = { role: deployRole, environment: name, claims: token.claims, workflowRefs };
    checks.push(await checkTrust(context, session, { ...request, assumed: taken === deployRole }));
  }
  return { checks, opened: { session, role: taken } };
}

/**
 * Whether a job reads the environment that images are promoted from. A job of the GitHub environment has another token,
 * so only credentials of another account prove that a promotion fails.
 */
export async function checkUpstream(
  context: Context,
  environment: Environment,
  upstream: Environment,
  env: NodeJS.ProcessEnv,
): Promise<Check> {
  const { name: from, readRole } = upstream;
  const name = `access to ${from}, which ${environment.name} is promoted from`;
  const { check, reached } = await enter(context, upstream, readRole, env);
  const by = readRole === undefined ? "the job's credentials" : roleName(readRole);
  const says = `${by}: ${check.says}`;
  if (check.state === 'ok') return { name, state: 'ok', says };
  if (reached === undefined) return { ...check, name, state: 'warning', says: `not checked by ${says}` };
  const fix = `Set plan-role or role of environments.${from} to a role of account ${upstream.account}.`;
  return { name, state: 'problem', says, fix };
}

interface Entered {
  role: string | undefined;
  check: Check;
  /** The account of the credentials; absent where there are none. */
  reached?: string;
  session?: Session;
  clock?: Check;
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
    const { account: reached, clock } = await callerAccount(session, context);
    if (reached === account) {
      const check: Check = { name, state: 'ok', says: `they reach account ${account}` };
      return { role, session, reached, check, clock };
    }
    const says = `they belong to account ${reached}, and the manifest says ${account}`;
    const fix = `Give the environment the role of account ${account} in the manifest, or correct its account.`;
    return { role, reached, check: { name, state: 'problem', says, fix }, clock };
  } catch (error) {
    context.signal.throwIfAborted();
    const [says = '', ...rest] = reasonOf(error).split('\n');
    const known = error instanceof PlatformError ? error.fix : undefined;
    const fix = known ?? (rest.length > 0 ? rest.join('\n').trim() : accessFix(role));
    return { role, check: { name, state: 'problem', says, fix } };
  }
}

/** Asked for in earnest: a role is known to be open only once it was assumed. */
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
 * The runner's clock, by the time of an answer of AWS. The SDK corrects its own signatures. Locks and soaks go by the
 * runner's clock, and so do tools that do not correct theirs: "In most cases, a request must reach AWS within five minutes of
 * the time stamp in the request."
 *
 * @param offsetMs how far the clock is behind AWS; negative where it is ahead.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 */
export function checkClock(offsetMs: number): Check {
  const name = "the runner's clock";
  const away = Math.abs(offsetMs);
  if (away < MINUTE_MS) return { name, state: 'ok', says: 'less than 1 minute from the time of AWS' };
  const says = `${plural(Math.round(away / MINUTE_MS), 'minute')} ${offsetMs > 0 ? 'behind' : 'ahead of'} the time of AWS`;
  const fix = 'Synchronize the clock of the runner, such as by chrony or systemd-timesyncd.';
  return { name, state: 'warning', says, fix };
}

/** The claims that trust policies decide by, which are not shown elsewhere. */
async function askForToken(
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
    ? 'Name a role for the environment in the manifest, or give the job credentials.'
    : 'Deploy templates/bootstrap.yml in the account: it makes the OIDC provider and the roles.';
}

function roleName(arn: string): string {
  return arn.slice(arn.indexOf('role/') + 'role/'.length);
}
