/** A part of a pattern: a character or a wildcard. */
type Part = { kind: 'character'; character: string } | { kind: 'one' } | { kind: 'any' };
export type Pattern = readonly Part[];

const ANY: Part = { kind: 'any' };
const ONE: Part = { kind: 'one' };

/** Parses a pattern: `*` matches any text, `?` any single character. */
export function patternOf(text: string): Part[] {
  return Array.from(text, (character) =>
    character === '*' ? ANY : character === '?' ? ONE : { kind: 'character', character },
  );
}

/** A pattern without wildcards. */
export function literalOf(text: string): Part[] {
  return Array.from(text, (character) => ({ kind: 'character', character }));
}

/** Whether a text matches a pattern. */
export function matches(pattern: Pattern, text: string): boolean {
  return compiled(pattern).test(text);
}

const expressions = new WeakMap<Pattern, RegExp>();

function compiled(pattern: Pattern): RegExp {
  const known = expressions.get(pattern);
  if (known) return known;
  const source = pattern.map((part) => {
    if (part.kind === 'any') return '.*';
    return part.kind === 'one' ? '.' : part.character.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  });
  const expression = new RegExp(`^${source.join('')}$`, 'su');
  expressions.set(pattern, expression);
  return expression;
}

/** Whether some text matches both patterns. */
export function overlap(a: Pattern, b: Pattern): boolean {
  const seen = new Map<number, boolean>();
  const from = (i: number, j: number): boolean => {
    const key = i * (b.length + 1) + j;
    const known = seen.get(key);
    if (known !== undefined) return known;
    const answer = overlapAt(i, j);
    seen.set(key, answer);
    return answer;
  };
  const overlapAt = (i: number, j: number): boolean => {
    const [left, right] = [a[i], b[j]];
    if (!left && !right) return true;
    if (left?.kind === 'any') return from(i + 1, j) || (right !== undefined && from(i, j + 1));
    if (right?.kind === 'any') return from(i, j + 1) || (left !== undefined && from(i + 1, j));
    if (!left || !right) return false;
    const fits = left.kind === 'one' || right.kind === 'one' || left.character === right.character;
    return fits && from(i + 1, j + 1);
  };
  return from(0, 0);
}
