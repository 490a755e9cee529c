import { setTimeout as pause } from 'node:timers/promises';

/** Somebody who asks a service again and again, and counts what comes. */
export class Requests {
  readonly #url: string;
  readonly #stop = new AbortController();
  readonly #asking: Promise<void>;
  answered = 0;
  failed = 0;

  constructor(url: string) {
    this.#url = url;
    this.#asking = this.#ask();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#asking;
  }

  async #ask(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const status = await statusOf(this.#url);
      if (status === 200) this.answered += 1;
      else this.failed += 1;
      await pause(100);
    }
  }
}

/** 0 for a connection that breaks. */
async function statusOf(url: string): Promise<number> {
  try {
    return (await fetch(url)).status;
  } catch {
    return 0;
  }
}
