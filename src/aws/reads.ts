import { isStopSignal, markStopSignal } from '../core/cancellation.ts';
import { systemClock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { CancelledError, TimeoutError } from '../core/errors.ts';
import { type AwsErrorClass, classify } from './errors.ts';

/** The wall clock applies to a caller without a clock. */
type Caller = Pick<Context, 'signal' | 'urgency'> & Partial<Pick<Context, 'clock'>>;

/** An AWS call that reads or deletes several keys. */
interface BatchedCall<C, V> {
  /** The maximum number of keys in one call. */
  maxKeys: number;
  /** The errors that a single key can cause, such as a name that the role may not read. */
  splitsOn: readonly AwsErrorClass[];
  /**
   * Reads the unique keys of one group. Keys that do not exist are omitted from the result.
   *
   * @param group a further argument of the call, such as a cluster.
   */
  read(client: C, keys: readonly string[], context: Caller, group: string): Promise<ReadonlyMap<string, V>>;
}

/** How long requests are collected into one call, in ms. Callers that wait or poll together make theirs within less. */
const COLLECT_MS = 10;
/** After a failed call, up to this many keys are read one by one; more are split into two calls. */
const ONE_BY_ONE = 20;

/** A caller that waits for the value of a key. */
interface Waiter<V> {
  caller: Caller;
  key: string;
  resolve: (value: V | undefined) => void;
  reject: (error: unknown) => void;
}

/**
 * Combines concurrent reads into as few calls as AWS allows. Nothing is cached: each value comes from a call that was sent
 * after it was requested, so it is as current as that of a separate call.
 *
 * If a call fails because of one of its keys, the other keys are read without it. The calls of a batch are sent
 * concurrently.
 */
export class BatchReader<C extends object, V> {
  readonly #call: BatchedCall<C, V>;
  /** The batches that are being collected, by client and group. */
  readonly #open = new WeakMap<C, Map<string, Waiter<V>[]>>();

  constructor(call: BatchedCall<C, V>) {
    this.#call = call;
  }

  /**
   * The value of a key; undefined if it does not exist.
   *
   * @param context its signal cancels the wait of this caller only. The call is aborted when all of its callers are.
   * @throws AwsError of a call for this key; the signal's reason when it is aborted.
   */
  async get(client: C, key: string, context: Caller, group = ''): Promise<V | undefined> {
    context.signal.throwIfAborted();
    return await new Promise((resolve, reject) => {
      this.#collect(client, group, { caller: context, key, resolve, reject });
    });
  }

  /** The values of keys, without keys that do not exist. */
  async getAll(
    client: C,
    keys: readonly string[],
    context: Caller,
    group = '',
  ): Promise<ReadonlyMap<string, V>> {
    const found = await Promise.all(
      keys.map(async (key) => [key, await this.get(client, key, context, group)] as const),
    );
    return new Map(found.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])));
  }

  #collect(client: C, group: string, waiter: Waiter<V>): void {
    const groups = this.#open.get(client) ?? new Map<string, Waiter<V>[]>();
    this.#open.set(client, groups);
    // Calls that stop a deployment have their own batch, so that they do not wait for other reads.
    const key = `${isStopSignal(waiter.caller.signal) ? 'stop' : 'work'} ${group}`;
    const open = groups.get(key);
    if (open) {
      open.push(waiter);
      return;
    }
    const batch = [waiter];
    groups.set(key, batch);
    const { clock = systemClock } = waiter.caller;
    void clock.sleep(COLLECT_MS).then(() => {
      groups.delete(key);
      const keys = [...new Set(batch.map((one) => one.key))];
      for (const part of chunksOf(keys, this.#call.maxKeys))
        void this.#send(
          client,
          group,
          batch.filter((one) => part.includes(one.key)),
        );
    });
  }

  /** Settles every waiter. Never throws. */
  async #send(client: C, group: string, waiters: readonly Waiter<V>[]): Promise<void> {
    const keys = [...new Set(waiters.map(({ key }) => key))];
    const shared = shareCall(waiters);
    try {
      const found = await this.#call.read(client, keys, shared.context, group);
      for (const { key, resolve } of waiters) resolve(found.get(key));
    } catch (error) {
      if (keys.length > 1 && this.#call.splitsOn.includes(classify(error))) {
        // A few keys are read one by one: a role without any of the permissions then makes no more calls than before.
        const size = keys.length <= ONE_BY_ONE ? 1 : Math.ceil(keys.length / 2);
        await Promise.all(
          chunksOf(keys, size).map((part) =>
            this.#send(
              client,
              group,
              waiters.filter(({ key }) => part.includes(key)),
            ),
          ),
        );
      } else for (const { reject } of waiters) reject(error);
    } finally {
      shared.release();
    }
  }
}

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/** The context of a call for several callers: a cancelled caller stops waiting, and the call is aborted with the last one. */
function shareCall<V>(waiters: readonly Waiter<V>[]): { context: Caller; release(): void } {
  const waiting = new Set(waiters);
  const call = new AbortController();
  const listeners = waiters.map((waiter) => {
    const { signal } = waiter.caller;
    const leave = (): void => {
      waiter.reject(signal.reason);
      waiting.delete(waiter);
      if (waiting.size === 0) call.abort(signal.reason);
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    return () => {
      signal.removeEventListener('abort', leave);
    };
  });
  if (waiters.some(({ caller }) => isStopSignal(caller.signal))) markStopSignal(call.signal);
  return {
    context: {
      signal: call.signal,
      urgency: Math.max(...waiters.map(({ caller }) => caller.urgency ?? 0)),
    },
    release: () => {
      for (const remove of listeners) remove();
    },
  };
}

/**
 * Caches values for the lifetime of their client, which is one command in one account and region. Use it for immutable
 * values, such as a task definition revision, and for checks before a change; never to verify a change.
 */
export class ReadOnce<C extends object, V> {
  readonly #kept = new WeakMap<C, Map<string, Promise<V>>>();
  readonly #isCurrent: (value: V) => boolean;

  /** @param isCurrent whether a cached value may still be used; default, always. */
  constructor(isCurrent: (value: V) => boolean = () => true) {
    this.#isCurrent = isCurrent;
  }

  /** Caches a value that was read elsewhere. */
  keep(client: C, key: string, value: V): void {
    this.#of(client).set(key, Promise.resolve(value));
  }

  /**
   * The cached value, or the one that is being read; otherwise reads it. A failure is not cached.
   *
   * @throws what `read` throws; the signal's reason when it is aborted.
   */
  async get(client: C, key: string, { signal }: Caller, read: () => Promise<V>): Promise<V> {
    const kept = this.#of(client);
    for (;;) {
      signal.throwIfAborted();
      const known = kept.get(key);
      if (!known) break;
      try {
        const value = await known;
        if (this.#isCurrent(value)) return value;
        if (kept.get(key) === known) kept.delete(key);
      } catch (error) {
        // The other caller was cancelled or timed out: this one makes its own call.
        if (!(error instanceof CancelledError || error instanceof TimeoutError)) throw error;
      }
    }
    const reading = read();
    kept.set(key, reading);
    try {
      return await reading;
    } catch (error) {
      if (kept.get(key) === reading) kept.delete(key);
      throw error;
    }
  }

  #of(client: C): Map<string, Promise<V>> {
    const kept = this.#kept.get(client) ?? new Map<string, Promise<V>>();
    this.#kept.set(client, kept);
    return kept;
  }
}

/** The maximum age of a value, in ms: another caller may have changed it since. */
const MAX_AGE_MS = 60_000;

/**
 * Reads the values of all parts of a run when the first part needs its own, because the parts need them at different
 * times. A value is the state before the run changes that part; do not use it to verify the change.
 */
export class ReadAhead<V> {
  readonly #names: readonly string[];
  readonly #clock: Context['clock'];
  readonly #read: (name: string) => Promise<V>;
  #ahead: { at: number; values: ReadonlyMap<string, Promise<V>> } | undefined;

  constructor(names: readonly string[], clock: Context['clock'], read: (name: string) => Promise<V>) {
    this.#names = names;
    this.#clock = clock;
    this.#read = read;
  }

  /**
   * The value of a part, read at most a minute ago; otherwise reads all parts again.
   *
   * @throws the error of this part's read.
   */
  async get(name: string): Promise<V> {
    const now = this.#clock.now();
    if (!this.#ahead || now - this.#ahead.at > MAX_AGE_MS) {
      const values = new Map(this.#names.map((one) => [one, this.#read(one)]));
      // Each part handles its own failure in `get`.
      for (const value of values.values()) value.catch(() => undefined);
      this.#ahead = { at: now, values };
    }
    return await (this.#ahead.values.get(name) ?? this.#read(name));
  }
}
