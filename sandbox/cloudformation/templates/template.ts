import { badFormat, invalid } from '../errors.ts';
import { isObject, isScalar, type Json, type JsonObject, members, textOf } from '../json.ts';
import { schemaOf } from '../resources/schema.ts';
import { expandLanguageExtensions } from './language-extensions.ts';
import { expandServerless } from './serverless.ts';
import { parseTemplateText } from './text.ts';

export interface ResourceDefinition {
  type: string;
  properties: JsonObject;
  condition?: string;
  dependsOn: string[];
  deletionPolicy?: Json;
  updateReplacePolicy?: Json;
  metadata?: Json;
  creationPolicy?: Json;
  updatePolicy?: Json;
}

export interface ParameterDefinition {
  type: string;
  default?: string;
  noEcho: boolean;
  allowedValues?: string[];
  allowedPattern?: string;
  constraintDescription?: string;
  minLength?: number;
  maxLength?: number;
  minValue?: number;
  maxValue?: number;
  description?: string;
}

interface OutputDefinition {
  value: Json;
  description?: Json;
  condition?: string;
  exportName?: Json;
}

export interface Template {
  /** The text as submitted. */
  body: string;
  /** The text after transforms; `body` if there are none. */
  processed: string;
  version?: string;
  description?: string;
  transforms: string[];
  metadata?: Json;
  parameters: Record<string, ParameterDefinition>;
  mappings: Record<string, JsonObject>;
  conditions: Record<string, Json>;
  rules: Record<string, JsonObject>;
  resources: Record<string, ResourceDefinition>;
  outputs: Record<string, OutputDefinition>;
}

const SECTIONS = [
  ...['AWSTemplateFormatVersion', 'Description', 'Metadata', 'Parameters', 'Rules', 'Mappings', 'Conditions'],
  ...['Transform', 'Resources', 'Outputs', 'Hooks', 'Globals'],
];
const RESOURCE_MEMBERS = [
  ...['Type', 'Properties', 'Condition', 'DependsOn', 'DeletionPolicy', 'UpdateReplacePolicy', 'Metadata'],
  ...['CreationPolicy', 'UpdatePolicy', 'Description', 'Version'],
];
/** CloudFormation's quotas, by section. */
const LIMITS = { resources: 500, parameters: 200, outputs: 200, mappings: 200 };
const EXTENSIONS = 'AWS::LanguageExtensions';
const SERVERLESS = 'AWS::Serverless-2016-10-31';

/**
 * Parses a template. Throws a ValidationError in AWS's words for every error in its form. `values` are the given
 * parameters and the pseudo parameters, which loops may use.
 */
export function parseTemplate(body: string, values: Record<string, string> = {}): Template {
  const parsed = parseTemplateText(body);
  if (!isObject(parsed)) throw badFormat('unsupported structure.');
  const unknown = Object.keys(parsed).filter((key) => !SECTIONS.includes(key));
  if (unknown.length > 0) throw invalid(`Invalid template property or properties [${unknown.join(', ')}]`);
  const transforms = readTransforms(parsed.Transform);
  refuseNulls(parsed, '');
  const extended = transforms.includes(EXTENSIONS) ? expandLanguageExtensions(parsed, values) : parsed;
  const raw = transforms.includes(SERVERLESS) ? expandServerless(extended) : extended;
  const template = readSections(raw);
  checkLimits(template);
  return { ...template, body, processed: raw === parsed ? body : JSON.stringify(raw), transforms };
}

function readTransforms(value: Json | undefined): string[] {
  const list = value === undefined ? [] : Array.isArray(value) ? value : [value];
  for (const item of list) {
    const name = isObject(item) ? item.Name : item;
    if (typeof name !== 'string') throw invalid('Key Name of transform definition must be a string.');
    if (name !== EXTENSIONS && name !== SERVERLESS) {
      throw invalid(
        `The sandbox does not run macros: Transform ${name} is not supported, only ${EXTENSIONS} and ${SERVERLESS} are.`,
      );
    }
  }
  return list as string[];
}

/**
 * AWS reports `Type` where the template has `Properties`: `[/Resources/Server/Type/EbsOptimized]`.
 * @see https://github.com/aws-cloudformation/cfn-lint/issues/38
 */
function refuseNulls(value: Json, path: string): void {
  if (value === null) {
    const pointer = path.replace(/^(\/Resources\/[^/]+)\/Properties\//, '$1/Type/');
    throw invalid(`[${pointer}] 'null' values are not allowed in templates`);
  }
  const entries = Array.isArray(value) ? value.entries() : Object.entries(isObject(value) ? value : {});
  for (const [key, item] of entries) refuseNulls(item, `${path}/${String(key)}`);
}

function readSections(raw: JsonObject): Omit<Template, 'body' | 'processed' | 'transforms'> {
  if (raw.Description !== undefined && typeof raw.Description !== 'string') {
    throw badFormat('Template Description should be a string');
  }
  const version = raw.AWSTemplateFormatVersion;
  if (version !== undefined && version !== '2010-09-09') {
    throw badFormat('unsupported value for AWSTemplateFormatVersion.');
  }
  return {
    ...(version === undefined ? {} : { version }),
    ...(raw.Description === undefined ? {} : { description: raw.Description }),
    ...(raw.Metadata === undefined ? {} : { metadata: raw.Metadata }),
    parameters: section(raw, 'Parameters', readParameter),
    mappings: section(raw, 'Mappings', readMapping),
    conditions: section(raw, 'Conditions', (_, value) => value),
    rules: section(raw, 'Rules', (_, value) => (isObject(value) ? value : {})),
    resources: readResources(raw.Resources),
    outputs: section(raw, 'Outputs', readOutput),
  };
}

function section<T>(raw: JsonObject, name: string, read: (key: string, value: Json) => T): Record<string, T> {
  const value = raw[name];
  if (value === undefined) return {};
  if (!isObject(value)) throw badFormat(`[/${name}] section must be an object`);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, read(key, item)]));
}

