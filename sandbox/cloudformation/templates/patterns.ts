/**
 * Whether a whole value matches a pattern of java.util.regex. If JavaScript does not support the pattern, every value
 * matches, because only CloudFormation can decide.
 *
 * @see https://docs.oracle.com/en/java/javase/21/docs/api/java.base/java/util/regex/Pattern.html
 */
export function fitsPattern(value: string, pattern: string): boolean {
  return compiled(pattern)?.test(value) ?? true;
}

function compiled(pattern: string): RegExp | undefined {
  const flags = /^\(\?([imsux]+)\)/.exec(pattern);
  const source = `^(?:${translated(intersected(pattern.slice(flags?.[0].length ?? 0)))})$`;
  const kept = (flags?.[1] ?? '').replace(/[ux]/g, '');
  // Java accepts escapes such as `\-` and `\_`, as does only JavaScript's lenient mode. `\p{L}` requires the other
  // mode.
  for (const mode of source.includes('\\p{') ? ['u'] : ['', 'u']) {
    try {
      return new RegExp(source, kept + mode);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return undefined;
}

/** `[a-z&&[^x]]` as one class and a lookahead for the other. */
function intersected(pattern: string): string {
  const members = '(?:\\\\.|[^\\\\[\\]&])+';
  return pattern.replace(
    new RegExp(`\\[(${members})&&(\\[${members}\\]|${members})\\]`, 'g'),
    (_whole, one: string, other: string) => `(?:(?=${other.startsWith('[') ? other : `[${other}]`})[${one}])`,
  );
}

/** POSIX and Java classes, by their names in `\p{…}`. */
const CLASSES: Record<string, string> = {
  Lower: 'a-z',
  Upper: 'A-Z',
  Alpha: 'a-zA-Z',
  Digit: '0-9',
  Alnum: 'a-zA-Z0-9',
  XDigit: '0-9a-fA-F',
  Punct: '!-\\/:-@\\[-`{-~',
  Graph: '!-~',
  Print: ' -~',
  ASCII: '\\x00-\\x7F',
  Blank: ' \\t',
  Space: ' \\t-\\r',
};

function translated(pattern: string): string {
  let inClass = 0;
  return pattern.replace(
    /\\Q([\s\S]*?)(?:\\E|$)|\\p\{(?:Is)?(\w+)\}|\\([AzZhR])|\\[\s\S]|[[\]]|([*+?}])\+/g,
    (whole, quoted?: string, name?: string, escape?: string, possessive?: string) => {
      if (quoted !== undefined) return quoted.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
      const ranges = name === undefined ? undefined : CLASSES[name];
      if (ranges !== undefined) return inClass > 0 ? ranges : `[${ranges}]`;
      if (escape !== undefined)
        return { A: '^', z: '$', Z: '$', h: '[ \\t]', R: '(?:\\r\\n|[\\n\\r])' }[escape] ?? whole;
      if (possessive !== undefined && inClass === 0) return possessive;
      if (whole === '[') inClass += 1;
      if (whole === ']') inClass = Math.max(0, inClass - 1);
      return whole;
    },
  );
}
