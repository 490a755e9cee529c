import { appendFileSync } from 'node:fs';
import type { Call, Input } from '../protocols/service.ts';

export interface LoggedCall {
  time: Date;
  service: string;
  operation: string;
  account: string;
  region: string;
  input: Input;
  requestId: string;
  /** Undefined while the call is in progress; 0 if the connection was reset. */
  status?: number;
  /** The error's code. */
  code?: string;
  /** The kind of the injected fault. */
  fault?: string;
  /** The token bucket that was empty. */
  bucket?: string;
}

/** Fields that a call must have. */
export type CallMatch = Partial<
  Pick<LoggedCall, 'service' | 'operation' | 'account' | 'region' | 'fault' | 'bucket'>
>;

export interface CallLogOptions {
  /** A file that gets a line of JSON for each completed call. */
  file?: string;
  write?: (line: string) => void;
}

/** All calls in order of arrival, whatever their result. */
export class CallLog {
  readonly all: LoggedCall[] = [];
  readonly #options: CallLogOptions;
  readonly #waiting = new Set<() => void>();

  constructor(options: CallLogOptions = {}) {
    this.#options = options;
  }

  /** The calls of an operation, oldest first. */
  of(operation: string): LoggedCall[] {
    return this.where({ operation });
  }

  /** The calls with these fields, oldest first. */
  where(match: CallMatch): LoggedCall[] {
    const fields = Object.entries(match);
    return this.all.filter((call) =>
      fields.every(([name, value]) => call[name as keyof CallMatch] === value),
    );
  }

  /** Resolves with the nth matching call on its arrival. It may still be in progress. */
  async arrival(match: CallMatch, nth = 1): Promise<LoggedCall> {
    for (;;) {
      const call = this.where(match)[nth - 1];
      if (call) return call;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  begin(call: Call): LoggedCall {
    const { service, operation, account, region, requestId } = call;
    const input = printable(call.input) as Input;
    const logged = { time: new Date(), service, operation, account, region, input, requestId };
    this.all.push(logged);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
    return logged;
  }

  end(call: LoggedCall, outcome: Pick<LoggedCall, 'status' | 'code' | 'fault'>): void {
    Object.assign(call, outcome);
    if (this.#options.file !== undefined) appendFileSync(this.#options.file, `${JSON.stringify(call)}\n`);
    const { service, operation, status, code = '', fault = call.bucket ?? '' } = call;
    this.#options.write?.(`${service} ${operation} ${String(status)} ${code} ${fault}`.trimEnd());
  }
}

/** Bytes are logged as their count. */
function printable(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return `<${value.length} bytes>`;
  if (Array.isArray(value)) return value.map(printable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, printable(field)]));
}
