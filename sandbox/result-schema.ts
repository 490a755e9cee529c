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

/** Each schema is compiled once per process. */
function validatorOf(name: string): ValidateFunction {
  const known = compiled.get(name);
  if (known) return known;
  const schema = JSON.parse(readFileSync(resolve(FOLDER, `${name}.json`), 'utf8')) as object;
  const validate = ajv.compile(schema);
  compiled.set(name, validate);
  return validate;
}

/** All violations of the schema schemas/<name>.json in a value. */
export function schemaProblems(name: string, value: object): string[] {
  const validate = validatorOf(name);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message = '', params }) => `${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
  );
}

/**
 * Validates the `result` of an action, or the content of its `result-file`, against its published schema.
 *
 * @throws with every place that differs.
 */
export function checkResult(action: string, result: object): void {
  const problems = schemaProblems(action, result);
  if (problems.length === 0) return;
  throw new Error(
    `the result of ${action} does not match schemas/${action}.json:\n${problems.join('\n')}\n${JSON.stringify(result)}`,
  );
}
