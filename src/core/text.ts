/**
 * The candidate that `word` most likely stands for, if one is similar enough. Case-insensitive. Of equally similar
 * candidates, the one that begins most like `word`.
 *
 * @param most maximum number of wrong characters. Default: one third of the characters, at least one.
 */
export function suggest(
  word: string,
  candidates: Iterable<string>,
  most = Math.max(1, Math.floor(word.length / 3)),
): string | undefined {
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = most + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    const isCloser =
      distance === bestDistance
        ? best !== undefined && commonStart(wanted, candidate) > commonStart(wanted, best)
        : distance < bestDistance;
    if (isCloser) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Length of the common beginning of a lower-case word and another word. */
function commonStart(word: string, other: string): number {
  const text = other.toLowerCase();
  let length = 0;
  while (length < word.length && word[length] === text[length]) length++;
  return length;
}

/**
 * Optimal string alignment distance, computed row by row: Levenshtein distance with transpositions of adjacent
 * characters.
 */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwapped ? (before[j - 2] ?? 0) + 1 : Infinity;
      next.push(Math.min(replaced, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}

const UNITS = ['kB', 'MB', 'GB', 'TB'];

/** `512 B`, `1.2 kB`, `34.5 MB`: powers of 1000, as registries count. */
export function bytes(count: number): string {
  let value = count;
  let unit = 'B';
  for (const next of UNITS) {
    if (value < 1000) break;
    value /= 1000;
    unit = next;
  }
  return `${unit === 'B' ? value : value.toFixed(1)} ${unit}`;
}

/** `46s`, `1m 46s`, `1h 02m`; `<1s` below half a second. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 1) return '<1s';
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${String(seconds % 60).padStart(2, '0')}s`;
  return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, '0')}m`;
}

/** Appends a full stop, unless the text already ends a sentence. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Capitalises the first letter, unless the text starts with a digest. */
export function capitalize(text: string): string {
  if (text.startsWith('sha256:')) return text;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A count and its noun: `1 stack`, `2 stacks`. */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : many}`;
}

/** A count, a total and the noun of the total: `1 of 1 stack`, `1 of 5 stacks`. */
export function outOf(count: number, total: number, noun: string, many?: string): string {
  return `${count} of ${plural(total, noun, many)}`;
}

/** Joins names or clauses: `a`, `a and b`, `a, b and c`. */
export function listOf(items: readonly string[]): string {
  const last = items.at(-1) ?? '';
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} and ${last}`;
}

/** `sha256:0123456789ab`: a digest shortened for reading. Other text is returned as it is. */
export function shortDigest(digest: string): string {
  return digest.replace(/^(sha256:[0-9a-f]{12})[0-9a-f]{52}$/, '$1');
}

/** Removes account IDs from ARNs and registry names: GitHub drops outputs that contain a masked value. */
export function withoutAccount(text: string): string {
  return text.replace(/(?<=:)\d{12}(?=:)|\b\d{12}(?=\.dkr\.)/g, '…');
}

/** Text without account ids, at any depth: GitHub drops an output that a mask touches. */
export function withoutAccounts<T>(value: T): T {
  const cleaned = (part: unknown): unknown => {
    if (typeof part === 'string') return withoutAccount(part);
    if (Array.isArray(part)) return part.map(cleaned);
    if (part === null || typeof part !== 'object') return part;
    return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, cleaned(item)]));
  };
  return cleaned(value) as T;
}

/** A time limit: `500 ms`, `90 s`, `20 min`. */
export function timeLimit(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  return `${Math.round(ms / 6000) / 10} min`;
}
