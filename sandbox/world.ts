import { createHash } from 'node:crypto';
import { SandboxClosed, SimulatedClock, type Timer } from './clock.ts';
import type { Scenario } from './scenario/scenario.ts';

export interface WorldOptions {
  scenario?: Scenario;
  /** Simulated seconds per real second. */
  timeScale?: number;
  /** The ids of the accounts. */
  accounts?: readonly string[];
  /** Where services store data that is too large for memory. */
  dataDir?: string;
  /** The timer. Default: the wall clock. */
  timer?: Timer;
  /** Gives a resource the same id in each world that has it, whatever else exists there. */
  stableIds?: boolean;
}

/** The accounts of dev, staging and prod in all examples. */
const DEFAULT_ACCOUNTS = ['111111111111', '222222222222', '333333333333'];
export const DEFAULT_REGION = 'eu-west-1';
const DEFAULT_TIME_SCALE = 100;

/** Shared by all services: the clock, the scenario, the id generator, and their state by account and region. */
export class World {
  readonly clock: SimulatedClock;
  readonly scenario: Scenario;
  readonly accounts: readonly string[];
  readonly random: Random;
  readonly dataDir: string | undefined;
  readonly #closing = new AbortController();
  readonly #stores = new Map<string, unknown>();
  readonly #running = new Set<Promise<void>>();
  readonly #failures: Error[] = [];
  /** How many ids each subject has been given, with stable ids. */
  readonly #given: Map<string, number> | undefined;

  constructor(options: WorldOptions = {}) {
    this.scenario = options.scenario ?? {};
    this.accounts = options.accounts ?? DEFAULT_ACCOUNTS;
    this.dataDir = options.dataDir;
    this.#given = options.stableIds ? new Map() : undefined;
    this.random = new Random(this.scenario.seed ?? 1);
    const timeScale = options.timeScale ?? this.scenario.timeScale ?? DEFAULT_TIME_SCALE;
    this.clock = new SimulatedClock(timeScale, this.#closing.signal, options.timer);
  }

  /** Aborted with SandboxClosed when the sandbox closes. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** A service's state for an account and region, created on first use. Global state uses `''` for either. */
  store<T>(account: string, region: string, key: string, create: () => T): T {
    const name = `${account}/${region}/${key}`;
    if (!this.#stores.has(name)) this.#stores.set(name, create());
    return this.#stores.get(name) as T;
  }

  /** An id in the format of EC2: `newId('vpc')` is `vpc-0` and 16 hex digits. The same in each run of a scenario. */
  newId(prefix: string): string {
    return `${prefix}-0${this.random.text(16)}`;
  }

  /** A UUID, the same in each run of a scenario. */
  newUuid(): string {
    return this.random.uuid();
  }

  /** The random numbers of a new id. `subject` is what it identifies, such as a stack's name. */
  randomFor(subject: string): Random {
    if (!this.#given) return this.random;
    const count = (this.#given.get(subject) ?? 0) + 1;
    this.#given.set(subject, count);
    return new Random(createHash('sha256').update(`${subject} ${count}`).digest().readUInt32LE());
  }

  /** Runs work that outlives its call, such as a stack's update. `close` throws its errors. */
  run(work: () => Promise<void>): void {
    const running = work()
      .catch((error: unknown) => {
        if (error instanceof SandboxClosed) return;
        this.#failures.push(error instanceof Error ? error : new Error(String(error)));
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Ends all sleeps and background work. Throws the errors of background work after all of it has ended. */
  async close(): Promise<void> {
    this.#closing.abort(new SandboxClosed());
    await Promise.all(this.#running);
    if (this.#failures.length > 0) {
      throw new AggregateError(this.#failures, this.#failures.map((failure) => failure.stack).join('\n'));
    }
  }
}

const HEX = '0123456789abcdef';

/** A seeded random number generator (mulberry32), so that two runs of a scenario have the same ids and faults. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** The next number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A random text of `length` characters of an alphabet. */
  text(length: number, alphabet = HEX): string {
    let text = '';
    for (let left = length; left > 0; left--)
      text += alphabet.charAt(Math.floor(this.next() * alphabet.length));
    return text;
  }

  /** A UUID of version 4. */
  uuid(): string {
    const variant = this.text(1, '89ab');
    return `${this.text(8)}-${this.text(4)}-4${this.text(3)}-${variant}${this.text(3)}-${this.text(12)}`;
  }
}

/** The partition of a region: its name in ARNs, and the suffix of its domains. */
export function partitionOf(region: string): { id: string; urlSuffix: string } {
  if (region.startsWith('cn-')) return { id: 'aws-cn', urlSuffix: 'amazonaws.com.cn' };
  if (region.startsWith('us-gov-')) return { id: 'aws-us-gov', urlSuffix: 'amazonaws.com' };
  return { id: 'aws', urlSuffix: 'amazonaws.com' };
}
