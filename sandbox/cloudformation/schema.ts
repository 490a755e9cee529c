import { readSchemaIndex } from './schema-source.ts';

/** The type of a property's value, as the service specification tells it. */
export type ValueType =
  | { type: 'ref'; to: string }
  | { type: 'array' | 'map'; element: ValueType }
  | { type: 'union'; types: ValueType[] }
  | { type: 'string' | 'integer' | 'number'; values?: string[] }
  | { type: 'boolean' | 'json' | 'tag' | 'date-time' | 'null' };

export interface PropertySchema {
  /** The current type first, then those that it had before and that are still taken. */
  types: ValueType[];
  required?: true;
  /** Whether a change replaces the resource; absent: it does not. */
  replacement?: 'yes' | 'maybe';
}

export type Properties = Record<string, PropertySchema>;

export interface ResourceSchema {
  type: string;
  /** The properties or attributes that make what `Ref` gives. */
  identifier: string[];
  properties: Properties;
  /** What `Fn::GetAtt` gives, with the kind of its value. */
  attributes: Record<string, string>;
  /** The property types that `ref` points to. */
  definitions: Record<string, Properties>;
  tags?: { property: string; variant: 'standard' | 'asg' | 'map' };
  arn?: string;
  stateful?: true;
  /** Paths below predefined types that replace the resource too. */
  replacementPaths?: string[][];
}

let index: string | undefined;
const loaded = new Map<string, ResourceSchema | undefined>();

/** The schema of a resource type; undefined when CloudFormation has no such type. */
export function schemaOf(type: string): ResourceSchema | undefined {
  if (!loaded.has(type)) loaded.set(type, isCustom(type) ? customResource(type) : find(type));
  return loaded.get(type);
}

/** Custom resources take any property: what they do is known to their provider only. */
export function isCustom(type: string): boolean {
  return type === 'AWS::CloudFormation::CustomResource' || type.startsWith('Custom::');
}

function find(type: string): ResourceSchema | undefined {
  if (type === 'AWS::CDK::Metadata') return metadataResource;
  index ??= readSchemaIndex();
  const start = index.indexOf(`\n${type}\t`);
  if (start < 0) return undefined;
  const line = index.slice(start + type.length + 2, index.indexOf('\n', start + 1));
  return JSON.parse(line) as ResourceSchema;
}

function customResource(type: string): ResourceSchema {
  const properties: Properties = { ServiceToken: { types: [{ type: 'string' }], required: true } };
  return { type, identifier: ['Id'], properties, attributes: {}, definitions: {} };
}

/** Known to CloudFormation itself, and in no specification. */
const metadataResource: ResourceSchema = {
  type: 'AWS::CDK::Metadata',
  identifier: ['Id'],
  properties: { Analytics: { types: [{ type: 'string' }] } },
  attributes: {},
  definitions: {},
};
