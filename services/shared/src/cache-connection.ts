import { createClient, createCluster } from '@redis/client';
import { setTimeout as delay } from 'node:timers/promises';
import type { CacheConfig } from './cache-config.ts';
import type { Log } from './log.ts';

/** The client's commands that are used, which are the same for a single server and for a cluster. */
export interface CacheCommands {
  /** Sets the key if it does not exist. @returns its existing value, or null if it was set. */
  claim(key: string, value: string, ttlMs: number): Promise<string | null>;
  /** Replaces the value if it is still `expected`. */
  replace(key: string, expected: string, value: string, ttlMs: number): Promise<void>;
  remove(key: string): Promise<void>;
}

export class CacheUnavailableError extends Error {
  constructor() {
    super('the cache is not connected');
  }
}

const CONNECT_TIMEOUT_MS = 5_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

const REPLACE = `if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end`;

/**
 * A connection that is opened in the background and reopened whenever it is lost, with increasing delays, each time
 * with a new client and a new login. While it is not connected, calls fail immediately.
 */
export class CacheConnection {
  readonly #config: CacheConfig;
  readonly #log: Log;
  readonly #stopped = new AbortController();
  readonly #ended: Promise<void>;
  #commands: CacheCommands | undefined;
  #drop: (reason: Error) => void = () => undefined;

  constructor(config: CacheConfig, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#ended = this.#stayConnected();
  }

  get isConnected(): boolean {
    return this.#commands !== undefined;
  }

  /** @throws CacheUnavailableError */
  commands(): CacheCommands {
    if (this.#commands === undefined) throw new CacheUnavailableError();
    return this.#commands;
  }

  /** Abandons the connection and everything waiting for it; a new one is opened. */
  renew(): void {
    this.#drop(new Error('the cache did not respond'));
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    this.#drop(new Error('closed'));
    await this.#ended;
  }

  async #stayConnected(): Promise<void> {
    let failures = 0;
    for (
      let pauseMs = FIRST_PAUSE_MS;
      !this.#isStopped();
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    ) {
      const client = newClient(this.#config);
      const lost = new Promise<Error>((resolve) => {
        this.#drop = resolve;
        // The client of a cluster emits the second event, for each of its servers.
        for (const event of ['error', 'node-error'] as const) client.on(event, resolve);
      });
      try {
        await withTimeout(client.connect(), lost);
        pauseMs = FIRST_PAUSE_MS;
        failures = 0;
        this.#commands = commandsOf(client);
        this.#log.info('connected to the cache');
        const reason = await lost;
        if (!this.#isStopped()) this.#log.warn({ err: reason }, 'lost the connection to the cache');
      } catch (error) {
        // Logged once per outage, not once per attempt.
        const level = failures === 0 ? 'warn' : 'debug';
        if (!this.#isStopped()) this.#log[level]({ err: error }, 'cannot connect to the cache');
        failures += 1;
      } finally {
        this.#commands = undefined;
        client.destroy();
      }
      // Jitter, so that the tasks of a service do not all reconnect at the same time.
      await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal: this.#stopped.signal }).catch(
        () => undefined,
      );
    }
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }
}

/** The timeout includes the login, for which the client itself would wait indefinitely. */
async function withTimeout(connected: Promise<unknown>, lost: Promise<Error>): Promise<void> {
  const timer = new AbortController();
  const late = delay(CONNECT_TIMEOUT_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`not connected within ${CONNECT_TIMEOUT_MS} ms`);
  });
  const failed = lost.then((error) => {
    throw error;
  });
  for (const promise of [connected, late, failed]) promise.catch(() => undefined);
  try {
    await Promise.race([connected, late, failed]);
  } finally {
    timer.abort();
  }
}

interface Client {
  connect(): Promise<unknown>;
  destroy(): unknown;
  on(event: 'error' | 'node-error', listener: (error: Error) => void): unknown;
  set(
    key: string,
    value: string,
    options: { condition: 'NX'; GET: true; expiration: { type: 'PX'; value: number } },
  ): Promise<string | null>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  del(key: string): Promise<number>;
}

/** It neither queues commands nor reconnects by itself: a lost client is replaced. */
function newClient({ host, port, tls, login, isCluster }: CacheConfig): Client {
  const socket = {
    ...(tls === false ? {} : { ...tls, tls: true as const }),
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectStrategy: false as const,
  };
  const common = {
    disableOfflineQueue: true,
    maintNotifications: 'disabled' as const,
    ...(login && {
      credentialsProvider: { type: 'async-credentials-provider' as const, credentials: login },
    }),
  };
  const server = { ...common, socket: { ...socket, host, port } };
  if (!isCluster) return createClient(server);
  return createCluster({ rootNodes: [server], defaults: { ...common, socket } });
}

const commandsOf = (client: Client): CacheCommands => ({
  claim: (key, value, ttlMs) =>
    client.set(key, value, { condition: 'NX', GET: true, expiration: { type: 'PX', value: ttlMs } }),
  async replace(key, expected, value, ttlMs) {
    await client.eval(REPLACE, { keys: [key], arguments: [expected, value, String(ttlMs)] });
  },
  async remove(key) {
    await client.del(key);
  },
});