function readResources(value: Json | undefined): Record<string, ResourceDefinition> {
  if (!isObject(value) || Object.keys(value).length === 0) {
    throw badFormat('At least one Resources member must be defined.');
  }
  const unknown = new Set<string>();
  const resources = members(value).map(([id, item]) => {
    if (!isObject(item)) throw badFormat('Any Resources member must be an object.');
    if (!/^[A-Za-z0-9]+$/.test(id)) throw badFormat(`Resource name ${id} is non alphanumeric.`);
    const resource = readResource(id, item);
    if (!schemaOf(resource.type)) unknown.add(resource.type);
    return [id, resource] as const;
  });
  if (unknown.size > 0) throw badFormat(`Unrecognized resource types: [${[...unknown].join(', ')}]`);
  return Object.fromEntries(resources);
}

function readResource(id: string, item: JsonObject): ResourceDefinition {
  const { Type: type, DependsOn: dependsOn, Properties: properties = {} } = item;
  if (type === undefined)
    throw badFormat(`[/Resources/${id}] Every Resources object must contain a Type member.`);
  if (typeof type !== 'string') throw badFormat(`[/Resources/${id}/Type] must be a string.`);
  const strange = Object.keys(item).find((key) => !RESOURCE_MEMBERS.includes(key));
  if (strange !== undefined) throw invalid(`Invalid template resource property '${strange}'`);
  if (type.endsWith('::MODULE'))
    throw invalid(`The sandbox does not run modules: resource ${id} of type ${type}.`);
  if (!isObject(properties)) throw badFormat(`[/Resources/${id}/Properties] 'Properties' must be an object`);
  if (item.Condition !== undefined && typeof item.Condition !== 'string') {
    throw badFormat(`Every Condition member must be a string.`);
  }
  const depends = dependsOn === undefined ? [] : Array.isArray(dependsOn) ? dependsOn : [dependsOn];
  if (!depends.every((name) => typeof name === 'string')) {
    throw badFormat('Every DependsOn value must be a string.');
  }
  return {
    type,
    properties,
    dependsOn: depends,
    ...(item.Condition === undefined ? {} : { condition: item.Condition }),
    ...(item.DeletionPolicy === undefined ? {} : { deletionPolicy: item.DeletionPolicy }),
    ...(item.UpdateReplacePolicy === undefined ? {} : { updateReplacePolicy: item.UpdateReplacePolicy }),
    ...(item.Metadata === undefined ? {} : { metadata: item.Metadata }),
    ...(item.CreationPolicy === undefined ? {} : { creationPolicy: item.CreationPolicy }),
    ...(item.UpdatePolicy === undefined ? {} : { updatePolicy: item.UpdatePolicy }),
  };
}

const text = (value: Json | undefined): string | undefined => (isScalar(value) ? String(value) : undefined);
const amount = (value: Json | undefined): number | undefined => (isScalar(value) ? Number(value) : undefined);

function readParameter(name: string, item: Json): ParameterDefinition {
  if (!/^[A-Za-z0-9]+$/.test(name)) throw badFormat(`Parameter name ${name} is non alphanumeric.`);
  if (!isObject(item)) throw badFormat('Any Parameters member must be an object.');
  if (typeof item.Type !== 'string') throw badFormat('Every Parameters object must contain a Type member.');
  const given: Record<string, unknown> = {
    default: text(item.Default),
    allowedPattern: text(item.AllowedPattern),
    constraintDescription: text(item.ConstraintDescription),
    description: text(item.Description),
    minLength: amount(item.MinLength),
    maxLength: amount(item.MaxLength),
    minValue: amount(item.MinValue),
    maxValue: amount(item.MaxValue),
    allowedValues: Array.isArray(item.AllowedValues) ? item.AllowedValues.map(String) : undefined,
  };
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  return {
    type: item.Type,
    noEcho: textOf(item.NoEcho).toLowerCase() === 'true',
    ...(Object.fromEntries(known) as Partial<ParameterDefinition>),
  };
}

function readMapping(name: string, item: Json): JsonObject {
  if (!isObject(item)) throw badFormat(`Every Mappings member ${name} must be a map`);
  for (const [key, row] of Object.entries(item)) {
    if (!isObject(row)) throw badFormat(`Every Mappings member ${key} must be a map`);
    for (const value of Object.values(row)) {
      if (isObject(value)) throw badFormat('Every Mappings attribute must be a String or a List.');
    }
  }
  return item;
}

function readOutput(name: string, item: Json): OutputDefinition {
  if (!isObject(item) || item.Value === undefined) {
    throw badFormat('Every Outputs member must contain a Value object');
  }
  const { Export: exported, Condition: condition } = item;
  if (exported !== undefined && (!isObject(exported) || exported.Name === undefined)) {
    throw badFormat(`Output ${name} is malformed. The Name field of every Export member must be specified.`);
  }
  return {
    value: item.Value,
    ...(item.Description === undefined ? {} : { description: item.Description }),
    ...(typeof condition === 'string' ? { condition } : {}),
    ...(isObject(exported) && exported.Name !== undefined ? { exportName: exported.Name } : {}),
  };
}

function checkLimits(template: Omit<Template, 'body' | 'processed' | 'transforms'>): void {
  for (const [name, limit] of Object.entries(LIMITS)) {
    const count = Object.keys(template[name as keyof typeof LIMITS]).length;
    if (count > limit) {
      throw badFormat(`Number of ${name}, ${count}, is greater than maximum allowed, ${limit}`);
    }
  }
}
