import { brotliDecompressSync } from 'node:zlib';

/** The kind of value that a property accepts. A property of an unknown kind accepts anything. */
export type PropertyKind =
  | { kind: 'plain' | 'any' }
  | { kind: 'list' | 'map'; of: readonly PropertyKind[] }
  | { kind: 'object'; properties: Properties };

interface PropertySchema {
  required: boolean;
  /** Several if the property accepts several kinds of values. */
  kinds: readonly PropertyKind[];
}

export type Properties = ReadonlyMap<string, PropertySchema>;

export interface ResourceSchema {
  properties: Properties;
  /** What `Fn::GetAtt` can read in addition to the properties: `Arn`, `Endpoint.Address`. */
  attributes: ReadonlySet<string>;
}

/** The schema of a resource type; undefined if the type is unknown to this version. */
export type Schemas = (type: string) => ResourceSchema | undefined;

/** Reads the resource schemas. They are 0.8 MB of text, and only needed for stacks that will be created. */
export async function loadSchemas(): Promise<Schemas> {
  const { RESOURCE_SCHEMAS } = await import('./resource-schemas.ts');
  const text = `\n${brotliDecompressSync(Buffer.from(RESOURCE_SCHEMAS, 'base64')).toString()}\n`;
  return (type) => {
    const start = text.indexOf(`\n${type}\t`);
    return start < 0 ? undefined : parse(text.slice(start + 1, text.indexOf('\n', start + 1)));
  };
}

/** Parses one line. The format is described in scripts/generate-schemas.ts. */
function parse(line: string): ResourceSchema {
  const [, properties = '', attributes = '', ...nested] = line.split('\t');
  const known = new Map<number, Properties>();
  const definition = (index: number): Properties => {
    const found = known.get(index);
    if (found) return found;
    // A nested type may contain itself.
    const own = new Map<string, PropertySchema>();
    known.set(index, own);
    for (const [name, property] of propertiesOf(nested[index] ?? '')) own.set(name, property);
    return own;
  };
  const propertiesOf = (text: string): [string, PropertySchema][] =>
    words(text).map((word) => {
      const [, required = '', name = '', kind = ''] = /^(!?)([^:]*):?(.*)$/.exec(word) ?? [];
      return [name, { required: required !== '', kinds: kindsOf(kind, definition) }];
    });
  return { properties: new Map(propertiesOf(properties)), attributes: new Set(words(attributes)) };
}

function kindsOf(text: string, definition: (index: number) => Properties): PropertyKind[] {
  return text.split('|').map((kind): PropertyKind => {
    const rest = kind.slice(1);
    switch (kind[0]) {
      case undefined:
        return { kind: 'plain' };
      case '[':
        return { kind: 'list', of: kindsOf(rest, definition) };
      case '{':
        return { kind: 'map', of: kindsOf(rest, definition) };
      case '@':
        return { kind: 'object', properties: definition(Number(rest)) };
      default:
        return { kind: 'any' };
    }
  });
}

function words(text: string): string[] {
  return text === '' ? [] : text.split(' ');
}
