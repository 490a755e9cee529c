import type { Clock } from '../../../src/core/clock.ts';
import { createLog } from '../../../src/core/log.ts';
import type { Runner } from '../../../src/core/runner.ts';
import type { Log } from '../../../src/core/log.ts';
import { Redactor } from '../../../src/core/redaction.ts';

/** A clock whose sleeps take no time: it jumps ahead and records the durations. */
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

/** A runner that records its input, as the lines of @actions/core. */
export function recordingRunner(lines: string[]): Runner {
  const command =
    (name: string) =>
    (message: string | Error, properties: object = {}): void => {
      const place = Object.entries(properties)
        .map(([key, value]) => `${NAMES[key] ?? key}=${escapeProperty(String(value))}`)
        .join(',');
      lines.push(`::${name}${place && ` ${place}`}::${escape(String(message))}`);
    };
  return {
    getInput: () => '',
    setOutput: (name, value) => lines.push(`output ${name}=${String(value)}`),
    setSecret: command('add-mask'),
    debug: command('debug'),
    info: (message) => lines.push(message),
    notice: command('notice'),
    warning: command('warning'),
    error: command('error'),
    group: async (title, fn) => {
      command('group')(title);
      try {
        return await fn();
      } finally {
        lines.push('::endgroup::');
      }
    },
  };
}

const NAMES: Readonly<Record<string, string>> = { startLine: 'line', startColumn: 'col' };

function escape(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escape(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/** A log with readable lines. */
export function recordingLog(redactor = new Redactor()): { log: Log; lines: string[]; redactor: Redactor } {
  const lines: string[] = [];
  const log = createLog(recordingRunner(lines), redactor);
  return { log, lines, redactor };
}
