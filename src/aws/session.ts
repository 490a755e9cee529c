import type { Context } from '../core/context.ts';
import { type FileLine, InputError, PlatformError, reasonOf } from '../core/errors.ts';
import { timeLimit } from '../core/text.ts';
import { assumeRole, type RoleCredentials, type RoleOptions } from './assume-role.ts';
import { type ClientAccess, stsClient } from './clients.ts';
import { regionProblem } from './partition.ts';
import { send } from './send.ts';

/** Access to one account in one region. */
export interface Session extends ClientAccess {
  /** The account id; requested once, when first needed. */
  accountId(): Promise<string>;
}

interface SessionOptions {
  region: string;
  /** ARN of a role to assume, with the job's OIDC token or with the credentials in the environment. */
  roleToAssume?: string | undefined;
  context: Pick<Context, 'clock' | 'limiter' | 'signal' | 'log'>;
  /** The environment with GitHub's variables for the token; default, the process's. */
  env?: NodeJS.ProcessEnv;
}

/** The credentials belong to the wrong account. */
export class WrongAccountError extends PlatformError {
  override readonly name = 'WrongAccountError';
}

/**
 * Rejects credentials of another account, where resources of the same names may exist.
 *
 * @param explain returns the message, given the account that the credentials belong to.
 * @param advice how to get credentials of the right account, and the line that names the account.
 * @throws WrongAccountError if the account differs.
 */
export async function requireSessionAccount(
  session: Session,
  account: string,
  explain: (actual: string) => string,
  advice: { fix?: string; at?: FileLine } = {},
): Promise<void> {
  const actual = await session.accountId();
  if (actual !== account) throw new WrongAccountError('account-mismatch', explain(actual), advice);
}

const ROLE_ARN = /^arn:aws[\w-]*:iam::(\d{12}):role\/[\w+=,.@/-]+$/;

/**
 * Opens a session, without a call. With `roleToAssume` the first call assumes the role; its credentials stay in
 * this process and are renewed before they expire.
 *
 * @throws InputError for an invalid region or role ARN.
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
    throw new PlatformError('service-unavailable', 'GetCallerIdentity returned no account');
  }
  return Account;
}

/** Memoizes a call that succeeds; one that fails is made again. */
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

/** The SDK requests credentials again when less than five minutes are left, so they are renewed before that. */
const RENEW_BEFORE_MS = 6 * 60_000;
/** The wait after a failed renewal, while the old credentials are valid. */
const RETRY_RENEWAL_MS = 20_000;

/**
 * A provider of the role's credentials, shared by all clients. Concurrent callers share one AssumeRole call, and the
 * credentials are kept in memory only. A failed renewal is retried until the old credentials expire.
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
      renewAt = clock.now() + RETRY_RENEWAL_MS;
      log.info(
        `The credentials of ${options.roleArn} could not be renewed and expire in ${timeLimit(leftMs)}: ${reasonOf(error)}`,
      );
      return live;
    }
  };
  return () => {
    if (current && clock.now() < renewAt) return current;
    renewAt = Infinity; // Other callers wait for this renewal.
    current = renew();
    return current;
  };
}
