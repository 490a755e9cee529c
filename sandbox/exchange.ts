import type { CallLog } from './calls.ts';
import type { SimulatedClock } from './clock.ts';
import type { Faults } from './faults.ts';
import type { HttpRequest, Reply } from './http.ts';
import type { FaultRule } from './scenario.ts';
import type { Call } from './service.ts';
import { AwsError } from './service.ts';
import { SandboxClosed } from './clock.ts';

/** A call that was read: how it is applied, and how its protocol words a refusal. */
export interface Exchange {
  call: Call;
  apply(): Promise<Reply>;
  refuse(error: AwsError): Reply;
  /** The faults `throttle` and `error` in the protocol's own words. */
  fault(rule: FaultRule): AwsError;
}

/** A part of the sandbox that reads its own calls: AWS, or what lives under a path such as /github. */
export interface Endpoint {
  exchange(request: HttpRequest): Promise<Exchange>;
}

/** The connection is to be destroyed instead of answered. */
export const RESET = 'reset';

const DEFAULT_DELAY_MS = 1000;

/** Answers calls: applies them, lets faults strike them, and logs them. */
export class Answering {
  readonly #clock: SimulatedClock;
  readonly #faults: Faults;
  readonly #calls: CallLog;

  constructor(clock: SimulatedClock, faults: Faults, calls: CallLog) {
    this.#clock = clock;
    this.#faults = faults;
    this.#calls = calls;
  }

  async answer(exchange: Exchange): Promise<Reply | typeof RESET> {
    const logged = this.#calls.begin(exchange.call);
    const rule = this.#faults.strike(exchange.call);
    if (rule) logged.fault = rule.kind;
    const reply = await (rule ? this.#struck(exchange, rule) : applied(exchange)).catch(resetOnClose);
    const { status, code } = reply === RESET ? { status: 0 } : reply;
    this.#calls.end(logged, { status, ...(code !== undefined && { code }) });
    return reply;
  }

  async #struck(exchange: Exchange, rule: FaultRule): Promise<Reply | typeof RESET> {
    if (rule.kind === 'delay') {
      await this.#clock.pause(rule.delayMs ?? DEFAULT_DELAY_MS);
      return applied(exchange);
    }
    const truth = rule.after ? await applied(exchange) : undefined;
    switch (rule.kind) {
      case 'reset':
        return RESET;
      case 'malformed':
        return truncated(truth?.body.length ? truth : exchange.refuse(exchange.fault(rule)));
      case 'status':
        return bare(rule.status ?? 502, rule.message);
      default:
        return exchange.refuse(exchange.fault(rule));
    }
  }
}

async function applied(exchange: Exchange): Promise<Reply> {
  try {
    return await exchange.apply();
  } catch (error) {
    if (error instanceof AwsError) return exchange.refuse(error);
    if (error instanceof SandboxClosed) throw error;
    // A fault of the sandbox's own must not look like one of AWS: loud, and of a status that no client retries.
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    console.error(`sandbox: ${exchange.call.service} ${exchange.call.operation}: ${text}`);
    return exchange.refuse(new AwsError('SandboxDefect', text, 501));
  }
}

/** A sandbox that closes answers no more. */
function resetOnClose(error: unknown): typeof RESET {
  if (error instanceof SandboxClosed) return RESET;
  throw error;
}

function truncated(reply: Reply): Reply {
  const { headers, body } = reply;
  return { status: 200, headers, body: body.slice(0, Math.floor(body.length / 2)) };
}

/** What a proxy on the way would say. */
function bare(status: number, message = ''): Reply {
  return {
    status,
    headers: { 'content-type': 'text/html' },
    body: `<html><body>${status} ${message}</body></html>`,
  };
}
