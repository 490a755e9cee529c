import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { cloudWatchClient } from '../../aws/clients.ts';
import { requireSessionAccount, type Session } from '../../aws/session.ts';
import type { Context } from '../../core/context.ts';
import { serviceContext } from '../release/request.ts';
import type { ServiceContext } from '../release/request.ts';

export interface PromotionContext extends ServiceContext {
  cloudWatch(): Promise<CloudWatchClient>;
}

/** An environment as a promotion sees it: an account, and the cluster in it. */
export interface PromotionEnvironment {
  name: string;
  project: string;
  region: string;
  /** The account that it must be. */
  account: string;
  cluster: string;
  context: PromotionContext;
  session: Session;
}

/** Opens an environment, without a call. Each has a rate of its own: AWS counts by account. */
export function openPromotionEnvironment(
  place: Omit<PromotionEnvironment, 'context' | 'session'>,
  session: Session,
  context: Context,
  env: NodeJS.ProcessEnv,
): PromotionEnvironment {
  const services = serviceContext(session, context, env);
  let cloudWatch: Promise<CloudWatchClient> | undefined;
  return {
    ...place,
    session,
    context: {
      ...services,
      cloudWatch: () => (cloudWatch ??= cloudWatchClient(session, services)),
    },
  };
}

/**
 * Checks the credentials of each environment, before anything else is asked of AWS.
 *
 * @throws WrongAccountError that names both accounts.
 */
export async function requireAccounts(environments: readonly PromotionEnvironment[]): Promise<void> {
  await Promise.all(
    environments.map(({ name, account, session }) =>
      requireSessionAccount(
        session,
        account,
        (actual) => `The environment ${name} is the account ${account}, and the credentials are of ${actual}`,
      ),
    ),
  );
}

/** The same environment, ended by another signal: that of a lock as well. */
export function withSignal(environment: PromotionEnvironment, signal: AbortSignal): PromotionEnvironment {
  return { ...environment, context: { ...environment.context, signal } };
}
