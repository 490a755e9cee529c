import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Clock } from '../core/clock.ts';

interface Wake {
  /** In ms since the epoch, by this clock. */
  at: number;
  wake: () => void;
}

/** Turns of the event loop without work after which everything waits for time to pass. */
const QUIET_TURNS = 3;
/** Before more time than this passes at once, in ms, nothing may have happened for this long, in ms of the wall. */
const LONG_JUMP_MS = 20_000;
const LONG_QUIET_MS = 25;
/** A request that is not answered for this long, in ms of the wall, waits for time to pass itself. */
const LONGEST_ANSWER_MS = 2000;
/** The longest time that a timer of Node.js takes, in ms. What waits for it waits for the end of the process. */
const FOR_EVER_MS = 2 ** 31 - 1;
/** @see https://nodejs.org/api/diagnostics_channel.html#http */
const SENT = 'http.client.request.start';
const ANSWERED = ['http.client.response.finish', 'http.client.request.error'];

/**
 * A clock on which time passes only when everything waits for it: then it is the time of the next wake at once. The product
 * and the sandbox share one. What takes CloudFormation ten minutes takes no time here, the durations are AWS's, and no
 * token expires because this machine is slow.
 */
export class RehearsalClock implements Clock {
  #now = Date.now();
  /** By time. */
  #pending: Wake[] = [];
  #requests = 0;
  #sentAt = 0;
  #turns = 0;
  #quietSince = 0;
  #next: NodeJS.Timeout | undefined;

  constructor() {
    subscribe(SENT, this.#onSent);
    for (const channel of ANSWERED) subscribe(channel, this.#onAnswered);
  }

  close(): void {
    clearTimeout(this.#next);
    unsubscribe(SENT, this.#onSent);
    for (const channel of ANSWERED) unsubscribe(channel, this.#onAnswered);
  }

  readonly #onSent = (): void => {
    this.#requests += 1;
    this.#sentAt = performance.now();
  };

  readonly #onAnswered = (): void => {
    this.#requests -= 1;
    this.#turns = 0;
  };

  now(): number {
    return this.#now;
  }

  /** Calls `wake` after `ms` of this clock. @returns a function that cancels it. */
  after(ms: number, wake: () => void): () => void {
    if (ms >= FOR_EVER_MS) return () => undefined;
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
    if (this.#turns <= 1) this.#quietSince = performance.now();
    const [due] = this.#pending;
    if (!due || this.#turns < QUIET_TURNS) return;
    const isLong = due.at - this.#now > LONG_JUMP_MS;
    if (isLong && performance.now() - this.#quietSince < LONG_QUIET_MS) return;
    this.#pending.shift();
    this.#now = Math.max(this.#now, Math.round(due.at));
    this.#turns = 0;
    due.wake();
  }

  /** Whether a call is under way, or a file is read, such as a module that is loaded. */
  #isBusy(): boolean {
    const awaitsAnswer = this.#requests > 0 && performance.now() - this.#sentAt < LONGEST_ANSWER_MS;
    return awaitsAnswer || process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'));
  }
}
