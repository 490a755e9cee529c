/** Values of variables by name. */
export type Variables = ReadonlyMap<string, string>;

interface WordOptions {
  /** The escape character of the Dockerfile. */
  escape: string;
  /** Keeps quotes, escapes, and variables that are not set. */
  raw?: boolean;
}

/** BuildKit's lexer rejects the text, or this one does not support the expansion. */
export class ExpansionError extends Error {
  override readonly name = 'ExpansionError';
}

/**
 * Expands the variables of a word and removes its quotes, like BuildKit for `FROM` and `ARG`.
 *
 * @throws ExpansionError also for a pattern such as `${NAME##*:}`.
 * @see https://github.com/moby/buildkit/blob/v0.34.2/frontend/dockerfile/shell/lex.go
 */
export function expandWord(text: string, variables: Variables, options: WordOptions): string {
  return new Lexer(text, variables, options).read().text;
}

/** The words of a text after expansion. Quoted text is not split. Throws ExpansionError. */
export function splitWords(text: string, variables: Variables, options: WordOptions): string[] {
  return new Lexer(text, variables, options).read().words;
}

class Lexer {
  readonly #chars: readonly string[];
  readonly #variables: Variables;
  readonly #escape: string;
  readonly #raw: boolean;
  #at = 0;

  constructor(text: string, variables: Variables, { escape, raw = false }: WordOptions) {
    this.#chars = Array.from(text);
    this.#variables = variables;
    this.#escape = escape;
    this.#raw = raw;
  }

  /** Reads to the character `stop`, or to the end. */
  read(stop?: string): { text: string; words: string[] } {
    const words = new Words();
    let text = '';
    for (let char = this.#peek(); char !== undefined; char = this.#peek()) {
      if (char === stop) {
        this.#at++;
        return { text, words: words.all() };
      }
      const special = this.#special(char);
      if (special !== undefined) {
        text += special;
        if (char === '$') words.addSplit(special);
        else words.add(special);
        continue;
      }
      this.#at++;
      if (char !== this.#escape) {
        words.addSplit(char);
        text += char;
        continue;
      }
      const kept = (this.#raw ? char : '') + (this.#take() ?? '');
      words.add(kept);
      text += kept;
    }
    if (stop !== undefined) throw new ExpansionError(`expected ${stop}`);
    return { text, words: words.all() };
  }

  #peek(): string | undefined {
    return this.#chars[this.#at];
  }

  #take(): string | undefined {
    return this.#chars[this.#at++];
  }

  #special(char: string): string | undefined {
    switch (char) {
      case '$':
        return this.#variable();
      case "'":
        return this.#singleQuoted();
      case '"':
        return this.#doubleQuoted();
      case '<':
        return this.#heredocStart();
      default:
        return undefined;
    }
  }

  #singleQuoted(): string {
    const start = this.#at++;
    for (let char = this.#take(); char !== "'"; char = this.#take()) {
      if (char === undefined) throw new ExpansionError("expected '");
    }
    const text = this.#chars.slice(start, this.#at).join('');
    return this.#raw ? text : text.slice(1, -1);
  }

  #doubleQuoted(): string {
    const quote = this.#raw ? '"' : '';
    let text = quote;
    this.#at++;
    for (;;) {
      if (this.#peek() === '$') {
        text += this.#variable();
        continue;
      }
      const char = this.#take();
      if (char === undefined) throw new ExpansionError('expected "');
      if (char === '"') return text + quote;
      text += char === this.#escape ? this.#escapedInQuotes() : char;
    }
  }

  /** Within double quotes, only `"`, `$` and the escape character itself can be escaped. */
  #escapedInQuotes(): string {
    const next = this.#peek();
    if (next === undefined) return '';
    if (next !== '"' && next !== '$' && next !== this.#escape) return this.#escape;
    this.#at++;
    return this.#raw ? this.#escape + next : next;
  }

  /** White space between `<<` and the delimiter of a heredoc does not split them. */
  #heredocStart(): string {
    this.#at++;
    if (this.#peek() !== '<') return '<';
    this.#at++;
    let text = '<<';
    while (/^[\t\v\f\r ]$/.test(this.#peek() ?? '')) text += this.#take() ?? '';
    return text;
  }

  #variable(): string {
    this.#at++;
    if (this.#peek() !== '{') {
      const name = this.#name();
      if (name === '') return '$';
      return this.#variables.get(name) ?? (this.#raw ? `$${name}` : '');
    }
    this.#at++;
    if (/^[{}:]?$/.test(this.#peek() ?? '')) throw new ExpansionError('bad substitution');
    return this.#substitution(this.#name());
  }

  /** The rest of `${NAME…}` after the name. */
  #substitution(name: string): string {
    const value = this.#variables.get(name);
    let modifier = this.#take();
    if (modifier === '}') return value ?? (this.#raw ? `\${${name}}` : '');
    const emptyIsUnset = modifier === ':';
    if (emptyIsUnset) modifier = this.#take();
    if (modifier === undefined || !'+-?'.includes(modifier)) {
      throw new ExpansionError(`the modifier ${modifier ?? ''} of ${name}`);
    }
    const { text: word } = this.read('}');
    if (this.#raw && value === undefined) return `\${${name}${emptyIsUnset ? ':' : ''}${modifier}${word}}`;
    const isSet = value !== undefined && !(emptyIsUnset && value === '');
    if (modifier === '-') return isSet ? value : word;
    if (modifier === '+') return isSet ? word : '';
    if (!isSet) throw new ExpansionError(`${name}: ${word || 'is not set'}`);
    return value;
  }

  #name(): string {
    const rest = this.#chars.slice(this.#at).join('');
    const [name = ''] = /^(?:\d+|[@*#?\-$!]|[\p{L}\p{Nd}_]*)/u.exec(rest) ?? [];
    this.#at += Array.from(name).length;
    return name;
  }
}

/** Collects words that are split at unquoted white space. */
class Words {
  readonly #words: string[] = [];
  #word = '';

  add(text: string): void {
    this.#word += text;
  }

  addSplit(text: string): void {
    for (const char of text) {
      if (/\s/.test(char)) this.#end();
      else this.#word += char;
    }
  }

  all(): string[] {
    this.#end();
    return this.#words;
  }

  #end(): void {
    if (this.#word !== '') this.#words.push(this.#word);
    this.#word = '';
  }
}
