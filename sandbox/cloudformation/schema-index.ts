import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The type of a property's value in the service specification. */
export type ValueType =
  | { type: 'ref'; to: string }
  | { type: 'array' | 'map'; element: ValueType }
  | { type: 'union'; types: ValueType[] }
  | { type: 'string' | 'integer' | 'number'; values?: string[] }
  | { type: 'boolean' | 'json' | 'tag' | 'date-time' | 'null' };

export interface PropertySchema {
  /** The current type, then former ones that are still accepted. */
  types: ValueType[];
  required?: true;
  /** Whether a change replaces the resource. Absent: it does not. */
  replacement?: 'yes' | 'maybe';
}

export type Properties = Record<string, PropertySchema>;

export interface ResourceSchema {
  type: string;
  /** The properties or attributes that form the value of `Ref`. */
  identifier: string[];
  /** The properties that identify the resource among those of its type. */
  key: string[];
  properties: Properties;
  /** The attributes of `Fn::GetAtt`, with their types. */
  attributes: Record<string, string>;
  /** The property types that `ref` refers to. */
  definitions: Record<string, Properties>;
  tags?: { property: string; variant: 'standard' | 'asg' | 'map' };
  arn?: string;
  stateful?: true;
  /** Paths below predefined types whose change replaces the resource too. */
  replacementPaths?: string[][];
}

const require = createRequire(import.meta.url);
const FORMAT = 3;

/**
 * The index of all resource types: one line each, the type's name, a tab, its schema as JSON. Loading the service
 * specification takes 0.8 s, so the index is kept beside the installed packages and read in milliseconds. In a bundle,
 * scripts/build.ts replaces this module with its text.
 */
export function readSchemaIndex(): string {
  const file = indexFile();
  try {
    return readFileSync(file, 'utf8');
  } catch {
    const index = buildIndex();
    keep(file, index);
    return index;
  }
}

function indexFile(): string {
  const manifest = require.resolve('@aws-cdk/aws-service-spec/package.json');
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const modules = dirname(dirname(dirname(manifest)));
  return join(modules, '.cache', 'platform', `resource-schemas-${version}-${String(FORMAT)}.txt`);
}

/** If the folder is not writable, the next start is slower. */
function keep(file: string, index: string): void {
  const draft = `${file}.${String(process.pid)}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(draft, index);
    renameSync(draft, file);
  } catch (error) {
    if (!['EACCES', 'EROFS', 'EPERM', 'ENOSPC'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error;
  }
}

interface SpecType {
  type: string;
  allowedValues?: (string | number)[];
  element?: SpecType;
  types?: SpecType[];
  reference?: { $ref: string };
}
interface SpecProperty {
  type: SpecType;
  previousTypes?: SpecType[];
  required?: boolean;
  causesReplacement?: 'yes' | 'no' | 'maybe';
}
interface SpecResource {
  cloudFormationType: string;
  primaryIdentifier?: string[];
  cfnRefIdentifier?: string[];
  properties: Record<string, SpecProperty>;
  attributes: Record<string, { type: SpecType }>;
  arnTemplate?: string;
  isStateful?: boolean;
  tagInformation?: { tagPropertyName: string; variant: 'standard' | 'asg' | 'map' };
  additionalReplacementProperties?: string[][];
}
interface SpecDatabase {
  all(kind: 'resource'): SpecResource[];
  get(kind: 'typeDefinition', id: string): { properties: Record<string, SpecProperty> };
}

function buildIndex(): string {
  const { loadAwsServiceSpecSync } = require('@aws-cdk/aws-service-spec') as {
    loadAwsServiceSpecSync: () => SpecDatabase;
  };
  const database = loadAwsServiceSpecSync();
  const lines = database.all('resource').map((resource) => {
    const schema = JSON.stringify(slim(resource, database));
    return `${resource.cloudFormationType}\t${schema}`;
  });
  return `\n${lines.join('\n')}\n`;
}

function slim(resource: SpecResource, database: SpecDatabase): ResourceSchema {
  const definitions: ResourceSchema['definitions'] = {};
  const reduce = (properties: Record<string, SpecProperty>): Record<string, PropertySchema> =>
    Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, slimProperty(property, define)]),
    );
  const define = (id: string): void => {
    if (definitions[id]) return;
    definitions[id] = {};
    definitions[id] = reduce(database.get('typeDefinition', id).properties);
  };
  const { tagInformation: tags, arnTemplate: arn } = resource;
  return {
    type: resource.cloudFormationType,
    identifier: resource.cfnRefIdentifier ?? resource.primaryIdentifier ?? [],
    key: resource.primaryIdentifier ?? [],
    properties: reduce(resource.properties),
    attributes: Object.fromEntries(
      Object.entries(resource.attributes).flatMap(([name, attribute]) =>
        [name, documentedName(name)].map((known) => [known, attribute.type.type]),
      ),
    ),
    definitions,
    ...(tags ? { tags: { property: tags.tagPropertyName, variant: tags.variant } } : {}),
    ...(arn === undefined ? {} : { arn }),
    ...(resource.isStateful ? { stateful: true } : {}),
    ...(resource.additionalReplacementProperties
      ? { replacementPaths: resource.additionalReplacementProperties }
      : {}),
  };
}

/** `ReadEndPoint.AddressesList` is `ReadEndPoint.Addresses.List` in the Template Reference. Both are accepted. */
function documentedName(attribute: string): string {
  return attribute.replace(/\.(\w+)List$/, '.$1.List');
}

function slimProperty(property: SpecProperty, define: (id: string) => void): PropertySchema {
  const types = [property.type, ...(property.previousTypes ?? [])].map((type) => slimType(type, define));
  const replacement = property.causesReplacement;
  return {
    types,
    ...(property.required ? { required: true } : {}),
    ...(replacement === 'yes' || replacement === 'maybe' ? { replacement } : {}),
  };
}

function slimType(type: SpecType, define: (id: string) => void): ValueType {
  if (type.reference) {
    define(type.reference.$ref);
    return { type: 'ref', to: type.reference.$ref };
  }
  return {
    type: type.type,
    ...(type.allowedValues ? { values: type.allowedValues.map(String) } : {}),
    ...(type.element ? { element: slimType(type.element, define) } : {}),
    ...(type.types ? { types: type.types.map((member) => slimType(member, define)) } : {}),
  } as ValueType;
}
