import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Pool } from 'pg';

const DURATION_BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** The Prometheus metrics: the process itself, and every request by method, route and status. */
export class Metrics {
  readonly registry = new Registry();
  readonly #requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Duration of requests',
    labelNames: ['method', 'route', 'status'],
    buckets: DURATION_BUCKETS_S,
    registers: [this.registry],
  });

  readonly #circuits = new Gauge({
    name: 'circuit_open',
    help: 'Whether the circuit of a dependency is open (1) or closed (0)',
    labelNames: ['dependency'],
    registers: [this.registry],
  });
  #cacheReads: Counter<'result'> | undefined;
  #cacheFailures: Counter<'operation' | 'reason'> | undefined;

  constructor(service: string) {
    this.registry.setDefaultLabels({ service });
    collectDefaultMetrics({ register: this.registry });
  }

  observeRequest(method: string, route: string, status: number, seconds: number): void {
    this.#requests.observe({ method, route, status }, seconds);
  }

  /** Counts the pool's active and idle connections, and the requests waiting for one. */
  watchPool(pool: Pool): void {
    new Gauge({
      name: 'db_pool_connections',
      help: 'Database connections by state',
      labelNames: ['state'],
      registers: [this.registry],
      collect() {
        this.set({ state: 'used' }, pool.totalCount - pool.idleCount);
        this.set({ state: 'idle' }, pool.idleCount);
        this.set({ state: 'waiting' }, pool.waitingCount);
      },
    });
  }

  /** Reports whether the circuit of a dependency is open. */
  circuit(dependency: string): (isOpen: boolean) => void {
    this.#circuits.set({ dependency }, 0);
    return (isOpen) => {
      this.#circuits.set({ dependency }, isOpen ? 1 : 0);
    };
  }

  /** Reports reads, failures and the connection of the cache, for a service that has one. */
  watchCache(isConnected: () => boolean): void {
    const registers = [this.registry];
    this.#cacheReads = new Counter({
      name: 'cache_reads_total',
      help: 'Reads by result: hit, miss, busy (another reader fills it), error, bypass (it may hold an old value)',
      labelNames: ['result'],
      registers,
    });
    this.#cacheFailures = new Counter({
      name: 'cache_failures_total',
      help: 'Commands that timed out, were refused by the cache, or were not sent because the circuit is open',
      labelNames: ['operation', 'reason'],
      registers,
    });
    new Gauge({
      name: 'cache_connected',
      help: 'Whether the cache is connected',
      registers,
      collect() {
        this.set(isConnected() ? 1 : 0);
      },
    });
  }

  countCacheRead(result: 'hit' | 'miss' | 'busy' | 'error' | 'bypass'): void {
    this.#cacheReads?.inc({ result });
  }

  countCacheFailure(operation: string, reason: 'failed' | 'circuit open'): void {
    this.#cacheFailures?.inc({ operation, reason });
  }
}
