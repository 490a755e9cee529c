/** The minimum length of a text that is rewritten, in characters. Most texts are shorter and cheap to parse. */
const LONG = 1000;
/** The text of an element without attributes and without other elements. */
const LONG_TEXT = new RegExp(String.raw`(<[A-Za-z][\w.:-]*>)([^<]{${LONG},})(?=</)`, 'g');
const ENTITY = /&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(\w{1,31}));/g;
const NAMED: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** Parsers turn it into a line feed, so a text that contains one is not rewritten. Unknown entities are mapped to it too. */
const UNREADABLE = '\r';

/**
 * The same XML document with its long texts as CDATA. The SDK's parser copies a CDATA section as it is, but builds any
 * other text from single characters at 32 bytes each, which is 30 MB of memory for a stack's template.
 *
 * @see https://github.com/aws/aws-sdk-js-v3/blob/main/packages-internal/xml-builder/src/xml-parser.ts
 */
export function withLongTextsAsCdata(document: string): string {
  // CDATA sections and comments may contain text that looks like elements.
  if (document.length < LONG || document.includes('<!')) return document;
  return document.replace(LONG_TEXT, (whole: string, tag: string, escaped: string) => {
    const text = unescaped(escaped);
    return text === undefined ? whole : `${tag}<![CDATA[${text}]]>`;
  });
}

/** The unescaped text; undefined if a CDATA section cannot represent it. */
function unescaped(escaped: string): string | undefined {
  const text = escaped.replace(ENTITY, (_, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return NAMED.get(name) ?? UNREADABLE;
    return String.fromCharCode(hex === undefined ? Number(decimal) : parseInt(hex, 16));
  });
  return text.includes(']]>') || text.includes(UNREADABLE) ? undefined : text;
}

/** The texts of all elements of a name that contain no other elements. */
export function textsIn(document: string, element: string): string[] {
  const found = document.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, 'g'));
  return [...found].map(([, text = '']) => unescaped(text) ?? text);
}
