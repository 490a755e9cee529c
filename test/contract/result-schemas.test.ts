import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { checkResult } from '../../sandbox/result-schema.ts';
import { contract } from '../../actions/supersede-runs/contract.ts';

const root = resolve(import.meta.dirname, '../..');
const actions = readdirSync(join(root, 'actions'));

interface ResultSchema {
  properties: { verdict: { enum: string[] }; version: object };
  then: { properties: { verdict: { enum: string[] } } };
}

const schemaOf = (action: string): ResultSchema =>
  JSON.parse(readFileSync(join(root, 'schemas', `${action}.json`), 'utf8')) as ResultSchema;

test('every action has a result schema, and there are no others', () => {
  expect(readdirSync(join(root, 'schemas')).toSorted()).toEqual(
    ['ledger', ...actions.map((name) => `${name}.json`)].toSorted(),
  );
});

test("every contract has the schema's outputs and verdicts", () => {
  const { properties, then } = schemaOf('supersede-runs');
  expect(contract.outputs).toHaveProperty('result');
  expect(properties.version).toMatchObject({ const: 1 });
  expect(properties.verdict.enum).toEqual(Object.keys(contract.verdicts));
  expect(then.properties.verdict.enum).toEqual(['superseded', 'unchanged']);
});

const FAILURE = {
  version: 1,
  verdict: 'failed',
  ok: false,
  reason: 'name: a value is required',
  error: { code: 'input-invalid', message: 'name: a value is required', link: 'https://github.example' },
};

test.each(actions)('%s: a failure before the first call needs only the common fields', (action) => {
  expect(() => {
    checkResult(action, { ...FAILURE, action });
  }).not.toThrow();
});

test.each<[string, object]>([
  ['an undeclared key', { surprise: true }],
  ['an undeclared key of the error', { error: { ...FAILURE.error, surprise: true } }],
  ['an unknown error code', { error: { code: 'bad', message: '' } }],
  ['no error', { error: undefined }],
  ['an error in a success', { ok: true }],
  ['an unknown verdict', { verdict: 'splendid' }],
  ['another version', { version: 2 }],
  ['the name of another action', { action: 'deploy-everything' }],
  ['no reason', { reason: undefined }],
])('every schema refuses %s', (_name, change) => {
  for (const action of actions) {
    const result = JSON.parse(JSON.stringify({ ...FAILURE, action, ...change })) as object;
    expect(() => {
      checkResult(action, result);
    }).toThrow(`the result of ${action} does not match schemas/${action}.json`);
  }
});

test('a success has all fields of its action unless it was truncated', () => {
  const success = { version: 1, action: 'supersede-runs', verdict: 'unchanged', ok: true, reason: 'None.' };
  const check = (result: object) => () => {
    checkResult('supersede-runs', result);
  };
  expect(check({ ...success, environment: 'prod', runs: [7] })).not.toThrow();
  expect(check(success)).toThrow("must have required property 'environment'");
  expect(check({ ...success, environment: 'prod', runs: ['7'] })).toThrow('/runs/0 must be number');
  expect(check({ ...success, truncated: true, omitted: { result: 4 } })).not.toThrow();
});
