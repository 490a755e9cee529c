import { posix } from 'node:path';
import { PlatformError } from '../../core/errors.ts';
import { BadPatternError, checkFilePattern, translateRegexp } from './go-pattern.ts';

/**
 * The rules of buildx, or those of the docker client before version 23, which interprets exceptions and special
 * characters differently.
 */
export type IgnoreDialect = 'buildx' | 'docker-20';

interface IgnoreFile {
  /** The path, for messages. */
  file: string;
  content: Buffer;
}

/** The longest line that Go's bufio.Scanner reads, including its end. */
const LINE_BYTES = 64 * 1024;
/** The characters of unicode.IsSpace. JavaScript's `trim` removes U+FEFF too, but not U+0085. */
const SPACES = String.raw`[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+`;
const OUTER_SPACE = new RegExp(`^${SPACES}|${SPACES}$`, 'g');

/**
 * The rules of an ignore file. They differ from .gitignore: patterns start at the context's root, the last rule that
 * matches a path or one of its parents decides, and an exception also applies inside an ignored folder.
 *
 * Paths are strings with one character for each byte, because file names are not always valid text.
 *
 * @see https://docs.docker.com/build/concepts/context/#dockerignore-files
 * @see https://github.com/moby/patternmatcher
 * @see https://github.com/tonistiigi/fsutil/blob/master/filter.go
 */
export class IgnoreRules {
  readonly #rules: readonly Rule[];
  readonly #exceptions: readonly Rule[];
  readonly #dialect: IgnoreDialect;

  /** @throws PlatformError for a line that Docker rejects. */
  constructor(source: IgnoreFile | undefined, dialect: IgnoreDialect = 'buildx') {
    this.#dialect = dialect;
    this.#rules = source === undefined ? [] : readRules(source, dialect);
    this.#exceptions = this.#rules.filter(({ exception }) => exception);
  }

  /**
   * Applies the rules to a path.
   *
   * @param parent the result for the parent folder; undefined for the context itself.
   * @throws PlatformError for a pattern that Docker rejects when it compares a path with it.
   */
  match(path: string, parent?: MatchResult): MatchResult {
    return this.#dialect === 'docker-20' ? this.#matchAlone(path) : this.#matchWithParent(path, parent);
  }

  /** patternmatcher's MatchesUsingParentResults. */
  #matchWithParent(path: string, parent: MatchResult | undefined): MatchResult {
    let ignored = false;
    const matched = this.#rules.map((rule, index) => {
      const byParent = parent?.matched[index] === true;
      // A rule that would not change the result is not evaluated, so Docker does not detect errors in it either.
      const matches = byParent || (rule.exception === ignored && rule.matches(path));
      if (matches) ignored = !rule.exception;
      return matches;
    });
    return { ignored, matched };
  }

  /**
   * The result of the docker client before version 23, or "not ignored" if it cannot be determined.
   *
   * @see https://github.com/moby/moby/blob/v20.10.24/pkg/fileutils/fileutils.go (Matches)
   */
  #matchAlone(path: string): MatchResult {
    const parents = path.split('/').slice(0, -1);
    let ignored = false;
    for (const rule of this.#rules) {
      const parent = rule.depth <= parents.length ? parents.slice(0, rule.depth).join('/') : undefined;
      const matches = rule.isUncertain
        ? rule.exception
        : rule.matches(path) || (parent !== undefined && rule.matches(parent));
      if (matches) ignored = !rule.exception;
    }
    return { ignored, matched: [] };
  }

  /** Whether everything in an ignored folder is ignored. Docker then does not read the folder. */
  skips(folder: string): boolean {
    if (this.#exceptions.length > 0 && this.#dialect === 'docker-20') return false;
    const literal = this.#exceptions.every(({ fixedPart }) => !/[*[\]?^\\]/.test(fixedPart));
    return literal && !this.#leadsToException(folder);
  }

  /** Whether an ignored folder is kept even if it is empty: before version 23, the docker client sends it because of an exception below it. */
  keepsFolder(folder: string): boolean {
    return this.#dialect === 'docker-20' && this.#leadsToException(folder);
  }

  #leadsToException(folder: string): boolean {
    return this.#exceptions.some(({ fixedPart }) => `${fixedPart}/`.startsWith(`${folder}/`));
  }
}

/** The result of applying the rules to a path. */
export interface MatchResult {
  ignored: boolean;
  /** For each rule, whether it matches the path or one of its parents. */
  matched: readonly boolean[];
}

/** Splits a file into patterns, like moby's ignorefile.ReadAll and patternmatcher.New. */
function readRules(source: IgnoreFile, dialect: IgnoreDialect): Rule[] {
  const text = decodeUtf8(source.content.toString('latin1'));
  return text.split('\n').flatMap((full, index) => {
    if (Buffer.byteLength(full) >= LINE_BYTES) throw new InvalidLineError(source, index, full);
    const line = (index === 0 ? full.replace(/^\uFEFF/, '') : full).replace(/\r$/, '');
    if (line.startsWith('#')) return [];
    const pattern = trim(cleanLine(trim(line)));
    if (pattern === '') return [];
    try {
      return [new Rule(clean(pattern), dialect, () => new InvalidLineError(source, index, line))];
    } catch (error) {
      throw error instanceof BadPatternError ? new InvalidLineError(source, index, line) : error;
    }
  });
}

