/** The nouns that are counted in messages. */
const NOUNS =
  'alarms|blobs|branches|changes|checks|commits|copies|deployments|environments|files|findings|images|layers|parts|problems|resources|services|stacks|steps|tags|tasks|tests';

/** A number in a template literal before a noun that is always plural: `${found.length} stacks`. */
const FIXED_PLURAL = new RegExp(
  String.raw`\$\{(?!plural|outOf)[^{}]*(?:\.length|[cC]ount|\.size|[tT]otal)[^{}]*\} (?:[a-z]+ )?(?:${NOUNS})\b`,
  'g',
);

/** A noun that is selected without `plural`: `count === 1 ? '1 stack' : …`. */
const SELECTED_MANUALLY = new RegExp(
  String.raw`=== 1 \? '1 (?:${NOUNS.replaceAll('s|', '|').replace(/s$/, '')})`,
  'g',
);

/** The numbers in a source whose noun is not selected with `plural` or `outOf`, by line. */
export function findCounts(text: string): { line: number; text: string }[] {
  return [FIXED_PLURAL, SELECTED_MANUALLY].flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => ({
      line: text.slice(0, match.index).split('\n').length,
      text: match[0],
    })),
  );
}
