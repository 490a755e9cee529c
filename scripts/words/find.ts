import type { Phrase } from './phrases.ts';

export interface Found {
  line: number;
  text: string;
  phrase: Phrase;
}

/** The separators between two words: white space, a comment marker, or the seam of two joined strings. */
const GAP = String.raw`(?:\s|(?<=\s)(?:\*|//|#|>)(?=\s)|['"\`]\s*\+\s*['"\`])+`;

const patterns = new Map<Phrase, RegExp>();

function patternOf(phrase: Phrase): RegExp {
  let pattern = patterns.get(phrase);
  if (pattern === undefined) {
    pattern = new RegExp(String.raw`(?<![\w-])(?:${phrase.avoid.replaceAll(' ', GAP)})(?![\w-])`, 'gi');
    patterns.set(phrase, pattern);
  }
  return pattern;
}

/** The phrases in a text, by line. */
export function findPhrases(text: string, phrases: readonly Phrase[]): Found[] {
  return phrases
    .flatMap((phrase) =>
      [...text.matchAll(patternOf(phrase))].map((match) => ({
        line: text.slice(0, match.index).split('\n').length,
        text: match[0].replace(new RegExp(GAP, 'g'), ' '),
        phrase,
      })),
    )
    .sort((left, right) => left.line - right.line);
}
