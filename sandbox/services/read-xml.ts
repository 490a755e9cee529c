import { AwsError } from '../service.ts';

/** Reads an XML body; every value is a text, an element that repeats is a list. Throws MalformedXML. */
export async function readXml(body: Buffer): Promise<Record<string, unknown>> {
  if (body.length === 0) return {};
  const { XMLParser } = await import('fast-xml-parser');
  const parser = new XMLParser({ parseTagValue: false, trimValues: false, ignoreDeclaration: true });
  try {
    return parser.parse(body.toString('utf8'), true) as Record<string, unknown>;
  } catch {
    const message =
      'The XML you provided was not well-formed or did not validate against our published schema';
    throw new AwsError('MalformedXML', message);
  }
}
