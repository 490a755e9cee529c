import type { Clock } from '../../../src/core/context.ts';
import { createLog } from '../../../src/core/log.ts';
import type { Log } from '../../../src/core/log.ts';
import { Redactor } from '../../../src/core/redaction.ts';

/** A clock whose sleeps take no time: it jumps, and remembers how far. */
export class FakeClock implements Clock {
  #now = 1_700_000_000_000;
  readonly sleeps: number[] = [];
  /** Called after each sleep. */
  onSleep: () => void = () => undefined;

  now(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.sleeps.push(ms);
    this.#now += ms;
    this.onSleep();
    await Promise.resolve();
    signal?.throwIfAborted();
  }
}

/** A log whose lines can be read. */
export function recordingLog(redactor = new Redactor()): { log: Log; lines: string[]; redactor: Redactor } {
  const lines: string[] = [];
  const log = createLog((line) => lines.push(line), redactor);
  return { log, lines, redactor };
}
