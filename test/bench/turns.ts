import { median } from './statistics.ts';

/** Runs once. Returns the duration in milliseconds. */
export type Timed = () => Promise<number>;

export interface Turns<Name extends string> {
  /** A median. */
  oursMs: number;
  /**
   * For each other way, the median, and the median of its ratios to ours per turn: a slow phase of the machine slows
   * down a whole turn.
   */
  others: Record<Name, { ms: number; ratio: number }>;
  count: number;
}

/**
 * Measures several ways to do the same in turns. A few turns suffice if the result is clear. If a ratio exceeds the
 * limit, more turns are measured for confirmation.
 */
export async function measureTurns<Name extends string>(
  options: { atLeast: number; atMost: number; limit: number },
  ours: Timed,
  others: Readonly<Record<Name, Timed>>,
): Promise<Turns<Name>> {
  const names = Object.keys(others) as Name[];
  const times = new Map<Name, number[]>(names.map((name) => [name, []]));
  const own: number[] = [];
  const timesOf = (name: Name): number[] => times.get(name) ?? [];
  const ratioTo = (name: Name): number => median(timesOf(name).map((ms, turn) => (own[turn] ?? NaN) / ms));
  const isOver = (): boolean => names.some((name) => ratioTo(name) > options.limit);
  const isEven = (): boolean => own.length % 2 === 0; // With an even number, the lower one would be used.
  while (own.length < options.atLeast || isEven() || (own.length < options.atMost && isOver())) {
    for (const name of names) timesOf(name).push(await others[name]());
    own.push(await ours());
  }
  const measured = names.map((name) => [name, { ms: median(timesOf(name)), ratio: ratioTo(name) }]);
  return {
    oursMs: median(own),
    others: Object.fromEntries(measured) as Turns<Name>['others'],
    count: own.length,
  };
}
