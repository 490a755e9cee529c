import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Clock } from '../core/clock.ts';

interface Wake {
  /** In ms since the epoch, on this clock. */
  at: number;
  wake: () => void;
}

/** After this many idle turns of the event loop, all work is waiting for time to pass. */
const IDLE_TURNS = 3;
/** Before the clock jumps by more than this, in ms, the process must have been idle for `LONG_IDLE_MS` of real time. */
const LONG_JUMP_MS = 20_000;
const LONG_IDLE_MS = 25;
/** A request without a response for this long, in ms of real time, is itself waiting for time to pass. */
const MAX_RESPONSE_MS = 2000;
/** The maximum delay of a Node.js timer, in ms. A wait for it is a wait for the end of the process. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** @see https://nodejs.org/api/diagnostics_channel.html#http */
const REQUEST_SENT = 'http.client.request.start';
const RESPONSE_RECEIVED = ['http.client.response.finish', 'http.client.request.error'];

/**
 * A virtual clock that jumps to the next wake-up as soon as all work is waiting for time to pass. The actions and the
 * sandbox share one, so that an operation of ten minutes takes no real time, durations are those on AWS, and no token
 * expires because the machine is slow.
 */
export class RehearsalClock implements Clock {
  #now = Date.now();
  /** Sorted by time. */
  #pending: Wake[] = [];
  #requests = 0;
  #sentAt = 0;
  #turns = 0;
  #idleSince = 0;
  #next: NodeJS.Timeout | undefined;

  constructor() {
    subscribe(REQUEST_SENT, this.#onSent);
    for (const channel of RESPONSE_RECEIVED) subscribe(channel, this.#onReceived);
  }

  close(): void {
    clearTimeout(this.#next);
    unsubscribe(REQUEST_SENT, this.#onSent);
    for (const channel of RESPONSE_RECEIVED) unsubscribe(channel, this.#onReceived);
  }

  readonly #onSent = (): void => {
    this.#requests += 1;
    this.#sentAt = performance.now();
  };

  readonly #onReceived = (): void => {
    this.#requests -= 1;
    this.#turns = 0;
  };

  now(): number {
    return this.#now;
  }

  /** Calls `wake` after `ms` on this clock. @returns a function that cancels it. */
  after(ms: number, wake: () => void): () => void {
    if (ms >= MAX_TIMER_MS) return () => undefined;
    const one = { at: this.#now + Math.max(0, ms), wake };
    const index = this.#pending.findIndex(({ at }) => at > one.at);
    this.#pending.splice(index < 0 ? this.#pending.length : index, 0, one);
    this.#turn();
    return () => {
      this.#pending = this.#pending.filter((each) => each !== one);
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        cancel();
        reject(signal?.reason as Error);
      };
      const cancel = this.after(ms, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #turn(): void {
    if (this.#next !== undefined || this.#pending.length === 0) return;
    this.#next = setTimeout(() => {
      this.#next = undefined;
      this.#advance();
      this.#turn();
    }, 1);
  }

  #advance(): void {
    this.#turns = this.#isBusy() ? 0 : this.#turns + 1;
    if (this.#turns <= 1) this.#idleSince = performance.now();
    const [due] = this.#pending;
    if (!due || this.#turns < IDLE_TURNS) return;
    const isLong = due.at - this.#now > LONG_JUMP_MS;
    if (isLong && performance.now() - this.#idleSince < LONG_IDLE_MS) return;
    this.#pending.shift();
    this.#now = Math.max(this.#now, Math.round(due.at));
    this.#turns = 0;
    due.wake();
  }

  /** Whether a request is in progress, or a file is being read, for example to load a module. */
  #isBusy(): boolean {
    const awaitsResponse = this.#requests > 0 && performance.now() - this.#sentAt < MAX_RESPONSE_MS;
    return (
      awaitsResponse || process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'))
    );
  }
}
