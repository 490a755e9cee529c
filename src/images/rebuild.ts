import { durationMs } from '../core/inputs/contract.ts';

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;

/**
 * The age from which an image is rebuilt, in milliseconds: `weekly` or a duration. Undefined for `never`. Less than an
 * hour is invalid, because it would rebuild every time.
 */
export function parseRebuild(text: string): number | undefined | 'invalid' {
  if (text === 'never') return undefined;
  const age = text === 'weekly' ? WEEK_MS : durationMs(text);
  return age === undefined || age < HOUR_MS ? 'invalid' : age;
}
