import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

const FOLDER = resolve(import.meta.dirname, '../schemas');
const ISO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

const ajv = new Ajv2020({
  strict: true,
  strictRequired: false,
  allErrors: true,
  formats: { 'date-time': ISO_TIME },
});
const compiled = new Map<string, ValidateFunction>();

/** Each schema is compiled once a process. */
function validatorOf(name: string): ValidateFunction {
  const known = compiled.get(name);
  if (known) return known;
  const schema = JSON.parse(readFileSync(resolve(FOLDER, `${name}.json`), 'utf8')) as object;
  const validate = ajv.compile(schema);
  compiled.set(name, validate);
  return validate;
}

/** Every place where a value differs from the schema schemas/<name>.json. */
export function schemaProblems(name: string, value: object): string[] {
  const validate = validatorOf(name);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message = '', params }) => `${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
  );
}

/**
 * Checks the `result` of an action, or the content of its `result-file`, against the schema that is published for it.
 *
 * @throws with every place that differs.
 */
export function checkResult(action: string, result: object): void {
  const problems = schemaProblems(action, result);
  if (problems.length === 0) return;
  throw new Error(
    `the result of ${action} is not what schemas/${action}.json says:\n${problems.join('\n')}\n${JSON.stringify(result)}`,
  );
}
