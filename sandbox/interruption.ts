import { constants } from 'node:os';

/** Why a program stopped before its end: it got a signal. */
export class Interrupted extends Error {
  /** The exit code by which a shell tells that a signal ended a program. */
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`Interrupted by ${signal}.`);
    this.name = 'Interrupted';
    this.exitCode = 128 + constants.signals[signal];
  }
}

/**
 * Aborts with an Interrupted error at the first SIGINT or SIGTERM. Later ones have no effect: npm and the terminal
 * each send the same Ctrl+C, and the second must not cut the clean-up short.
 */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      controller.abort(new Interrupted(signal));
    });
  }
  return controller.signal;
}
