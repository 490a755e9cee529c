import { type Properties, readSchemaIndex, type ResourceSchema } from '../schema-index.ts';

export type { Properties, PropertySchema, ResourceSchema, ValueType } from '../schema-index.ts';

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
