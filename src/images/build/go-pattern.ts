/** A pattern or regular expression that Go rejects. */
export class BadPatternError extends Error {
  override readonly name = 'BadPatternError';
}

/**
 * Checks a pattern like moby, which matches it against "." and only checks for an error. Go stops at the first part that
 * does not match, so errors after it are not detected.
 *
 * @throws BadPatternError if `filepath.Match(pattern, ".")` returns ErrBadPattern.
 * @see https://github.com/golang/go/blob/master/src/path/filepath/match.go
 */
export function checkFilePattern(pattern: string): void {
  let rest = Array.from(pattern);
  let name = ['.'];
  while (rest.length > 0) {
    const star = rest[0] === '*';
    while (rest[0] === '*') rest = rest.slice(1);
    const length = chunkLength(rest);
    const chunk = rest.slice(0, length);
    rest = rest.slice(length);
    if (star && chunk.length === 0) return;
    // "." has only one character, so a star before the chunk must match nothing.
    const left = matchChunk(chunk, name);
    if (left === undefined || (left.length > 0 && rest.length === 0)) return;
    name = left;
  }
}

/** The number of characters before the next `*` outside a class. */
function chunkLength(pattern: readonly string[]): number {
  let inClass = false;
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i];
    if (char === '\\') i++;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '*' && !inClass) return i;
  }
  return pattern.length;
}

/** The rest of the name after a part of the pattern; undefined if it does not match. The whole part is checked. */
function matchChunk(chunk: readonly string[], given: readonly string[]): string[] | undefined {
  let name: string[] | undefined = [...given];
  for (let i = 0; i < chunk.length; i++) {
    const char: string | undefined = name?.[0];
    if (char === undefined) name = undefined;
    let matched = false;
    if (chunk[i] === '[') [matched, i] = matchClass(chunk, i + 1, char ?? '');
    else if (chunk[i] === '?') matched = char !== '/';
    else {
      if (chunk[i] === '\\') i++;
      if (i >= chunk.length) throw new BadPatternError();
      matched = chunk[i] === char;
    }
    name = matched ? name?.slice(1) : undefined;
  }
  return name;
}

/** Whether a class matches, and the position of its `]`. */
function matchClass(chunk: readonly string[], start: number, char: string): [boolean, number] {
  let at = start;
  const negated = chunk[at] === '^';
  if (negated) at++;
  const member = (): string => {
    const first = chunk[at];
    if (first === undefined || first === '-' || first === ']') throw new BadPatternError();
    if (first === '\\') at++;
    const character = chunk[at++];
    if (character === undefined || at >= chunk.length) throw new BadPatternError();
    return character;
  };
  let matched = false;
  for (let ranges = 0; ranges === 0 || chunk[at] !== ']'; ranges++) {
    const from = member();
    let to = from;
    if (chunk[at] === '-') {
      at++;
      to = member();
    }
    const code = codeOf(char);
    matched ||= char !== '' && codeOf(from) <= code && code <= codeOf(to);
  }
  return [matched !== negated, at];
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}

/** Go's classes, which contain only ASCII. */
const PERL_CLASSES: Readonly<Record<string, string>> = {
  d: '[0-9]',
  D: '[^0-9]',
  s: String.raw`[\t\n\f\r\u0020]`,
  S: String.raw`[^\t\n\f\r\u0020]`,
  w: '[0-9A-Z_a-z]',
  W: '[^0-9A-Z_a-z]',
};

const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: String.raw`\x00-\x7f`,
  blank: String.raw`\t\x20`,
  cntrl: String.raw`\x00-\x1f\x7f`,
  digit: '0-9',
  graph: String.raw`\x21-\x7e`,
  lower: 'a-z',
  print: String.raw`\x20-\x7e`,
  punct: String.raw`\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e`,
  space: String.raw`\t-\r\x20`,
  upper: 'A-Z',
  word: '0-9A-Z_a-z',
  xdigit: '0-9A-Fa-f',
};

/** Properties with a different name in JavaScript, by their name in Go. */
const UNICODE_NAMES: Readonly<Record<string, string>> = {
  Any: 'Any',
  Ascii: 'ASCII',
  Assigned: 'Assigned',
  Lc: 'gc=LC',
};

function isUnicodeProperty(property: string): boolean {
  try {
    return new RegExp(`\\p{${property}}`, 'v').source !== '';
  } catch {
    return false;
  }
}

