import { type ResourceAction, typicalSeconds } from './durations.ts';
import { STACK_TYPE } from './events.ts';
import type { ResourceStep } from './timeline.ts';

/** A resource that an operation will change. */
export interface ExpectedStep {
  logicalId: string;
  nesting: readonly string[];
  type: string;
  action: ResourceAction;
}

/**
 * How long an operation still takes: the longest path through what is not done yet, by typical durations. A
 * resource counts as done when any step of it has ended.
 */
export class Estimate {
  readonly #expected = new Map<string, ExpectedStep>();
  readonly #waitsFor: (step: ExpectedStep) => readonly string[];
  readonly #done = new Set<string>();
  /** When a running step was first seen, on this machine's clock, in ms. */
  readonly #running = new Map<string, number>();

  /** @param dependencies by logical id, for the resources of the root stack. */
  constructor(expected: readonly ExpectedStep[], dependencies: ReadonlyMap<string, readonly string[]>) {
    for (const step of expected) this.#expected.set(pathOf(step), step);
    const below = new Map<string, string[]>();
    for (const step of expected) append(below, step.nesting.join('/'), pathOf(step));
    const dependents = invert(dependencies);
    this.#waitsFor = (step) => {
      const root = step.nesting[0] ?? step.logicalId;
      const before = (step.action === 'delete' ? dependents : dependencies).get(root) ?? [];
      return step.type === STACK_TYPE ? [...before, ...(below.get(pathOf(step)) ?? [])] : before;
    };
  }

  get total(): number {
    return this.#expected.size;
  }

  get done(): number {
    return this.#done.size;
  }

  /** @param nowMs this machine's clock. */
  add(step: ResourceStep, nowMs: number): void {
    const path = pathOf(step);
    if (!this.#expected.has(path)) return;
    if (step.endedAt === undefined) this.#running.set(path, nowMs);
    else this.#done.add(path);
  }

  /** Seconds left, by typical durations; 0 when nothing is known to be left. */
  remainingSeconds(nowMs: number): number {
    const known = new Map<string, number>();
    const longest = (path: string): number => {
      const found = known.get(path);
      if (found !== undefined) return found;
      known.set(path, 0); // Breaks a cycle, which only a broken template has.
      const step = this.#expected.get(path);
      if (!step || this.#done.has(path)) return 0;
      const before = Math.max(0, ...this.#waitsFor(step).map(longest));
      const seconds = before + this.#secondsLeft(path, step, nowMs);
      known.set(path, seconds);
      return seconds;
    };
    let most = 0;
    for (const path of this.#expected.keys()) most = Math.max(most, longest(path));
    return most;
  }

  /** What runs longer than it typically does is taken to need a fifth of that again. */
  #secondsLeft(path: string, step: ExpectedStep, nowMs: number): number {
    const typical = typicalSeconds(step.type, step.action);
    const since = this.#running.get(path);
    return since === undefined ? typical : Math.max(typical - (nowMs - since) / 1000, typical / 5);
  }
}

function pathOf(step: Pick<ExpectedStep, 'logicalId' | 'nesting'>): string {
  return [...step.nesting, step.logicalId].join('/');
}

function invert(edges: ReadonlyMap<string, readonly string[]>): Map<string, string[]> {
  const inverted = new Map<string, string[]>();
  for (const [from, targets] of edges) {
    for (const target of targets) append(inverted, target, from);
  }
  return inverted;
}

function append(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
