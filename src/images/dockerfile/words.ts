/** Values of variables by name. */
export type Variables = ReadonlyMap<string, string>;

interface WordOptions {
  /** The escape character of the Dockerfile. */
  escape: string;
  /** Keeps quotes and escapes as they are, and variables that are not set. */
  raw?: boolean;
}

/** A text that BuildKit's own lexer refuses, or an expansion that this one does not have. */
export class ExpansionError extends Error {
  override readonly name = 'ExpansionError';
}

/**
 * Expands the variables of a word, and removes its quotes, as BuildKit does for `FROM` and `ARG`.
 *
 * @throws ExpansionError also for a pattern such as `${NAME##*:}`.
 * @see https://github.com/moby/buildkit/blob/v0.34.2/frontend/dockerfile/shell/lex.go
 */
export function expandWord(text: string, variables: Variables, options: WordOptions): string {
  return new Lexer(text, variables, options).read().text;
}

/** The words of a text after the expansion: what is in quotes is not split. Throws ExpansionError. */
export function splitWords(text: string, variables: Variables, options: WordOptions): string[] {
  return new Lexer(text, variables, options).read().words;
}

class Lexer {
  readonly #signs: readonly string[];
  readonly #variables: Variables;
  readonly #escape: string;
  readonly #raw: boolean;
  #at = 0;

  constructor(text: string, variables: Variables, { escape, raw = false }: WordOptions) {
    this.#signs = Array.from(text);
    this.#variables = variables;
    this.#escape = escape;
    this.#raw = raw;
  }

  /** Reads to the sign `stop`, or to the end. */
  read(stop?: string): { text: string; words: string[] } {
    const words = new Words();
    let text = '';
    for (let sign = this.#peek(); sign !== undefined; sign = this.#peek()) {
      if (sign === stop) {
        this.#at++;
        return { text, words: words.all() };
      }
      const special = this.#special(sign);
      if (special !== undefined) {
        text += special;
        if (sign === '$') words.addSplit(special);
        else words.add(special);
        continue;
      }
      this.#at++;
      if (sign !== this.#escape) {
        words.addSplit(sign);
        text += sign;
        continue;
      }
      const kept = (this.#raw ? sign : '') + (this.#take() ?? '');
      words.add(kept);
      text += kept;
    }
    if (stop !== undefined) throw new ExpansionError(`expected ${stop}`);
    return { text, words: words.all() };
  }

  #peek(): string | undefined {
    return this.#signs[this.#at];
  }

  #take(): string | undefined {
    return this.#signs[this.#at++];
  }

  #special(sign: string): string | undefined {
    switch (sign) {
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
    for (let sign = this.#take(); sign !== "'"; sign = this.#take()) {
      if (sign === undefined) throw new ExpansionError("expected '");
    }
    const text = this.#signs.slice(start, this.#at).join('');
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
      const sign = this.#take();
      if (sign === undefined) throw new ExpansionError('expected "');
      if (sign === '"') return text + quote;
      text += sign === this.#escape ? this.#escapedInQuotes() : sign;
    }
  }

  /** Within double quotes only `"`, `$` and the escape character itself are escaped. */
  #escapedInQuotes(): string {
    const next = this.#peek();
    if (next === undefined) return '';
    if (next !== '"' && next !== '$' && next !== this.#escape) return this.#escape;
    this.#at++;
    return this.#raw ? this.#escape + next : next;
  }

  /** White space between `<<` and the word that ends a heredoc does not split them. */
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

  /** What follows the name in `${NAME…}`. */
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
    const rest = this.#signs.slice(this.#at).join('');
    const [name = ''] = /^(?:\d+|[@*#?\-$!]|[\p{L}\p{Nd}_]*)/u.exec(rest) ?? [];
    this.#at += Array.from(name).length;
    return name;
  }
}

/** Words as they are read, split at white space that is not in quotes. */
class Words {
  readonly #words: string[] = [];
  #word = '';

  add(text: string): void {
    this.#word += text;
  }

  addSplit(text: string): void {
    for (const sign of text) {
      if (/\s/.test(sign)) this.#end();
      else this.#word += sign;
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
