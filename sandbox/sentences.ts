/** Nouns that the actions count. */
const NOUN =
  '(?:alarm|approval|blob|change|check|commit|deployment|environment|file|finding|image|layer|problem|resource|service|stack|step|tag|task)';

/** Faults in any sentence, whatever its parts. */
const FAULTS: readonly (readonly [string, RegExp])[] = [
  ['has two spaces', / {2}/],
  ['has two full stops', /(?<!\.)\.\.(?!\.)|[.!?] [.,;](?!\w)/],
  ['has a gap', /\s[.,;](?:\s|$)|\s:(?!\s\[)(?:\s|$)|: ?[.;,](?!\/)|\(\)|""|^\s|\s$/],
  ['has a missing value', /\b(?:undefined|NaN)\b|\[object/],
  ['has 1 with a plural noun', new RegExp(String.raw`(?<![\d.:/-])1 ${NOUN}s\b`)],
  [
    'has a number with a singular noun',
    new RegExp(String.raw`(?<![\d.:/-])(?:0|[2-9]|[1-9]\d+) ${NOUN}\b(?![-:'/]| ${NOUN}s?\b)`),
  ],
  ['has 1 with a plural verb', new RegExp(String.raw`(?<!of )(?<![\d.])\b1 ${NOUN} (?:are|were|have)\b`)],
  [
    'has a number with a singular verb',
    new RegExp(String.raw`\b(?:[2-9]|[1-9]\d+) ${NOUN}s (?:is|was|has)\b`),
  ],
  ['has two labels', /Fix: Fix:|Fix: (.+?)\.? Fix: \1/],
];

/** Shorter sentences, such as `Nothing was changed.`, may occur twice. */
const REPEATED_FROM = 25;

function sentence(text: string): string {
  return END.test(text) ? text : `${text}.`;
}

function repeated(text: string): string[] {
  const sentences = text.split(/(?<=[.!?]) /);
  return sentences.filter((each, index) => each.length >= REPEATED_FROM && each === sentences[index - 1]);
}

/** A full stop, or what may follow the last word: a quotation, code, JSON, a URL that a full stop would break. */
const END = /(?:[.!?"'`)…>\]}]|https?:\/\/\S+)$/;

/**
 * Finds faults in a reason that is composed of parts: a missing full stop, stray spaces, a noun in the wrong number, a
 * repetition.
 */
export function findSentenceFaults(text: string): string[] {
  return [
    ...(END.test(text) ? [] : ['has no full stop at the end']),
    ...FAULTS.filter(([, pattern]) => pattern.test(text)).map(([fault]) => fault),
    ...repeated(text).map((each) => `repeats "${each}"`),
  ];
}

/** Codes of invalid inputs, whose reason is `<input>: expected …, got "…"`, then the location. */
const INPUT_CODES = ['input-invalid', 'manifest-invalid', 'template-invalid'];

/**
 * Checks the `reason` of an action's result.
 *
 * @throws Error that lists its faults.
 */
export function checkReason(action: string, result: Record<string, unknown>): void {
  const { reason = '', error } = result as {
    reason?: string;
    error?: { code?: string; message?: string };
  };
  if (INPUT_CODES.includes(error?.code ?? '')) return;
  // The message of an error that ended the run has no full stop.
  const isMessage = reason === error?.message?.replace(/\s*[\r\n]+\s*/g, ' ').trim();
  const faults = findSentenceFaults(isMessage ? sentence(reason) : reason);
  if (faults.length > 0) throw new Error(`the reason of ${action} ${faults.join(', ')}: ${reason}`);
}
