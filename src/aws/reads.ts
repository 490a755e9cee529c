import { isStopSignal, markStopSignal } from '../core/cancellation.ts';
import type { Context } from '../core/context.ts';
import { CancelledError, TimeoutError } from '../core/errors.ts';
import { type AwsErrorClass, classify } from './errors.ts';

type Caller = Pick<Context, 'signal' | 'urgency'>;

/** A call of AWS that reads, or deletes, several keys at once. */
interface BatchedCall<C, V> {
  /** The most keys that AWS takes in one call. */
  most: number;
  /** The errors of a call that one key alone may have caused, such as a name that the role may not read. */
  splitsOn: readonly AwsErrorClass[];
  /**
   * Reads keys of one group, each once. Those that AWS does not have are left out of the answer.
   *
   * @param group what else the call names, such as a cluster.
   */
  read(client: C, keys: readonly string[], context: Caller, group: string): Promise<ReadonlyMap<string, V>>;
}

/** How long asks are collected, in ms. Parts that wait for one thing, or poll at the same times, ask within less. */
const COLLECT_MS = 10;
/** After a call that one key has failed, so many keys are read each by a call of its own; more by two calls. */
const ONE_BY_ONE = 20;

/** One that waits for the value of a key. */
interface Waiter<V> {
  caller: Caller;
  key: string;
  resolve: (value: V | undefined) => void;
  reject: (error: unknown) => void;
}

/**
 * Reads what is asked for at the same moment by as few calls as AWS allows. Nothing is kept: each answer
 * is of a call that was sent after it was asked for, so it is as good a proof as that of a call of its own.
 *
 * Where a call fails because of one of its keys, the others are read without it. The calls of one batch are sent at once.
 */
export class BatchReader<C extends object, V> {
  readonly #call: BatchedCall<C, V>;
  /** What is collected for each client, by group. */
  readonly #open = new WeakMap<C, Map<string, Waiter<V>[]>>();

  constructor(call: BatchedCall<C, V>) {
    this.#call = call;
  }

  /**
   * The value of a key; undefined when AWS does not have it.
   *
   * @param context its signal ends the wait of this caller alone. The call is ended with the last of its callers.
   * @throws AwsError, of a call for this key; the signal's reason when it is aborted.
   */
  async get(client: C, key: string, context: Caller, group = ''): Promise<V | undefined> {
    context.signal.throwIfAborted();
    return await new Promise((resolve, reject) => {
      this.#collect(client, group, { caller: context, key, resolve, reject });
    });
  }

  /** The values of keys, without those that AWS does not have. */
  async all(
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
    // What stops a deployment has a turn of its own, and does not wait for what the run still reads.
    const key = `${isStopSignal(waiter.caller.signal) ? 'stop' : 'work'} ${group}`;
    const open = groups.get(key);
    if (open) {
      open.push(waiter);
      return;
    }
    const batch = [waiter];
    groups.set(key, batch);
    setTimeout(() => {
      groups.delete(key);
      const keys = [...new Set(batch.map((one) => one.key))];
      for (const part of chunksOf(keys, this.#call.most))
        void this.#send(
          client,
          group,
          batch.filter((one) => part.includes(one.key)),
        );
    }, COLLECT_MS);
  }

  /** Answers every waiter. Never throws. */
  async #send(client: C, group: string, waiters: readonly Waiter<V>[]): Promise<void> {
    const keys = [...new Set(waiters.map(({ key }) => key))];
    const ended = endedTogether(waiters);
    try {
      const found = await this.#call.read(client, keys, ended.context, group);
      for (const { key, resolve } of waiters) resolve(found.get(key));
    } catch (error) {
      if (keys.length > 1 && this.#call.splitsOn.includes(classify(error))) {
        // Few are read one by one, which a role without the right for any of them costs no more than before.
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
      ended.release();
    }
  }
}

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/** A context for the call of several callers: a caller that is cancelled stops waiting, and the last one ends the call. */
function endedTogether<V>(waiters: readonly Waiter<V>[]): { context: Caller; release(): void } {
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
 * Keeps what was read for as long as its client lives, which is one command on one account and region. It is for what
 * never changes, such as a revision of a task definition, and for checks before a change; never for a proof after one.
 */
export class ReadOnce<C extends object, V> {
  readonly #kept = new WeakMap<C, Map<string, Promise<V>>>();
  readonly #isCurrent: (value: V) => boolean;

  /** @param isCurrent whether a kept value may still be used; default, always. */
  constructor(isCurrent: (value: V) => boolean = () => true) {
    this.#isCurrent = isCurrent;
  }

  /** Keeps what was read in another way. */
  keep(client: C, key: string, value: V): void {
    this.#of(client).set(key, Promise.resolve(value));
  }

  /**
   * What was read before, or is being read; else it is read now. A failure is not kept.
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
        // The other caller was cancelled, or its time was over: this one reads for itself.
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

/** A value is read again when it is older: others may have changed it meanwhile. */
const AHEAD_MS = 60_000;

/**
 * Reads something of all parts of a run as soon as one of them asks, since the parts ask one after the other: each waits
 * for something of its own first. It is the state before the run changes that part, and no proof after it.
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
   * What was read of a part at most a minute ago; else all of them are read again.
   *
   * @throws what the read of this part throws.
   */
  async get(name: string): Promise<V> {
    const now = this.#clock.now();
    if (!this.#ahead || now - this.#ahead.at > AHEAD_MS) {
      const values = new Map(this.#names.map((one) => [one, this.#read(one)]));
      // A failure is that of the part that asks.
      for (const value of values.values()) value.catch(() => undefined);
      this.#ahead = { at: now, values };
    }
    return await (this.#ahead.values.get(name) ?? this.#read(name));
  }
}
