import { findCounts } from './counts.ts';
import { EXCEPTIONS, type Exception } from './exceptions.ts';
import { findPhrases, type Found } from './find.ts';
import { PHRASES, type Phrase } from './phrases.ts';

function applies(exception: Exception, file: string, { text }: Found): boolean {
  const here = exception.path.endsWith('/') ? file.startsWith(exception.path) : file === exception.path;
  return here && (exception.text === undefined || exception.text.toLowerCase() === text.toLowerCase());
}

/** The sources that contain messages. */
const SOURCE = /^(?:src|actions)\/.*\.ts$/;

/** One line for each phrase to avoid, each number with a fixed noun, and each unused exception. */
export function checkWords(
  texts: ReadonlyMap<string, string>,
  phrases: readonly Phrase[] = PHRASES,
  exceptions: readonly Exception[] = EXCEPTIONS,
): string[] {
  const used = new Set<Exception>();
  const problems: string[] = [];
  for (const [file, text] of texts) {
    for (const found of findPhrases(text, phrases)) {
      const exception = exceptions.find((each) => applies(each, file, found));
      if (exception === undefined)
        problems.push(`${file}:${found.line}: avoid "${found.text}"; write: ${found.phrase.write}`);
      else used.add(exception);
    }
    if (!SOURCE.test(file)) continue;
    for (const found of findCounts(text)) {
      problems.push(
        `${file}:${found.line}: "${found.text}" is wrong for 1: use plural or outOf of src/core/text.ts`,
      );
    }
  }
  const unused = exceptions.filter((exception) => !used.has(exception));
  return [
    ...problems,
    ...unused.map(
      ({ path, text }) => `scripts/words/exceptions.ts: ${path}${text ? ` has no "${text}"` : ' needs none'}`,
    ),
  ];
}
