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
  /** A try so far got no answer of AWS, so that the call may have been applied. */
  answerLost: boolean;
};
type ErrorInfo = Parameters<Strategy['refreshRetryTokenForRetry']>[1];

/** Where 30 % of the calls fail by chance, one of 6 million fails every time: 0.3 to the 13th. */
export const MAX_ATTEMPTS = 13;

/** Its waits add up to about a minute. */
const OUTAGE: RetryPolicy = { attempts: MAX_ATTEMPTS, baseMs: 200 };

const POLICIES: Partial<Record<AwsErrorClass, RetryPolicy>> = {
  throttle: { attempts: MAX_ATTEMPTS, baseMs: 500 },
  network: { attempts: 8, baseMs: 100 },
  server: { attempts: 5, baseMs: 100 },
};

/**
 * When the SDK tries a call again: after throttling, a lost connection, a 5xx or a body that cannot be read,
 * with exponential backoff and full jitter; throttling and a 5xx for about a minute. The SDK's own strategy would give up on a body
 * that cannot be read, and would wait out an exhausted quota (LimitExceeded) as if it were throttling.
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

  /** @throws the error when the call is not to be tried again. */
  async refreshRetryTokenForRetry(token: Token, info: ErrorInfo): Promise<Token> {
    const retries = token.getRetryCount() + 1;
    const policy = policyFor(info.error);
    if (!policy || retries >= policy.attempts) throw markLost(info.error, token.answerLost);
    await this.#clock.sleep(backoffMs(policy, retries, this.#hintMs(info)));
    return tokenFor(retries, token.answerLost || isLost(info.error));
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
  const { clockSkewCorrected, httpStatusCode: status = 0 } =
    (error as { $metadata?: { clockSkewCorrected?: boolean; httpStatusCode?: number } }).$metadata ?? {};
  if (clockSkewCorrected) return { attempts: 2, baseMs: 0 };
  const kind = classify(error);
  return kind === 'server' && status >= 500 ? OUTAGE : POLICIES[kind];
}

function tokenFor(retries: number, answerLost: boolean): Token {
  return { getRetryCount: () => retries, getRetryDelay: () => 0, answerLost };
}

function isLost(error: unknown): boolean {
  return ['network', 'server'].includes(classify(error));
}

/** Tells on the last error that an earlier try got no answer. */
function markLost(error: unknown, answerLost: boolean): Error {
  const failure = error as Error & { $metadata?: { answerLost?: boolean } };
  if (answerLost && failure.$metadata) failure.$metadata.answerLost = true;
  return failure;
}
