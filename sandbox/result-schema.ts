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
function validatorOf(action: string): ValidateFunction {
  const known = compiled.get(action);
  if (known) return known;
  const schema = JSON.parse(readFileSync(resolve(FOLDER, `${action}.json`), 'utf8')) as object;
  const validate = ajv.compile(schema);
  compiled.set(action, validate);
  return validate;
}

/**
 * Checks the `result` of an action, or the content of its `result-file`, against the schema that is published for it.
 *
 * @throws with every place that differs.
 */
export function checkResult(action: string, result: object): void {
  const validate = validatorOf(action);
  if (validate(result)) return;
  const found = (validate.errors ?? []).map(
    ({ instancePath, message = '', params }) => `${instancePath || '/'} ${message} ${JSON.stringify(params)}`,
  );
  throw new Error(
    `the result of ${action} is not what schemas/${action}.json says:\n${found.join('\n')}\n${JSON.stringify(result)}`,
  );
}
