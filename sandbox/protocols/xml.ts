import { AwsError, textOf } from './service.ts';

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** What a list holds: `<member>` elements (query), `<item>` elements (EC2), or the element itself again (flat, S3). */
type Lists = 'member' | 'item' | 'flat';

/**
 * Writes a value as an element, or nothing for undefined and null. Dates are ISO 8601, bytes base64, a Map has entries with
 * key and value.
 */
export function element(name: string, value: unknown, lists: Lists): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value) && lists === 'flat') {
    return value.map((item) => element(name, item, lists)).join('');
  }
  return `<${name}>${content(value, lists)}</${name}>`;
}

function content(value: unknown, lists: Lists): string {
  if (Array.isArray(value)) return value.map((item) => element(lists, item, lists)).join('');
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (value instanceof Map) {
    return [...(value as Map<unknown, unknown>)]
      .map(([key, item]) => element('entry', { key, value: item }, lists))
      .join('');
  }
  if (typeof value === 'object' && value !== null) return members(value, lists);
  return escape(textOf(value) ?? '');
}

/** The fields of an object, one element each. */
export function members(value: object, lists: Lists): string {
  return Object.entries(value)
    .map(([name, field]) => element(name, field, lists))
    .join('');
}

function escape(text: string): string {
  return text.replace(
    /[&<>"\u0000-\u0008\u000b-\u001f]/g,
    (character) => ESCAPES[character] ?? `&#x${character.charCodeAt(0).toString(16)};`,
  );
}

/**
 * Reads the content of the root element of an XML body: every value is a text, repeated elements are a list. An empty
 * body is an empty object. Throws MalformedXML for a different root.
 */
export async function readXml(body: Buffer, root: string): Promise<Record<string, unknown>> {
  if (body.length === 0) return {};
  const { XMLParser } = await import('fast-xml-parser');
  const parser = new XMLParser({ parseTagValue: false, trimValues: false, ignoreDeclaration: true });
  const content = (parser.parse(body.toString('utf8')) as Record<string, unknown>)[root];
  if (typeof content === 'object' && content !== null) return content as Record<string, unknown>;
  const message = 'The XML you provided was not well-formed or did not validate against our published schema';
  throw new AwsError('MalformedXML', message);
}
