import type { STSClientConfig } from '@aws-sdk/client-sts';
import type { Context } from '../runtime/context.ts';
import { InputError } from '../runtime/errors.ts';
import { send } from './send.ts';
import { stsClient } from './clients/sts.ts';
import { roleCredentials } from './role.ts';

export type Credentials = NonNullable<STSClientConfig['credentials']>;

/** Access to one account in one region. */
export interface Session {
  region: string;
  /** Absent: the SDK's default chain (environment, profile, container, instance). */
  credentials?: Credentials;
  /** The account's twelve digits; asked for once, when first needed. */
  accountId(): Promise<string>;
}

export interface SessionOptions {
  region: string;
  /** ARN of a role to assume with the job's own OIDC token. */
  roleToAssume?: string | undefined;
  context: Pick<Context, 'clock' | 'limiter' | 'signal' | 'log'>;
  /** Where GitHub's variables for the token are; the process's own by default. */
  env?: NodeJS.ProcessEnv;
}

const REGION = /^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/;
const ROLE_ARN = /^arn:aws[\w-]*:iam::(\d{12}):role\/[\w+=,.@/-]+$/;

/**
 * Opens a session, without a call. With `roleToAssume` the first call assumes the role; its credentials stay in
 * this process and are renewed before they expire. A role that is denied is an error with the fix.
 *
 * @throws InputError for a region or a role that cannot be one.
 */
export function createSession(options: SessionOptions): Session {
  const { region, roleToAssume, context, env = process.env } = options;
  if (!REGION.test(region))
    throw new InputError('aws-region', region, 'expected a region such as eu-central-1');
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
  return { region, credentials, accountId: () => Promise.resolve(account) };
}

async function callerAccount(region: string, context: SessionOptions['context']): Promise<string> {
  const { GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
  const client = await stsClient({ region }, context);
  const { Account } = await send(client, new GetCallerIdentityCommand({}), context);
  if (Account === undefined) throw new Error('GetCallerIdentity answered without an account');
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
