import type { CloudFormationClientConfig } from '@aws-sdk/client-cloudformation';
import type { Clock } from '../core/clock.ts';
import { backoffMs, type RetryPolicy } from '../core/retry.ts';
import { classify } from './errors.ts';
import type { AwsErrorClass } from './errors.ts';

type Strategy = Extract<
  NonNullable<CloudFormationClientConfig['retryStrategy']>,
  { acquireInitialRetryToken: unknown }
>;
type Token = Awaited<ReturnType<Strategy['acquireInitialRetryToken']>>;
type ErrorInfo = Parameters<Strategy['refreshRetryTokenForRetry']>[1];

export const MAX_ATTEMPTS = 8;

const POLICIES: Partial<Record<AwsErrorClass, RetryPolicy>> = {
  throttle: { attempts: MAX_ATTEMPTS, baseMs: 500 },
  network: { attempts: MAX_ATTEMPTS, baseMs: 100 },
  server: { attempts: 5, baseMs: 100 },
};

/**
 * When the SDK tries a call again: after throttling, a lost connection, a 5xx or a body that cannot be read,
 * with exponential backoff and full jitter. The SDK's own strategy would give up on the last one, and would
 * wait out an exhausted quota (LimitExceeded) as if it were throttling.
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
    return Promise.resolve(tokenFor(0));
  }

  /** @throws the error when the call is not to be tried again. */
  async refreshRetryTokenForRetry(token: Token, info: ErrorInfo): Promise<Token> {
    const retries = token.getRetryCount() + 1;
    const policy = policyFor(info.error);
    if (!policy || retries >= policy.attempts) throw info.error as Error;
    await this.#clock.sleep(backoffMs(policy, retries, this.#hintMs(info)));
    return tokenFor(retries);
  }

  recordSuccess(): void {
    // There is no budget to give back: each call is bounded by itself.
  }

  /** The wait that a Retry-After header asks for, in ms. */
  #hintMs({ retryAfterHint: hint }: ErrorInfo): number {
    return hint ? hint.getTime() - this.#clock.now() : 0;
  }
}

function policyFor(error: unknown): RetryPolicy | undefined {
  const corrected = (error as { $metadata?: { clockSkewCorrected?: boolean } }).$metadata?.clockSkewCorrected;
  return corrected ? { attempts: 2, baseMs: 0 } : POLICIES[classify(error)];
}

function tokenFor(retries: number): Token {
  return { getRetryCount: () => retries, getRetryDelay: () => 0 };
}
