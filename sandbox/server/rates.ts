import type { Call } from '../protocols/service.ts';
import type { BucketRule, RateScenario } from '../scenario/scenario.ts';
import { AWS_BUCKETS } from './aws-buckets.ts';

interface Bucket {
  tokens: number;
  /** The time of the last refill, in ms. */
  countedAt: number;
}

/**
 * Token buckets, one per rule, account and region. A call takes a token of the first rule that it matches, and is
 * refused if there is none.
 */
export class Rates {
  #rules: readonly BucketRule[] = [];
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** @param now in ms. */
  constructor(rates: RateScenario, now: () => number) {
    this.#now = now;
    this.replace(rates);
  }

  /** Replaces the rules. The new buckets are full. */
  replace({ preset, buckets = [] }: RateScenario): void {
    this.#rules = [...buckets, ...(preset === 'aws' ? AWS_BUCKETS : [])];
    this.#buckets.clear();
  }

  /**
   * Takes a token.
   * @returns the name of the empty bucket, or undefined if the call is allowed.
   */
  refuse(call: Call): string | undefined {
    const rule = this.#rules.find((each) => matches(each, call));
    if (!rule) return undefined;
    const name = nameOf(rule, call);
    const key = `${this.#rules.indexOf(rule)} ${call.account} ${call.region} ${name}`;
    const now = this.#now();
    const bucket = this.#buckets.get(key) ?? { tokens: rule.size, countedAt: now };
    this.#buckets.set(key, bucket);
    const refilled = ((now - bucket.countedAt) / 1000) * rule.refill;
    bucket.tokens = Math.min(rule.size, bucket.tokens + refilled);
    bucket.countedAt = now;
    if (bucket.tokens < 1) return name;
    bucket.tokens--;
    return undefined;
  }
}

function matches({ service, operations, account = '', region = '' }: BucketRule, call: Call): boolean {
  return (
    service === call.service &&
    (operations?.some((name) => isNamed(name, call.operation)) ?? true) &&
    (account === '' || account === call.account) &&
    (region === '' || region === call.region)
  );
}

/** @param name of an operation, or a prefix with `*`. */
function isNamed(name: string, operation: string): boolean {
  return name.endsWith('*') ? operation.startsWith(name.slice(0, -1)) : name === operation;
}

function nameOf({ service, operations = ['*'], each = false }: BucketRule, { operation }: Call): string {
  return `${service} ${each ? operation : operations.join(' ')}`;
}
