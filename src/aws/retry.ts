import type { CloudFormationClientConfig } from '@aws-sdk/client-cloudformation';
import type { Clock } from '../core/context.ts';
import { classify } from './errors.ts';
import type { AwsErrorClass } from './errors.ts';

type Strategy = Extract<
  NonNullable<CloudFormationClientConfig['retryStrategy']>,
  { acquireInitialRetryToken: unknown }
>;
type Token = Awaited<ReturnType<Strategy['acquireInitialRetryToken']>>;
type ErrorInfo = Parameters<Strategy['refreshRetryTokenForRetry']>[1];

export const MAX_ATTEMPTS = 8;
const LONGEST_WAIT_MS = 20_000;

/** How often a call is tried in all, and the first wait's upper bound in ms, which doubles each time. */
const PLAN: Partial<Record<AwsErrorClass, { attempts: number; baseMs: number }>> = {
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
    const plan = planFor(info.error);
    if (!plan || retries >= plan.attempts) throw info.error as Error;
    const bound = Math.min(plan.baseMs * 2 ** (retries - 1), LONGEST_WAIT_MS);
    await this.#clock.sleep(Math.max(Math.random() * bound, this.#hinted(info)));
    return tokenFor(retries);
  }

  recordSuccess(): void {
    // There is no budget to give back: each call is bounded by itself.
  }

  /** The wait that a Retry-After header asks for, in ms. */
  #hinted(info: ErrorInfo): number {
    const hint = info.retryAfterHint;
    return hint ? Math.min(hint.getTime() - this.#clock.now(), LONGEST_WAIT_MS) : 0;
  }
}

function planFor(error: unknown): { attempts: number; baseMs: number } | undefined {
  const corrected = (error as { $metadata?: { clockSkewCorrected?: boolean } }).$metadata?.clockSkewCorrected;
  return corrected ? { attempts: 2, baseMs: 0 } : PLAN[classify(error)];
}

function tokenFor(retries: number): Token {
  return { getRetryCount: () => retries, getRetryDelay: () => 0 };
}
