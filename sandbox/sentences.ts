/** What the actions count. */
const NOUN =
  '(?:alarm|approval|blob|change|check|commit|deployment|environment|file|finding|image|layer|problem|resource|service|stack|step|tag|task)';

/** What no sentence may have, whatever it is made from. */
const FAULTS: readonly (readonly [string, RegExp])[] = [
  ['does not end', /[^.!?"'`)…]$/],
  ['has two spaces', / {2}/],
  ['has two full stops', /(?<!\.)\.\.(?!\.)|[.!?] [.,;]/],
  ['has a gap', /\s[.,;:](?:\s|$)|: ?[.;,](?!\/)|\(\)|""|^\s|\s$/],
  ['has a value that is missing', /\b(?:undefined|NaN|null)\b|\[object/],
  ['has one of many', new RegExp(String.raw`(?<![\d.:/-])1 ${NOUN}s\b`)],
  [
    'has many of one',
    new RegExp(String.raw`(?<![\d.:/-])(?:0|[2-9]|[1-9]\d+) ${NOUN}\b(?![-:'/]| ${NOUN}s?\b)`),
  ],
  ['has a plural that is one', new RegExp(String.raw`(?<!of )(?<![\d.])\b1 ${NOUN} (?:are|were|have)\b`)],
  ['has a singular that is many', new RegExp(String.raw`\b(?:[2-9]|[1-9]\d+) ${NOUN}s (?:is|was|has)\b`)],
  ['has two labels', /Fix: Fix:|Fix:[^]*Fix:/],
];

/** Shorter ones, such as `Nothing was changed.`, may be said of two things. */
const REPEATED_FROM = 25;

function repeated(text: string): string[] {
  const sentences = text.split(/(?<=[.!?]) /).filter((each) => each.length >= REPEATED_FROM);
  return sentences.filter((each, index) => sentences.indexOf(each) !== index);
}

/** What is wrong with a reason that was made from parts and numbers: its end, its blanks, its numbers, a repetition. */
export function findSentenceFaults(text: string): string[] {
  return [
    ...FAULTS.filter(([, pattern]) => pattern.test(text)).map(([fault]) => fault),
    ...repeated(text).map((each) => `says twice "${each}"`),
  ];
}

/** Codes of bad inputs, whose reason is `<input>: expected …, got "…"`, then the place. */
const INPUT_CODES = ['input-invalid', 'manifest-invalid', 'template-invalid'];

/**
 * Checks the `reason` of an action's result.
 *
 * @throws with what is wrong.
 */
export function checkReason(action: string, result: Record<string, unknown>): void {
  const { reason = '', error } = result as { reason?: string; error?: { code?: string } };
  if (INPUT_CODES.includes(error?.code ?? '')) return;
  const faults = findSentenceFaults(reason);
  if (faults.length > 0) throw new Error(`the reason of ${action} ${faults.join(', ')}: ${reason}`);
}
