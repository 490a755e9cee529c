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
  /** The timeout of one attempt. Default: 2 s. */
  timeoutMs?: number;
  /** How long the circuit stays open before the next attempt. Default: 5 s. */
  openMs?: number;
}

export interface Answer {
  status: number;
  body: unknown;
}

/** A retry may succeed: there was no response, or the service is temporarily unavailable. */
class AttemptFailedError extends Error {}

const FAILURES_TO_OPEN = 5;
const RETRIES = 2;
const TRANSIENT_STATUSES = new Set([502, 503, 504]);

/**
 * Calls another service over HTTP: each attempt has a timeout, a failed attempt is retried twice with increasing,
 * jittered delays, and after five consecutive failures the circuit opens and calls fail immediately. Only for
 * idempotent requests.
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

  /** @throws DependencyUnavailableError if no attempt got a response. */
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

/** fetch reports only "fetch failed"; its cause has the reason. */
function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
