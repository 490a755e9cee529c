import { Random } from './random.ts';
import { checkFault } from './scenario.ts';
import type { FaultRule } from './scenario.ts';
import type { Call } from './service.ts';

interface ArmedRule {
  rule: FaultRule;
  matched: number;
  struck: number;
}

/**
 * The fault rules, and how often each has matched. The first rule that can strike a call is the only one that
 * does; those behind it wait for the next call that they match.
 */
export class Faults {
  readonly #armed: ArmedRule[] = [];
  readonly #random: Random;

  constructor(rules: readonly FaultRule[], seed: number) {
    this.#random = new Random(seed);
    for (const rule of rules) this.add(rule);
  }

  /** Arms a rule. Throws a ShapeError for a rule that is none. */
  add(rule: FaultRule): void {
    this.#armed.push({ rule: checkFault(rule), matched: 0, struck: 0 });
  }

  /** The rule that strikes this call, if one does. Counts the call for every rule that it matches. */
  strike(call: Call): FaultRule | undefined {
    const struck = this.#armed.filter((armed) => matches(armed.rule, call) && this.#falls(armed));
    const [first] = struck;
    if (first) first.struck++;
    return first?.rule;
  }

  #falls(armed: ArmedRule): boolean {
    const {
      nth = 1,
      probability = 1,
      times = armed.rule.probability === undefined ? 1 : Infinity,
    } = armed.rule;
    armed.matched++;
    const drawn = probability === 1 || this.#random.next() < probability;
    return drawn && armed.matched >= nth && armed.struck < times;
  }
}

function matches(rule: FaultRule, call: Call): boolean {
  const { service = call.service, operation = call.operation, account = call.account } = rule;
  return service === call.service && operation === call.operation && account === call.account;
}
