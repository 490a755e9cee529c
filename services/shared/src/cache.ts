import {
  ConsecutiveBreaker,
  TimeoutStrategy,
  circuitBreaker,
  handleAll,
  isBrokenCircuitError,
  timeout,
  wrap,
} from 'cockatiel';
import { randomUUID } from 'node:crypto';
import type { CacheConfig } from './cache-config.ts';
import { CacheConnection } from './cache-connection.ts';
import type { CacheCommands } from './cache-connection.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { inSpan } from './tracing.ts';

const FAILURES_TO_OPEN = 5;
/**
 * The maximum duration of a statement. Until then, other readers use the database if the reader with the lease fails.
 */
const LEASE_MS = 5_000;
const LEASE = 'lease:';

type Failed = { failed: true };
const FAILED: Failed = { failed: true };

/**
 * A cache in front of the database. It never causes a failure: commands have a timeout, after five consecutive
 * failures no command is sent for a while, and reads then use the database. A read waits for at most two commands, a
 * write for one.
 *
 * A cache miss leaves a lease, and the reader sets the key only while that lease exists. A write removes the key and
 * with it the lease, so that a reader that read the database before the write cannot set the key after it.
 */
export class ReadCache {
  readonly #config: CacheConfig;
  readonly #connection: CacheConnection;
  readonly #metrics: Metrics;
  readonly #policy;
  /** Keys that could not be removed, and until when they may contain an old value. */
  readonly #suspects = new Map<string, number>();

  constructor(config: CacheConfig, options: { log: Log; metrics: Metrics }) {
    const { log, metrics } = options;
    this.#config = config;
    this.#metrics = metrics;
    this.#connection = new CacheConnection(config, log);
    metrics.watchCache(() => this.#connection.isConnected);
    const breaker = circuitBreaker(handleAll, {
      halfOpenAfter: config.openMs,
      breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
    });
    const open = metrics.circuit('cache');
    breaker.onBreak((reason) => {
      log.warn({ dependency: 'cache', err: 'error' in reason ? reason.error : undefined }, 'circuit opened');
      open(true);
      // Commands waiting for a server that does not respond are abandoned.
      if (this.#connection.isConnected) this.#connection.renew();
    });
    breaker.onReset(() => {
      log.info({ dependency: 'cache' }, 'circuit closed');
      open(false);
    });
    this.#policy = wrap(breaker, timeout(config.timeoutMs, TimeoutStrategy.Aggressive));
  }

  /** The cached value, or the result of `load`, which is cached unless it is undefined. */
  async read<T extends object>(key: string, load: () => Promise<T | undefined>): Promise<T | undefined> {
    if (this.#isSuspect(key)) return this.#pass('bypass', load);
    const lease = LEASE + randomUUID();
    const found = await this.#send('SET', (commands) => commands.claim(key, lease, LEASE_MS));
    if (isFailed(found)) return this.#pass('error', load);
    if (found?.startsWith(LEASE)) return this.#pass('busy', load);
    if (found !== null) return (await this.#parse<T>(key, found)) ?? this.#pass('error', load);
    const value = await this.#pass('miss', load);
    if (value !== undefined) {
      const text = JSON.stringify(value);
      await this.#send('EVAL', (commands) => commands.replace(key, lease, text, this.#config.ttlMs));
    }
    return value;
  }

  /** Runs a write, then removes the keys, even after a failure, because the write may have been committed. */
  async write<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      await this.forget(keys);
    }
  }

  /** Removes the keys. A key that cannot be removed is bypassed until its old value has expired. */
  async forget(keys: readonly string[]): Promise<void> {
    await Promise.all(
      keys.map(async (key) => {
        const removed = await this.#send('DEL', (commands) => commands.remove(key));
        if (isFailed(removed)) this.#suspect(key);
      }),
    );
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Undefined if it is not JSON: then something else has written this key, and it is removed. */
  async #parse<T>(key: string, text: string): Promise<T | undefined> {
    try {
      const value = JSON.parse(text) as T;
      this.#metrics.countCacheRead('hit');
      return value;
    } catch {
      await this.forget([key]);
      return undefined;
    }
  }

  #pass<T>(result: 'miss' | 'busy' | 'error' | 'bypass', load: () => Promise<T>): Promise<T> {
    this.#metrics.countCacheRead(result);
    return load();
  }

  async #send<T>(operation: string, work: (commands: CacheCommands) => Promise<T>): Promise<T | Failed> {
    const attributes = { 'db.system.name': 'redis', 'db.operation.name': operation };
    try {
      return await this.#policy.execute(() =>
        inSpan(operation, { kind: 'client', attributes }, () => work(this.#connection.commands())),
      );
    } catch (error) {
      this.#metrics.countCacheFailure(operation, isBrokenCircuitError(error) ? 'circuit open' : 'failed');
      return FAILED;
    }
  }

  #suspect(key: string): void {
    const now = performance.now();
    for (const [other, until] of this.#suspects) if (until <= now) this.#suspects.delete(other);
    this.#suspects.set(key, now + LEASE_MS + this.#config.ttlMs);
  }

  #isSuspect(key: string): boolean {
    const until = this.#suspects.get(key);
    return until !== undefined && until > performance.now();
  }
}

const isFailed = (answer: unknown): answer is Failed => answer === FAILED;
