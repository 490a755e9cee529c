import { AwsError } from '../service.ts';

/**
 * Reads what is in the root element of an XML body: every value a text, what repeats a list. An empty body has
 * nothing in it. Throws MalformedXML when the root is another one.
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
