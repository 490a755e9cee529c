import { median } from './statistics.ts';

export interface Pairs {
  /** Medians, in ms. */
  oursMs: number;
  otherMs: number;
  /** The median of the pairs' own ratios: what slows the machine down for a while slows both of a pair down. */
  ratio: number;
  count: number;
}

/**
 * Times two ways to do the same, in turns. A few pairs are enough where the answer is clear; where the ratio is
 * over the limit, more are measured before that is believed.
 */
export async function measurePairs(
  options: { atLeast: number; atMost: number; limit: number },
  ours: () => Promise<number>,
  other: () => Promise<number>,
): Promise<Pairs> {
  const pairs: { ours: number; other: number }[] = [];
  const ratio = (): number => median(pairs.map((pair) => pair.ours / pair.other));
  while (pairs.length < options.atLeast || (pairs.length < options.atMost && ratio() > options.limit)) {
    pairs.push({ other: await other(), ours: await ours() });
  }
  return {
    oursMs: median(pairs.map((pair) => pair.ours)),
    otherMs: median(pairs.map((pair) => pair.other)),
    ratio: ratio(),
    count: pairs.length,
  };
}
