import { posix } from 'node:path';

interface Rule {
  /** As it was written, but clean. */
  text: string;
  pattern: RegExp;
  /** `!pattern`: what it matches is seen after all. */
  exception: boolean;
}

/**
 * The rules of a .dockerignore. They are not those of .gitignore: patterns begin at the context's root, the last
 * rule that matches a path or one of its parents decides, and an exception holds also below what is ignored.
 *
 * @see https://docs.docker.com/build/concepts/context/#dockerignore-files
 * @see https://github.com/moby/patternmatcher
 */
export class IgnoreRules {
  readonly #rules: readonly Rule[];

  /** Throws an Error for a pattern that Docker refuses too. */
  constructor(text: string) {
    this.#rules = text
      .replace(/^\uFEFF/, '')
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .map(ruleOf);
  }

  /** Whether the build does not see a path, given relative to the context and with `/`. */
  ignores(path: string): boolean {
    const parts = path.split('/');
    const ways = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
    const deciding = this.#rules.findLast(({ pattern }) => ways.some((way) => pattern.test(way)));
    return deciding !== undefined && !deciding.exception;
  }

  /** Whether an exception can match something below a folder that is ignored. */
  mayExceptBelow(folder: string): boolean {
    const parts = folder.split('/');
    return this.#rules.some(({ exception, text }) => {
      if (!exception) return false;
      if (text.includes('**')) return true;
      const wanted = text.split('/');
      return wanted.length > parts.length && parts.every((part, index) => matches(part, wanted[index] ?? ''));
    });
  }
}

function matches(path: string, pattern: string): boolean {
  return new RegExp(`^${sourceOf(pattern)}$`, 's').test(path);
}

function ruleOf(line: string): Rule {
  const exception = line.startsWith('!');
  const given = (exception ? line.slice(1) : line).trim();
  if (given === '') throw new Error('the exclusion pattern "!" is not valid');
  const clean = posix.normalize(given).replace(/(?<=.)\/$/, '');
  const pattern = clean.length > 1 ? clean.replace(/^\//, '') : clean;
  try {
    return { text: pattern, pattern: new RegExp(`^${sourceOf(pattern)}$`, 's'), exception };
  } catch {
    throw new Error(`the pattern ${JSON.stringify(line)} is not valid`);
  }
}

/** `**` is any number of folders, `*` and `?` stay in one. */
function sourceOf(pattern: string): string {
  let source = '';
  for (let i = 0; i < pattern.length; i++) {
    const sign = pattern.charAt(i);
    if (pattern.startsWith('**', i)) {
      i += pattern.charAt(i + 2) === '/' ? 2 : 1;
      source += i + 1 === pattern.length ? '.*' : '(?:.*/)?';
    } else if (sign === '*') source += '[^/]*';
    else if (sign === '?') source += '[^/]';
    else if (sign === '\\') source += `\\${pattern.charAt(++i) || '\\'}`;
    else if ('.+()|{}$'.includes(sign)) source += `\\${sign}`;
    else source += sign;
  }
  return source;
}
