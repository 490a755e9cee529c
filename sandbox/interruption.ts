import { constants } from 'node:os';

/** Why a program stopped early: it received a signal. */
export class Interrupted extends Error {
  /** The exit code that shells use for a program ended by a signal. */
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`Interrupted by ${signal}.`);
    this.name = 'Interrupted';
    this.exitCode = 128 + constants.signals[signal];
  }
}

/**
 * Aborts with an Interrupted error at the first SIGINT or SIGTERM. Later ones have no effect: npm and the terminal each
 * send the same Ctrl+C, and the second must not interrupt the clean-up.
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
