import type { STSClientConfig } from '@aws-sdk/client-sts';
import type { Context } from '../../runtime/context.ts';
import { MAX_ATTEMPTS, RetryStrategy } from '../retry.ts';
import type { Session } from '../session.ts';

const CONNECT_TIMEOUT_MS = 5000;
const ANSWER_TIMEOUT_MS = 30_000;

export type ClientContext = Pick<Context, 'clock' | 'limiter'>;
/** What a client needs to know of a session. */
export type Access = Pick<Session, 'region' | 'credentials'>;

/** What all clients have in common. */
export function configuration(access: Access, context: ClientContext) {
  return {
    region: access.region,
    ...(access.credentials && { credentials: access.credentials }),
    maxAttempts: MAX_ATTEMPTS,
    retryStrategy: new RetryStrategy(context.clock),
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: ANSWER_TIMEOUT_MS,
      socketTimeout: ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  } satisfies STSClientConfig;
}
