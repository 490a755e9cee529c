import { readSchemaIndex } from '../schema-index.ts';

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

let index: string | undefined;
const loaded = new Map<string, ResourceSchema | undefined>();

/** The schema of a resource type, or undefined if CloudFormation has no such type. */
export function schemaOf(type: string): ResourceSchema | undefined {
  if (!loaded.has(type)) loaded.set(type, isCustom(type) ? customResource(type) : find(type));
  return loaded.get(type);
}

/** Custom resources accept every property, because only their provider defines them. */
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
  return { type, identifier: ['Id'], key: ['Id'], properties, attributes: {}, definitions: {} };
}

/** Part of CloudFormation itself, and in no specification. */
const metadataResource: ResourceSchema = {
  type: 'AWS::CDK::Metadata',
  identifier: ['Id'],
  key: ['Id'],
  properties: { Analytics: { types: [{ type: 'string' }] } },
  attributes: {},
  definitions: {},
};