/** Assertions by the letter after the backslash. `\b` refers to ASCII words in both languages. */
const ASSERTIONS: Readonly<Record<string, string>> = {
  A: String.raw`(?<![\s\S])`,
  b: String.raw`\b`,
  B: String.raw`\B`,
  z: String.raw`(?![\s\S])`,
};

const CONTROL_CHARACTERS: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/**
 * Translates a regular expression from Go to JavaScript. Groups with flags or names are not supported, because moby
 * escapes parentheses.
 *
 * @throws BadPatternError if Go's `regexp.Compile` rejects it.
 * @see https://github.com/golang/go/blob/master/src/regexp/syntax/parse.go
 */
export function translateRegexp(source: string): RegExp {
  const parser = new RegexpParser(source);
  return new RegExp(parser.parse(), 'v');
}

const GROUP = '(?:';
const OPERATORS: Readonly<Record<string, string>> = {
  '(': GROUP,
  '.': String.raw`[^\n]`,
  '^': '^',
  $: '$',
  '|': '|',
};

class RegexpParser {
  readonly #chars: readonly string[];
  readonly #parts: string[] = [];
  #at = 0;
  #repeated = false;

  constructor(source: string) {
    this.#chars = Array.from(source);
  }

  parse(): string {
    while (this.#at < this.#chars.length) {
      const repeated = this.#repeated;
      this.#repeated = false;
      this.#part(repeated);
    }
    return this.#parts.join('');
  }

