const SHOWN_CHARACTERS = 100;

/** A value that a person gave and that cannot be used. Never pass a secret as `value`. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly input: string;

  /** @param value what was given; empty when there is nothing that may be shown. */
  constructor(input: string, value: string, allowed: string) {
    const shown = value.length > SHOWN_CHARACTERS ? `${value.slice(0, SHOWN_CHARACTERS)}…` : value;
    super(
      value === '' ? `${input}: ${allowed}` : `${input}: ${JSON.stringify(shown)} is not valid: ${allowed}`,
    );
    this.input = input;
  }
}

/** Something did not happen within its time. `timeoutMs` is the limit, in milliseconds. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly what: string;
  readonly timeoutMs: number;

  constructor(what: string, timeoutMs: number) {
    super(`${what} did not finish within ${formatDuration(timeoutMs)}`);
    this.what = what;
    this.timeoutMs = timeoutMs;
  }
}

/** The job was cancelled: the reason of the context's signal. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
  readonly signalName: string;

  constructor(signalName: string) {
    super(`cancelled by ${signalName}`);
    this.signalName = signalName;
  }
}

function formatDuration(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  return `${Math.round(ms / 6000) / 10} min`;
}
