import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { loadAwsServiceSpec } from '@aws-cdk/aws-service-spec';

const FILE = new URL('../src/cloudformation/template/resource-schemas.ts', import.meta.url);

/** The part of the service specification's types that is used here. */
interface SpecType {
  type: string;
  element?: SpecType;
  types?: SpecType[];
  reference?: { $ref: string };
}
interface SpecProperty {
  type: SpecType;
  previousTypes?: SpecType[];
  required?: boolean;
}
type SpecProperties = Record<string, SpecProperty>;
interface SpecResource {
  cloudFormationType: string;
  properties: SpecProperties;
  attributes: Record<string, unknown>;
}
interface SpecDatabase {
  all(kind: 'resource'): SpecResource[];
  get(kind: 'typeDefinition', id: string): { properties: SpecProperties };
}

/**
 * All resource types as text, one line each: the type, its properties, its attributes, then the properties of each
 * nested type, separated by tabs. src/cloudformation/template/schemas.ts reads it.
 *
 * A property is `Name:kind`, prefixed with `!` if it is required. Kinds: none for a plain value; `j` for anything; `[x` for
 * a list of x; `{x` for a map of x; `@2` for the third nested type; `x|y` for one of them.
 */
async function schemaText(): Promise<string> {
  const database = (await loadAwsServiceSpec()) as unknown as SpecDatabase;
  return database
    .all('resource')
    .map((resource) => lineOf(resource, database))
    .sort()
    .join('\n');
}

function lineOf(resource: SpecResource, database: SpecDatabase): string {
  const nested: string[] = [];
  const kindOf = (type: SpecType): string => {
    if (type.reference) {
      const id = type.reference.$ref;
      if (!nested.includes(id)) nested.push(id);
      return `@${nested.indexOf(id)}`;
    }
    // A list of several kinds accepts anything, because `[x|y` means a list of x, or y.
    const element = type.element?.types ? 'j' : type.element ? kindOf(type.element) : '';
    if (type.type === 'array') return `[${element}`;
    if (type.type === 'map') return `{${element}`;
    if (type.types) return type.types.map(kindOf).join('|');
    return type.type === 'json' || type.type === 'tag' ? 'j' : '';
  };
  const propertiesText = (properties: SpecProperties): string =>
    Object.entries(properties)
      .map(([name, { type, previousTypes = [], required }]) => {
        const kind = [...new Set([type, ...previousTypes].map(kindOf))].join('|');
        // The schemas require tags for one old type, which CloudFormation also creates without them.
        return `${required && name !== 'Tags' ? '!' : ''}${name}${kind === '' ? '' : `:${kind}`}`;
      })
      .join(' ');
  const fields = [
    resource.cloudFormationType,
    propertiesText(resource.properties),
    Object.keys(resource.attributes).join(' '),
  ];
  for (let index = 0; index < nested.length; index++) {
    fields.push(propertiesText(database.get('typeDefinition', nested[index] ?? '').properties));
  }
  return fields.join('\t');
}

async function main(): Promise<void> {
  const text = await schemaText();
  const compressed = brotliCompressSync(text, {
    params: { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: text.length },
  });
  const source = `// Written by scripts/generate-schemas.ts from @aws-cdk/aws-service-spec ${specVersion()}; do not edit.

/** The properties and attributes of all resource types, compressed with brotli; see schemas.ts. */
export const RESOURCE_SCHEMAS =
  '${compressed.toString('base64')}';
`;
  writeFileSync(FILE, source);
  console.log(`${fileURLToPath(FILE)}: ${compressed.length} bytes of ${text.length}`);
}

function specVersion(): string {
  const manifest = createRequire(import.meta.url).resolve('@aws-cdk/aws-service-spec/package.json');
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

await main();
