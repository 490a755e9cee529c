/** From here on a text is worth a rewritten answer, in characters. Shorter ones are most of an answer's, and cheap to read. */
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

/** A parser reads it as a line feed, so a text with one stays as it is. It stands for unknown entities too. */
const UNREADABLE = '\r';

/**
 * The same XML document with its long texts as CDATA. The SDK's parser takes a CDATA section as it is, and puts any other
 * text together of single characters: 32 bytes for each, all alive until the text ends, which for the template of a stack
 * is 30 MB.
 *
 * @see https://github.com/aws/aws-sdk-js-v3/blob/main/packages-internal/xml-builder/src/xml-parser.ts
 */
export function withLongTextsAsCdata(document: string): string {
  // Sections and comments may hold what looks like elements.
  if (document.length < LONG || document.includes('<!')) return document;
  return document.replace(LONG_TEXT, (whole: string, tag: string, escaped: string) => {
    const text = unescaped(escaped);
    return text === undefined ? whole : `${tag}<![CDATA[${text}]]>`;
  });
}

/** Undefined for what a CDATA section cannot hold, or would be read as another text. */
function unescaped(escaped: string): string | undefined {
  const text = escaped.replace(ENTITY, (_, hex?: string, decimal?: string, name?: string) => {
    if (name !== undefined) return NAMED.get(name) ?? UNREADABLE;
    return String.fromCharCode(hex === undefined ? Number(decimal) : parseInt(hex, 16));
  });
  return text.includes(']]>') || text.includes(UNREADABLE) ? undefined : text;
}