  /** @param repeated whether the previous part is a repetition operator. */
  #part(repeated: boolean): void {
    const char = this.#next();
    if (char === '\\') this.#backslash();
    else if (char === ')') this.#endGroup();
    else if (char === '*' || char === '?') this.#repeat(char, repeated);
    else if (char === '{') this.#count(repeated);
    else this.#parts.push(OPERATORS[char] ?? (char === '[' ? this.#class() : literal(codeOf(char))));
  }

  #backslash(): void {
    const quoted = this.#quoted();
    if (quoted) this.#parts.push(...quoted);
    else this.#parts.push(this.#assertion() ?? this.#group() ?? literal(this.#escape()));
  }

  #endGroup(): void {
    const start = this.#parts.lastIndexOf(GROUP);
    if (start < 0) throw new BadPatternError();
    this.#parts.push(`${this.#parts.splice(start).join('')})`);
  }

  /** Go rejects a repetition of a repetition, or of nothing. */
  #repeat(operator: string, repeated: boolean): void {
    const part = this.#parts.pop();
    if (repeated || part === undefined || part === '|' || part === GROUP) throw new BadPatternError();
    this.#parts.push(`(?:${part})${operator}`);
    this.#repeated = true;
  }

  /** `{2}`, `{2,}` or `{2,5}`, up to a thousand. Otherwise, the brace is a literal character. */
  #count(repeated: boolean): void {
    const rest = this.#chars.slice(this.#at).join('');
    const [all, least = '', more, most = ''] = /^(0|[1-9]\d*)(,(0|[1-9]\d*)?)?\}/.exec(rest) ?? [];
    if (all === undefined) {
      this.#parts.push(literal(codeOf('{')));
      return;
    }
    if (Number(least) > 1000 || Number(most) > 1000) throw new BadPatternError();
    if (more !== undefined && most !== '' && Number(least) > Number(most)) throw new BadPatternError();
    this.#at += all.length;
    this.#repeat(`{${all}`, repeated);
  }

  #next(): string {
    const char = this.#chars[this.#at++];
    if (char === undefined) throw new BadPatternError();
    return char;
  }

  #assertion(): string | undefined {
    const assertion = ASSERTIONS[this.#chars[this.#at] ?? ''];
    if (assertion !== undefined) this.#at++;
    return assertion;
  }

  /** `\Q…\E`, or `\Q…` to the end. */
  #quoted(): string[] | undefined {
    if (this.#chars[this.#at] !== 'Q') return undefined;
    const start = this.#at + 1;
    let end = start;
    while (end < this.#chars.length && !(this.#chars[end] === '\\' && this.#chars[end + 1] === 'E')) end++;
    this.#at = Math.min(end + 2, this.#chars.length);
    return this.#chars.slice(start, end).map((char) => literal(codeOf(char)));
  }

  /** `\d` or `\pL`, after the backslash. */
  #group(): string | undefined {
    const letter = this.#chars[this.#at] ?? '';
    if (letter === 'p' || letter === 'P') {
      this.#at++;
      return this.#unicodeGroup(letter === 'P');
    }
    const group = PERL_CLASSES[letter];
    if (group !== undefined) this.#at++;
    return group;
  }

  /** A Unicode category or script: one letter, `{Name}` or `{^Name}`, not case-sensitive since Go 1.25. */
  #unicodeGroup(negated: boolean): string {
    let name = this.#next();
    if (name === '{') {
      const end = this.#chars.indexOf('}', this.#at);
      if (end < 0) throw new BadPatternError();
      name = this.#chars.slice(this.#at, end).join('');
      this.#at = end + 1;
    }
    const [, not, given = ''] = /^(\^?)(.*)$/s.exec(name) ?? [];
    const plain = given.replaceAll(/[-_ ]/g, '');
    const usual = plain.slice(0, 1).toUpperCase() + plain.slice(1).toLowerCase();
    const letter = negated === (not === '^') ? 'p' : 'P';
    const group = UNICODE_NAMES[usual] ?? [`gc=${usual}`, `sc=${usual}`].find(isUnicodeProperty);
    if (group === undefined) throw new BadPatternError();
    return `\\${letter}{${group}}`;
  }

  /** The character of an escape, after the backslash. */
  #escape(): number {
    const char = this.#next();
    const control = CONTROL_CHARACTERS[char];
    if (control !== undefined) return control;
    if (char === 'x') {
      const digits = this.#next() + this.#next();
      if (!/^[\da-f]{2}$/i.test(digits)) throw new BadPatternError();
      return Number.parseInt(digits, 16);
    }
    if (/[0-7]/.test(char)) return this.#octal(char);
    if (codeOf(char) >= 0x80 || /[\da-z]/i.test(char)) throw new BadPatternError();
    return codeOf(char);
  }

  /** Up to three digits. A single digit other than 0 would be a backreference, which Go does not support. */
  #octal(first: string): number {
    let digits = first;
    while (digits.length < 3 && /[0-7]/.test(this.#chars[this.#at] ?? '')) digits += this.#next();
    if (digits.length === 1 && first !== '0') throw new BadPatternError();
    return Number.parseInt(digits, 8);
  }

  /** A class, after its `[`. */
  #class(): string {
    const negated = this.#chars[this.#at] === '^';
    if (negated) this.#at++;
    const members: string[] = [];
    while (members.length === 0 || this.#chars[this.#at] !== ']') {
      members.push(this.#namedClass() ?? this.#groupInClass() ?? this.#range());
    }
    this.#at++;
    return `[${negated ? '^' : ''}${members.join('')}]`;
  }

  /** `[:alpha:]` */
  #namedClass(): string | undefined {
    if (this.#chars[this.#at] !== '[' || this.#chars[this.#at + 1] !== ':') return undefined;
    let end = this.#at + 2;
    while (end < this.#chars.length && !(this.#chars[end] === ':' && this.#chars[end + 1] === ']')) end++;
    if (end >= this.#chars.length) return undefined;
    const [, negation = '', name = ''] =
      /^(\^?)([a-z]+)$/.exec(this.#chars.slice(this.#at + 2, end).join('')) ?? [];
    const members = Object.hasOwn(POSIX_CLASSES, name) ? POSIX_CLASSES[name] : undefined;
    if (members === undefined) throw new BadPatternError();
    this.#at = end + 2;
    return `[${negation}${members}]`;
  }

  #groupInClass(): string | undefined {
    if (this.#chars[this.#at] !== '\\') return undefined;
    this.#at++;
    const group = this.#group();
    if (group === undefined) this.#at--;
    return group;
  }

  #range(): string {
    const from = this.#member();
    const [dash, end] = this.#chars.slice(this.#at, this.#at + 2);
    if (dash !== '-' || end === undefined || end === ']') return literal(from);
    this.#at++;
    const to = this.#member();
    if (to < from) throw new BadPatternError();
    return `${literal(from)}-${literal(to)}`;
  }

  #member(): number {
    const char = this.#next();
    return char === '\\' ? this.#escape() : codeOf(char);
  }
}

function literal(code: number): string {
  return `\\u{${code.toString(16)}}`;
}
