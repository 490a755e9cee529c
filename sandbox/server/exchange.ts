import { SandboxClosed, type SimulatedClock } from '../clock.ts';
import { AwsError, type Call } from '../protocols/service.ts';
import { checkFault, type FaultRule } from '../scenario/scenario.ts';
import { Random } from '../world.ts';
import type { CallLog, LoggedCall } from './calls.ts';
import type { HttpRequest, Reply } from './http.ts';
import type { Rates } from './rates.ts';

/** A parsed call: how to apply it, and how its protocol formats errors. */
export interface Exchange {
  call: Call;
  apply(): Promise<Reply>;
  refuse(error: AwsError): Reply;
  /** The faults `throttle` and `error` in the format of the protocol. */
  fault(rule: FaultRule): AwsError;
}

/** A part of the sandbox that parses its own calls: AWS, or the endpoint at a path such as /github. */
export interface Endpoint {
  exchange(request: HttpRequest): Promise<Exchange>;
}

/** The connection is destroyed instead of answered. */
export const RESET = 'reset';

const DEFAULT_DELAY_MS = 1000;
/** The error of a call over the rate limit. */
const THROTTLE: FaultRule = { kind: 'throttle' };

/** Called before a call is applied. The call waits for the promise. */
export type BeforeCall = (call: LoggedCall) => Promise<void> | undefined;

/** Responds to calls: applies them, refuses those over the rate limit, injects faults, and logs them. */
export class CallHandler {
  readonly #clock: SimulatedClock;
  readonly #rates: Rates;
  readonly #faults: Faults;
  readonly #calls: CallLog;
  /** A function of a test that acts between two calls. */
  beforeCall: BeforeCall | undefined;

  constructor(clock: SimulatedClock, rates: Rates, faults: Faults, calls: CallLog) {
    this.#clock = clock;
    this.#rates = rates;
    this.#faults = faults;
    this.#calls = calls;
  }

  async answer(exchange: Exchange): Promise<Reply | typeof RESET> {
    const logged = this.#calls.begin(exchange.call);
    await this.beforeCall?.(logged);
    const bucket = this.#rates.refuse(exchange.call);
    const rule = bucket === undefined ? this.#faults.match(exchange.call) : THROTTLE;
    if (bucket !== undefined) logged.bucket = bucket;
    else if (rule) logged.fault = rule.kind;
    const reply = await (rule ? this.#applyFault(exchange, rule) : applied(exchange)).catch(resetOnClose);
    const { status, code } = reply === RESET ? { status: 0 } : reply;
    this.#calls.end(logged, { status, ...(code !== undefined && { code }) });
    return reply;
  }

  async #applyFault(exchange: Exchange, rule: FaultRule): Promise<Reply | typeof RESET> {
    if (rule.kind === 'delay') {
      const early = rule.after ? await applied(exchange) : undefined;
      await this.#clock.pause(rule.delayMs ?? DEFAULT_DELAY_MS);
      return early ?? applied(exchange);
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
    // An internal error of the sandbox must not look like an error of AWS: it is logged, and has a status that no
    // client retries.
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    console.error(`sandbox: ${exchange.call.service} ${exchange.call.operation}: ${text}`);
    return exchange.refuse(new AwsError('SandboxDefect', text, 501));
  }
}

/** A closing sandbox does not respond. */
function resetOnClose(error: unknown): typeof RESET {
  if (error instanceof SandboxClosed) return RESET;
  throw error;
}

function truncated(reply: Reply): Reply {
  const { headers, body } = reply;
  return { status: 200, headers, body: body.slice(0, Math.floor(body.length / 2)) };
}

/** The response of a proxy in between. */
function bare(status: number, message = ''): Reply {
  return {
    status,
    headers: { 'content-type': 'text/html' },
    body: `<html><body>${status} ${message}</body></html>`,
  };
}

interface ArmedRule {
  rule: FaultRule;
  matched: number;
  applied: number;
}

/**
 * The fault rules and their match counts. Only the first rule that applies to a call affects it; the others apply to
 * later calls.
 */
export class Faults {
  readonly #armed: ArmedRule[] = [];
  readonly #random: Random;

  constructor(rules: readonly FaultRule[], seed: number) {
    this.#random = new Random(seed);
    for (const rule of rules) this.add(rule);
  }

  /** Adds a rule. Throws a ShapeError for an invalid one. */
  add(rule: FaultRule): void {
    this.#armed.push({ rule: checkFault(rule), matched: 0, applied: 0 });
  }

  /** The rule that affects this call, if any. Counts the call for every rule that it matches. */
  match(call: Call): FaultRule | undefined {
    const applying = this.#armed.filter((armed) => matches(armed.rule, call) && this.#applies(armed));
    const [first] = applying;
    if (first) first.applied++;
    return first?.rule;
  }

  #applies(armed: ArmedRule): boolean {
    const {
      nth = 1,
      probability = 1,
      times = armed.rule.probability === undefined ? 1 : Infinity,
    } = armed.rule;
    armed.matched++;
    const drawn = probability === 1 || this.#random.next() < probability;
    return drawn && armed.matched >= nth && armed.applied < times;
  }
}

function matches(rule: FaultRule, call: Call): boolean {
  const { service = call.service, operation = call.operation, account = call.account } = rule;
  return service === call.service && operation === call.operation && account === call.account;
}
