import type { Expectation } from '../errors.ts';
import { suggest } from '../text.ts';

/** `expected one of dev, staging. Did you mean dev?` */
export function expectedOneOf(word: string, words: readonly string[], where = ''): Expectation {
  if (words.length === 0) return `expected no value, because there is none${where}`;
  const [only = ''] = words;
  const choice = words.length === 1 ? only : `one of ${words.join(', ')}`;
  return `expected ${choice}${where}${didYouMean(word, words)}`;
}

/** `. Did you mean dev?`, or nothing. */
function didYouMean(word: string, words: readonly string[]): string {
  const meant = suggest(word, words);
  return meant === undefined ? '' : `. Did you mean ${meant}?`;
}
