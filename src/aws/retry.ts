import type { CloudFormationClientConfig } from '@aws-sdk/client-cloudformation';
import type { Clock } from '../core/clock.ts';
import { backoffMs, type RetryPolicy } from '../core/retry.ts';
import { classify } from './errors.ts';
import type { AwsErrorClass } from './errors.ts';

type Strategy = Extract<
  NonNullable<CloudFormationClientConfig['retryStrategy']>,
  { acquireInitialRetryToken: unknown }
>;
type Token = Awaited<ReturnType<Strategy['acquireInitialRetryToken']>> & {
  /** Whether an earlier attempt got no response, so that AWS may have applied the call. */
  responseLost: boolean;
};
type ErrorInfo = Parameters<Strategy['refreshRetryTokenForRetry']>[1];

/** If 30% of the calls fail at random, one in 6 million fails 13 times in a row (0.3^13). */
export const MAX_ATTEMPTS = 13;

/** The waits add up to about a minute. */
const OUTAGE: RetryPolicy = { attempts: MAX_ATTEMPTS, baseMs: 200 };

const POLICIES: Partial<Record<AwsErrorClass, RetryPolicy>> = {
  throttle: { attempts: MAX_ATTEMPTS, baseMs: 500 },
  network: { attempts: 8, baseMs: 100 },
  server: { attempts: 5, baseMs: 100 },
};

/**
 * Retries calls after throttling, a lost connection, a 5xx or an unreadable body, with exponential backoff and full
 * jitter; throttling and 5xx for about a minute. The SDK's own strategy does not retry an unreadable body, and retries an
 * exhausted quota (LimitExceeded) as if it were throttling.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
 */
export class RetryStrategy implements Strategy {
  readonly mode = 'standard';
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  acquireInitialRetryToken(): Promise<Token> {
    return Promise.resolve(tokenFor(0, false));
  }

  /** @throws the error if the call is not retried. */
  async refreshRetryTokenForRetry(token: Token, info: ErrorInfo): Promise<Token> {
    const retries = token.getRetryCount() + 1;
    const policy = policyFor(info.error);
    if (!policy || retries >= policy.attempts) throw markLost(info.error, token.responseLost);
    await this.#clock.sleep(backoffMs(policy, retries, this.#hintMs(info)));
    return tokenFor(retries, token.responseLost || isLost(info.error));
  }

  recordSuccess(): void {
    // There is no retry budget to return: each call has its own limit.
  }

  /** The wait of a Retry-After header, in ms. */
  #hintMs({ retryAfterHint: hint }: ErrorInfo): number {
    return hint ? hint.getTime() - this.#clock.now() : 0;
  }
}

function policyFor(error: unknown): RetryPolicy | undefined {
  const { clockSkewCorrected, httpStatusCode: status = 0 } =
    (error as { $metadata?: { clockSkewCorrected?: boolean; httpStatusCode?: number } }).$metadata ?? {};
  if (clockSkewCorrected) return { attempts: 2, baseMs: 0 };
  const kind = classify(error);
  return kind === 'server' && status >= 500 ? OUTAGE : POLICIES[kind];
}

function tokenFor(retries: number, responseLost: boolean): Token {
  return { getRetryCount: () => retries, getRetryDelay: () => 0, responseLost };
}

function isLost(error: unknown): boolean {
  return ['network', 'server'].includes(classify(error));
}

/** Marks the last error if an earlier attempt got no response. */
function markLost(error: unknown, responseLost: boolean): Error {
  const failure = error as Error & { $metadata?: { responseLost?: boolean } };
  if (responseLost && failure.$metadata) failure.$metadata.responseLost = true;
  return failure;
}
