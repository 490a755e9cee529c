import { escapedForms } from './markdown/markdown.ts';

const SECRET_WORD =
  /pass(word|wd|phrase)|pwd|secret|token|credential|(api|access|private|encryption|signing|auth|license)[-_]?key/i;
const REFERENCE_WORD =
  /(arn|name|ids?|ur[li]s?|path|parameter|alias|version|ttl|type|size|length|count|policy|enabled|rotation|days|hours|minutes|seconds|expiry|prefix|endpoint)$/i;

/**
 * Whether the name of a parameter or a variable suggests a secret value: `DbPassword`, `GITHUB_TOKEN`, but not
 * `SecretArn` or `TokenTtl`.
 */
export function isSecretName(name: string): boolean {
  return SECRET_WORD.test(name) && !REFERENCE_WORD.test(name);
}

/** Shorter values also appear inside other words. */
const SHORTEST_MASKED = 6;

/** Common settings, and words that often appear in names and messages. */
const COMMON_WORDS = new Set(
  (
    'true false yes no on off null none nil undefined empty enabled disabled enable disable required optional ' +
    'always never auto automatic default custom basic bearer digest header cookie query public private internal ' +
    'external local localhost remote test testing dev develop development stage staging prod production preview ' +
    'debug info warn warning error trace admin administrator root user username guest owner service postgres ' +
    'postgresql mysql mariadb redis mongodb rabbitmq secret secrets password passwd token tokens apikey ' +
    'credential credentials example changeme placeholder unknown string number boolean json yaml text plain ' +
    'http https oauth oauth2 openid saml jwt hs256 rs256 es256 sha256 sha512 aes256 base64 utf-8 ' +
    'aws amazon lambda fargate docker github platform'
  ).split(' '),
);

/** A number, a size or a duration. */
const QUANTITY = /^[+-]?\d{1,9}(?:\.\d{1,3})?\s?(?:ms|s|m|h|d|k|kb|mb|gb|mib|gib|%)?$/i;
/** A reference to a secret is not a secret. */
const REFERENCE = /^(?:arn:|\{\{resolve:|\$\{)/;

/**
 * Whether a secret value may be masked everywhere. This is the single rule for values of templates, task definitions
 * and inputs. GitHub drops every output that contains a masked value, so masking `true`, `staging` or `4096` would
 * protect nothing and remove unrelated outputs.
 *
 * @see https://github.com/actions/runner/issues/1498
 */
export function isMaskable(value: string): boolean {
  const text = value.trim();
  if (text.length < SHORTEST_MASKED || QUANTITY.test(text) || REFERENCE.test(text)) return false;
  return !COMMON_WORDS.has(text.toLowerCase());
}

const SHORTEST_SECRET = 4;
const MASK = '***';

/**
 * Replaces secrets with `***`, also in their encoded forms: a multi-line secret line by line, inside JSON, in a URL or
 * a form, escaped for Markdown, and in base64 at any alignment. Values shorter than four characters are ignored,
 * because replacing them would make any text unreadable.
 */
export class Redactor {
  readonly #forms = new Set<string>();
  #pattern: RegExp | undefined;

  add(secret: string): void {
    for (const form of formsOf(secret)) {
      if (form.length >= SHORTEST_SECRET) this.#forms.add(form);
    }
    this.#pattern = undefined;
  }

  redact(text: string): string {
    if (this.#forms.size === 0) return text;
    this.#pattern ??= patternOf(this.#forms);
    let before = text;
    let after = before.replace(this.#pattern, MASK);
    // A replacement can create another match. Each round shortens the text, so the loop ends.
    while (after !== before) {
      before = after;
      after = before.replace(this.#pattern, MASK);
    }
    return after;
  }
}

/** The lines of a secret to mask separately, after the whole secret. Common words are excluded. */
export function secretLines(secret: string): string[] {
  const lines = secret
    .split(/\r\n|\r|\n/)
    .flatMap((line) => [line, line.trim()])
    .filter((line) => !COMMON_WORDS.has(line.trim().toLowerCase()));
  return [...new Set([secret, secret.trim(), ...lines])].filter(
    (line) => line.trim().length >= SHORTEST_SECRET,
  );
}

function formsOf(secret: string): string[] {
  return secretLines(secret).flatMap((text) => [
    text,
    JSON.stringify(text).slice(1, -1),
    encodeUrl(text),
    new URLSearchParams({ '': text }).toString().slice(1),
    ...escapedForms(text),
    ...base64Forms(text),
  ]);
}

/** encodeURIComponent throws for a lone surrogate, which is U+FFFD in UTF-8. */
function encodeUrl(text: string): string {
  return encodeURIComponent(Buffer.from(text, 'utf8').toString('utf8'));
}

/**
 * The middle of the base64 text that is the same wherever the secret starts in the encoded data: its first byte can be
 * at any of three positions in a group.
 */
function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text, 'utf8');
  const whole = [bytes.toString('base64'), bytes.toString('base64url')];
  const shifted = [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]);
    const start = Math.ceil((offset * 8) / 6);
    const end = Math.floor((encoded.length * 8) / 6);
    return [encoded.toString('base64').slice(start, end), encoded.toString('base64url').slice(start, end)];
  });
  // A short middle would match unrelated text.
  return [...whole, ...shifted.filter((form) => form.length >= 2 * SHORTEST_SECRET)];
}

function patternOf(forms: ReadonlySet<string>): RegExp {
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map(escapePattern).join('|'), 'g');
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
