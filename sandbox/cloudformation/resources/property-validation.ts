import { KNOWN_AFTER_APPLY } from '../templates/intrinsics.ts';
import type { Json, JsonObject } from '../json.ts';
import { isObject, isScalar } from '../json.ts';
import type { Properties, ResourceSchema, ValueType } from './schema.ts';
import { isCustom } from './schema.ts';

/** A difference between properties and the schema of their type. */
export interface PropertyProblem {
  /** Relative to `Properties`: `/LoadBalancers/0`. */
  path: string;
  /** The message of early validation. */
  message: string;
  /** The message of the resource's handler, if early validation was disabled. */
  handlerMessage: string;
}

/** Validates resolved properties: unknown and missing ones, types, enumerations. */
export function checkProperties(schema: ResourceSchema, properties: JsonObject): PropertyProblem[] {
  const problems: PropertyProblem[] = [];
  const open = isCustom(schema.type);
  checkMembers(schema.properties, properties, '', { schema, problems, open });
  return problems;
}

interface Check {
  schema: ResourceSchema;
  problems: PropertyProblem[];
  /** Custom resources accept unknown properties. */
  open?: boolean;
}

function checkMembers(known: Properties, given: JsonObject, path: string, check: Check): void {
  for (const [name, value] of Object.entries(given)) {
    const property = known[name];
    if (property) checkValue(property.types, value, `${path}/${name}`, check);
    else if (!check.open)
      report(check, path, `Unsupported property [${name}]`, `extraneous key [${name}] is not permitted`);
  }
  for (const [name, property] of Object.entries(known)) {
    if (!property.required || name in given) continue;
    report(check, path, `Required property [${name}] not found`, `required key [${name}] not found`);
  }
}

function report(check: Check, path: string, message: string, handlerMessage: string): void {
  check.problems.push({ path, message, handlerMessage: `#${path}: ${handlerMessage}` });
}

/** A value may have any current or former type of the property. */
function checkValue(types: readonly ValueType[], value: Json, path: string, check: Check): void {
  if (value === KNOWN_AFTER_APPLY) return;
  const attempts = types.map((type) => attempt(type, value, path, check));
  if (attempts.length === 0 || attempts.some((problems) => problems.length === 0)) return;
  check.problems.push(...(attempts[0] ?? []));
}

function attempt(type: ValueType, value: Json, path: string, check: Check): PropertyProblem[] {
  const trial: Check = { schema: check.schema, problems: [] };
  checkType(type, value, path, trial);
  return trial.problems;
}

function checkType(type: ValueType, value: Json, path: string, check: Check): void {
  switch (type.type) {
    case 'ref': {
      const definition = check.schema.definitions[type.to];
      if (!isObject(value)) expected(check, path, 'JSONObject', value);
      else if (definition) checkMembers(definition, value, path, check);
      return;
    }
    case 'array':
      if (!Array.isArray(value)) expected(check, path, 'JSONArray', value);
      else
        value.forEach((item, index) => {
          checkValue([type.element], item, `${path}/${index}`, check);
        });
      return;
    case 'map':
      if (!isObject(value)) expected(check, path, 'JSONObject', value);
      else
        for (const [key, item] of Object.entries(value))
          checkValue([type.element], item, `${path}/${key}`, check);
      return;
    case 'union':
      checkValue(type.types, value, path, check);
      return;
    case 'tag':
      if (!isObject(value)) expected(check, path, 'JSONObject', value);
      else checkMembers(TAG, value, path, check);
      return;
    case 'json':
      if (Array.isArray(value)) expected(check, path, 'JSONObject', value);
      return;
    case 'null':
      return;
    default:
      checkScalar(type, value, path, check);
  }
}

const TAG: Properties = {
  Key: { types: [{ type: 'string' }], required: true },
  Value: { types: [{ type: 'string' }] },
  PropagateAtLaunch: { types: [{ type: 'boolean' }] },
};

function checkScalar(type: ValueType, value: Json, path: string, check: Check): void {
  if (!isScalar(value)) {
    expected(check, path, KINDS[type.type] ?? 'String', value);
    return;
  }
  const text = String(value);
  const fits =
    (type.type === 'boolean' && /^(true|false)$/i.test(text)) ||
    (type.type === 'integer' && /^-?\d+$/.test(text.trim())) ||
    (type.type === 'number' && text.trim() !== '' && !Number.isNaN(Number(text))) ||
    ['string', 'date-time'].includes(type.type);
  if (!fits) expected(check, path, KINDS[type.type] ?? 'String', value);
  const values: readonly string[] | undefined = 'values' in type ? type.values : undefined;
  if (values && fits && !values.includes(text) && !text.includes('{{resolve:')) {
    const message = `${text} is not a valid enum value`;
    report(check, path, `#${path}: ${message}`, message);
  }
}

const KINDS: Record<string, string> = {
  boolean: 'Boolean',
  integer: 'Integer',
  number: 'Number',
  string: 'String',
};

function expected(check: Check, path: string, kind: string, value: Json): void {
  const found = Array.isArray(value) ? 'JSONArray' : isObject(value) ? 'JSONObject' : 'String';
  const message = `expected type: ${kind}, found: ${found}`;
  report(check, path, `#${path}: ${message}`, message);
}