class InvalidLineError extends PlatformError {
  constructor({ file }: IgnoreFile, index: number, line: string) {
    const shown = line.length > 100 ? `${line.slice(0, 100)}…` : line;
    super(
      'input-invalid',
      `${file}:${index + 1}: expected a pattern that Docker accepts, got ${JSON.stringify(shown)}`,
      { fix: 'Correct the pattern: close all brackets, and put a backslash before special characters.' },
    );
  }
}

function cleanLine(line: string): string {
  if (line === '') return '';
  const exception = line.startsWith('!');
  const given = exception ? trim(line.slice(1)) : line;
  const cleaned = given === '' ? '' : clean(given);
  const relative = cleaned.length > 1 ? cleaned.replace(/^\//, '') : cleaned;
  return `${exception ? '!' : ''}${relative}`;
}

function trim(text: string): string {
  return text.replace(OUTER_SPACE, '');
}

/** Go's filepath.Clean. */
function clean(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/s, '');
}

/** One pattern of patternmatcher. */
class Rule {
  /** `!pattern`: matching paths are not ignored. */
  readonly exception: boolean;
  /** The number of path segments. */
  readonly depth: number;
  /** In docker-20, a pattern with a character that is an operator there. */
  readonly isUncertain: boolean;
  readonly #text: string;
  /** The pattern with one character for each byte. */
  readonly #bytes: string;
  readonly #dialect: IgnoreDialect;
  readonly #createError: () => Error;
  #matcher: ((path: string) => boolean) | undefined;

  /**
   * @param createError creates the error for a mistake that is detected only when a path is compared with the pattern.
   * @throws BadPatternError
   */
  constructor(pattern: string, dialect: IgnoreDialect, createError: () => Error) {
    this.exception = pattern.startsWith('!');
    this.#text = this.exception ? pattern.slice(1) : pattern;
    if (this.#text === '') throw new BadPatternError();
    checkFilePattern(this.#text);
    this.#bytes = Buffer.from(this.#text).toString('latin1');
    this.#dialect = dialect;
    this.#createError = createError;
    this.depth = this.#text.split('/').length;
    this.isUncertain = dialect === 'docker-20' && /[+(){}|]/.test(this.#text);
  }

  /** The pattern without a wildcard at its end, which fsutil compares folders with. */
  get fixedPart(): string {
    return this.#bytes.replace(/\/\*\*$/, '').replace(/\/\*$/, '');
  }

  matches(path: string): boolean {
    try {
      this.#matcher ??= this.#compile();
    } catch (error) {
      throw error instanceof BadPatternError ? this.#createError() : error;
    }
    return this.#matcher(path);
  }

  /** patternmatcher's compile and match: most patterns are compared without a regular expression. */
  #compile(): (path: string) => boolean {
    const { type, source } = compilePattern(this.#text);
    const bytes = this.#bytes;
    switch (this.#dialect === 'docker-20' ? 'regexp' : type) {
      case 'exact':
        return (path) => path === bytes;
      case 'prefix':
        return (path) => path.startsWith(bytes.slice(0, -2));
      case 'suffix': {
        const suffix = bytes.slice(2);
        return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
      }
      case 'regexp': {
        const regexp = translateRegexp(`${source}$`);
        return (path) => regexp.test(decodeUtf8(path));
      }
    }
  }
}

type MatchType = 'exact' | 'prefix' | 'suffix' | 'regexp';

/**
 * The regular expression of a pattern in Go's syntax, and how patternmatcher compares it. `{`, `|` and `}` are operators
 * in it: moby intends to escape them, but its table contains only characters below `@`.
 */
function compilePattern(pattern: string): { type: MatchType; source: string } {
  // Go's scanner skips a byte order mark at the start.
  const chars = Array.from(pattern.replace(/^\uFEFF/, ''));
  let type: MatchType = 'exact';
  let source = '^';
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] ?? '';
    const start = i;
    if (char === '*' && chars[i + 1] === '*') {
      i += chars[i + 2] === '/' ? 2 : 1;
      if (i + 1 < chars.length) {
        source += '(.*/)?';
        type = 'regexp';
      } else if (type === 'exact') {
        source += '.*';
        type = 'prefix';
      } else {
        source += '.*';
        type = 'regexp';
      }
      if (start === 0) type = 'suffix';
    } else if (char === '*' || char === '?') {
      source += char === '*' ? '[^/]*' : '[^/]';
      type = 'regexp';
    } else if ('.+()$'.includes(char)) source += `\\${char}`;
    else if (char === '\\') {
      i++;
      source += `\\${chars[i] ?? ''}`;
      if (i < chars.length) type = 'regexp';
    } else {
      source += char;
      if (char === '[' || char === ']') type = 'regexp';
    }
  }
  return { type, source };
}

const UTF_8 =
  /[\x00-\x7f]+|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|[\x80-\xff]/g;

/** Decodes a string of bytes as UTF-8. Each invalid byte becomes U+FFFD, like in Go. */
function decodeUtf8(bytes: string): string {
  if (!/[\x80-\xff]/.test(bytes)) return bytes;
  return bytes.replace(UTF_8, (part) => {
    if (part < '\x80') return part;
    return part.length === 1 ? '\uFFFD' : Buffer.from(part, 'latin1').toString();
  });
}
