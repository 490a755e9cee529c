import {
  BrokenCircuitError,
  ConsecutiveBreaker,
  ExponentialBackoff,
  circuitBreaker,
  handleType,
  retry,
  wrap,
} from 'cockatiel';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { DependencyUnavailableError } from './problems.ts';
import { inSpan, traceHeaders } from './tracing.ts';

export interface ServiceClientOptions {
  /** The called service, for errors, metrics and traces. */
  service: string;
  address: string;
  log: Log;
  metrics: Metrics;
  token?: string | undefined;
  /** Of one attempt; default 2 s. */
  timeoutMs?: number;
  /** How long the open circuit refuses before it tries again; default 5 s. */
  openMs?: number;
}

export interface Answer {
  status: number;
  body: unknown;
}

/** Worth another try: nothing came back, or the other side says that it cannot now. */
class AttemptFailedError extends Error {}

const FAILURES_TO_OPEN = 5;
const RETRIES = 2;
const TRANSIENT_STATUSES = new Set([502, 503, 504]);

/**
 * Calls another service over HTTP: each attempt has a time limit, a failed one is tried twice more with growing,
 * jittered pauses, and after five failures in a row the circuit opens and callers hear at once. Only for requests
 * that may arrive twice.
 */
export class ServiceClient {
  readonly #options: ServiceClientOptions;
  readonly #policy;

  constructor(options: ServiceClientOptions) {
    this.#options = options;
    const failed = handleType(AttemptFailedError);
    const breaker = circuitBreaker(failed, {
      halfOpenAfter: options.openMs ?? 5_000,
      breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    });
    const backoff = new ExponentialBackoff({ initialDelay: 50, maxDelay: 500 });
    this.#policy = wrap(retry(failed, { maxAttempts: RETRIES, backoff }), breaker);
    const open = options.metrics.circuit(options.service);
    breaker.onBreak(() => {
      options.log.warn({ dependency: options.service }, 'circuit opened');
      open(true);
    });
    breaker.onReset(() => {
      options.log.info({ dependency: options.service }, 'circuit closed');
      open(false);
    });
  }

  /** @throws DependencyUnavailableError when no attempt got an answer. */
  async request(method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<Answer> {
    const { service } = this.#options;
    const attributes = { 'http.request.method': method, 'peer.service': service };
    try {
      return await this.#policy.execute(() =>
        inSpan(`${method} ${service}`, { kind: 'client', attributes }, () =>
          this.#attempt(method, path, body),
        ),
      );
    } catch (error) {
      if (error instanceof AttemptFailedError || error instanceof BrokenCircuitError) {
        throw new DependencyUnavailableError(service, error);
      }
      throw error;
    }
  }

  async #attempt(method: string, path: string, body: unknown): Promise<Answer> {
    const { address, token, timeoutMs = 2_000 } = this.#options;
    const headers = {
      ...traceHeaders(),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    let answer: Answer;
    try {
      const response = await fetch(address + path, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await response.text();
      answer = { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
    } catch (error) {
      throw new AttemptFailedError(reason(error), { cause: error });
    }
    if (TRANSIENT_STATUSES.has(answer.status)) throw new AttemptFailedError(`status ${answer.status}`);
    return answer;
  }
}

/** fetch says only "fetch failed"; its cause says why. */
function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
