/** What is counted in messages. */
const NOUNS =
  'alarms|blobs|branches|changes|checks|commits|copies|deployments|environments|files|findings|images|layers|parts|problems|resources|services|stacks|steps|tags|tasks|tests';

/** A number in a template literal, before a noun that is always in the plural: `${found.length} stacks`. */
const FIXED_PLURAL = new RegExp(
  String.raw`\$\{(?!plural|outOf)[^{}]*(?:\.length|[cC]ount|\.size|[tT]otal)[^{}]*\} (?:[a-z]+ )?(?:${NOUNS})\b`,
  'g',
);

/** A noun that the source picks by hand: `count === 1 ? 'stack' : 'stacks'`. */
const PICKED_BY_HAND = new RegExp(
  String.raw`=== 1 \? '1 (?:${NOUNS.replaceAll('s|', '|').replace(/s$/, '')})`,
  'g',
);

/** Where a source writes a number and its noun without `plural` or `outOf`, and so gets one of them wrong: by line. */
export function findCounts(text: string): { line: number; text: string }[] {
  return [FIXED_PLURAL, PICKED_BY_HAND].flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => ({
      line: text.slice(0, match.index).split('\n').length,
      text: match[0],
    })),
  );
}
