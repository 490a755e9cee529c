import { median } from './statistics.ts';

/** Does the same thing once; how many milliseconds that took. */
export type Timed = () => Promise<number>;

export interface Turns<Name extends string> {
  /** A median. */
  oursMs: number;
  /**
   * Of each other way, the median and the median of the turns' own ratios to ours: what slows the machine down for
   * a while slows down all of a turn.
   */
  others: Record<Name, { ms: number; ratio: number }>;
  count: number;
}

/**
 * Times several ways to do the same, in turns. A few turns are enough where the answer is clear; where a ratio is
 * over the limit, more are measured before that is believed.
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
  const isEven = (): boolean => own.length % 2 === 0; // The middle of an even number would be the better of two.
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
