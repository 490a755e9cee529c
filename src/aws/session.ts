import type { Context } from '../core/context.ts';
import { InputError, PlatformError, reasonOf } from '../core/errors.ts';
import { timeLimit } from '../core/text.ts';
import { assumeRole, type RoleCredentials, type RoleOptions } from './assume-role.ts';
import { type ClientAccess, stsClient } from './clients.ts';
import { regionProblem } from './partition.ts';
import { send } from './send.ts';

/** Access to one account in one region. */
export interface Session extends ClientAccess {
  /** The account's twelve digits; asked for once, when first needed. */
  accountId(): Promise<string>;
}

interface SessionOptions {
  region: string;
  /** ARN of a role to assume, by the job's own OIDC token or by the credentials in the environment. */
  roleToAssume?: string | undefined;
  context: Pick<Context, 'clock' | 'limiter' | 'signal' | 'log'>;
  /** Where GitHub's variables for the token are; the process's own by default. */
  env?: NodeJS.ProcessEnv;
}

/** The credentials belong to another account than they should. */
export class WrongAccountError extends PlatformError {
  override readonly name = 'WrongAccountError';
}

/**
 * Refuses credentials of another account: things of the same names may exist there too.
 *
 * @param explain gives the message, for the account that the credentials belong to.
 * @param fix what gives credentials of the account.
 * @throws WrongAccountError.
 */
export async function requireSessionAccount(
  session: Session,
  account: string,
  explain: (actual: string) => string,
  fix?: string,
): Promise<void> {
  const actual = await session.accountId();
  if (actual !== account)
    throw new WrongAccountError('account-mismatch', explain(actual), { ...(fix !== undefined && { fix }) });
}

const ROLE_ARN = /^arn:aws[\w-]*:iam::(\d{12}):role\/[\w+=,.@/-]+$/;

/**
 * Opens a session, without a call. With `roleToAssume` the first call assumes the role; its credentials stay in
 * this process and are renewed before they expire. A role that is denied is an error with the fix.
 *
 * @throws InputError for a region or a role that cannot be one.
 */
export function createSession(options: SessionOptions): Session {
  const { region, roleToAssume, context, env = process.env } = options;
  const problem = regionProblem(region);
  if (problem !== undefined) throw new InputError('aws-region', region, `expected ${problem}`);
  if (roleToAssume === undefined || roleToAssume === '') {
    return { region, accountId: once(() => callerAccount(region, context)) };
  }
  const account = ROLE_ARN.exec(roleToAssume)?.[1];
  if (account === undefined) {
    throw new InputError(
      'role-to-assume',
      roleToAssume,
      'expected an ARN such as arn:aws:iam::111111111111:role/deploy',
    );
  }
  const credentials = roleCredentials({ region, roleArn: roleToAssume, context, env });
  return { region, account, credentials, accountId: () => Promise.resolve(account) };
}

async function callerAccount(region: string, context: SessionOptions['context']): Promise<string> {
  const { GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
  const client = await stsClient({ region }, context);
  const { Account } = await send(client, new GetCallerIdentityCommand({}), context);
  if (Account === undefined) {
    throw new PlatformError('service-unavailable', 'GetCallerIdentity answered without an account');
  }
  return Account;
}

/** Asks once; a failure is not remembered. */
function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask().catch((error: unknown) => {
      answer = undefined;
      throw error;
    });
    return answer;
  };
}

/** The SDK asks again for credentials that have less than five minutes left, so these are younger. */
const RENEW_BEFORE_MS = 6 * 60_000;
/** After a renewal that failed: the next one, while the old credentials live. */
const RENEW_AGAIN_MS = 20_000;

/**
 * A provider of the role's credentials, shared by all clients: the role is assumed once at a time, and
 * the credentials are kept in memory only. A renewal that fails is tried again until the old credentials have expired.
 */
function roleCredentials(options: RoleOptions): () => Promise<RoleCredentials> {
  const { clock, log } = options.context;
  let current: Promise<RoleCredentials> | undefined;
  let live: RoleCredentials | undefined;
  let renewAt = 0;
  const renew = async (): Promise<RoleCredentials> => {
    try {
      live = await assumeRole(options);
      renewAt = live.expiration.getTime() - RENEW_BEFORE_MS;
      return live;
    } catch (error) {
      const leftMs = (live?.expiration.getTime() ?? 0) - clock.now();
      if (!live || leftMs <= 0) {
        renewAt = 0;
        throw error;
      }
      renewAt = clock.now() + RENEW_AGAIN_MS;
      log.info(
        `The credentials of ${options.roleArn} could not be renewed, and are valid for another ${timeLimit(leftMs)}: ${reasonOf(error)}`,
      );
      return live;
    }
  };
  return () => {
    if (current && clock.now() < renewAt) return current;
    renewAt = Infinity; // While this one is on its way everybody waits for it.
    current = renew();
    return current;
  };
}
