import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readParameterFiles } from '../../../../src/cloudformation/parameters/files.ts';
import { fc } from '../../../support/property.ts';

let workspace: string;
beforeAll(() => {
  workspace = mkdtempSync(join(tmpdir(), 'parameters-'));
});
afterAll(() => {
  rmSync(workspace, { recursive: true });
});

/** Reads files with these texts, in order. */
function read(...texts: string[]) {
  const names = texts.map((text, index) => {
    const name = `${index}.json`;
    writeFileSync(join(workspace, name), text);
    return name;
  });
  return readParameterFiles(names, workspace);
}
const valuesOf = (...texts: string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(read(...texts).parameters).map(([key, { value }]) => [key, value]));

describe('the formats', () => {
  test.each([
    ['a configuration', '{"Parameters": {"A": "1", "B": "x,y"}}', { A: '1', B: 'x,y' }],
    ['a plain object', '{"A": "1", "B": "x,y"}', { A: '1', B: 'x,y' }],
    [
      "CloudFormation's list",
      '[{"ParameterKey": "A", "ParameterValue": "1"}, {"ParameterKey": "B", "ParameterValue": "x,y"}]',
      { A: '1', B: 'x,y' },
    ],
    ["the AWS CLI's list", '["A=1", "B=x,y=z"]', { A: '1', B: 'x,y=z' }],
    ['YAML', 'Parameters:\n  A: 1\n  B: x,y\n', { A: '1', B: 'x,y' }],
    ['an empty file', '', {}],
    ['a plain object with a parameter called Tags', '{"Tags": "a,b"}', { Tags: 'a,b' }],
    ['a configuration without parameters', '{"Tags": {"a": "b"}}', {}],
    ['a byte order mark', '\uFEFF{"A": "1"}', { A: '1' }],
  ])('%s', (_name, text, expected) => {
    expect(valuesOf(text)).toEqual(expected);
  });

  test('tags and the stack policy', () => {
    const files = read(
      '{"Parameters": {}, "Tags": {"team": "core", "cost": 12}, "StackPolicy": {"Statement": []}}',
      '{"Tags": {"team": "data"}}',
    );
    expect(files.tags).toEqual({
      team: { value: 'data', file: '1.json', line: 1 },
      cost: { value: '12', file: '0.json', line: 1 },
    });
    expect(files.stackPolicy).toBe('{"Statement":[]}');
  });

  test('a later file wins, key by key, and is remembered as the source', () => {
    expect(read('{"A": "1", "B": "2"}', '{"Parameters": {"B": "3"}}').parameters).toEqual({
      A: { value: '1', file: '0.json', line: 1 },
      B: { value: '3', file: '1.json', line: 1 },
    });
  });

  test('a path may start with file://', () => {
    read('{"A": "1"}');
    for (const path of ['file://0.json', `file://${workspace}/0.json`, `file:///${workspace}/0.json`]) {
      expect(readParameterFiles([path], workspace).parameters['A']?.value).toBe('1');
    }
  });

  test('UsePreviousValue overrides the value of an earlier file', () => {
    expect(valuesOf('{"A": "1"}', '[{"ParameterKey": "A", "UsePreviousValue": true}]')).toEqual({});
  });
});

describe('values', () => {
  test.each([
    ['{"A": 12}', '12'],
    ['{"A": true}', 'true'],
    ['{"A": 1.10}', '1.10'],
    ['A: 012345678901', '012345678901'],
    ['A: yes', 'yes'],
    ['A: 2026-01-31', '2026-01-31'],
    ['{"A": ""}', ''],
    ['{"A": "a=b=c, \\"d\\" it\'s\\n2"}', 'a=b=c, "d" it\'s\n2'],
    ['A: |\n  one\n  two\n', 'one\ntwo\n'],
    ['{"A": ["x", "y", 3]}', 'x,y,3'],
    ['A:\n  - subnet-1\n  - subnet-2\n', 'subnet-1,subnet-2'],
    ['{"A": []}', ''],
    ['{"A": {"b": [1, "c"]}}', '{"b":[1,"c"]}'],
    ['{"A": {"b": 1.10, "c": [12345678901234567890, 1e3]}}', '{"b":1.10,"c":[12345678901234567890,1e3]}'],
    [
      'A: { b: 012345678901, c: 0x1F, d: yes, e: True }',
      '{"b":"012345678901","c":"0x1F","d":"yes","e":true}',
    ],
    ['A: { b: "1", c: null, d: 2026-01-31, e: .5 }', '{"b":"1","c":null,"d":"2026-01-31","e":".5"}'],
    ['A:\n  012: { b: it\'s "x" }\n', '{"012":{"b":"it\'s \\"x\\""}}'],
    ['.: &x { b: 010 }\nA: { c: *x }', '{"c":{"b":"010"}}'],
  ])('%j gives %j', (text, value) => {
    expect(valuesOf(text)['A']).toBe(value);
  });

  test('any text is preserved', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[A-Za-z][A-Za-z0-9]{0,20}$/), fc.string({ unit: 'grapheme' })),
        (values) => {
          expect(valuesOf(JSON.stringify({ Parameters: values }))).toEqual(values);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('refused', () => {
  test.each([
    ['{"A": null}', /^parameter-files: A: expected a value \(0\.json:1\)\. Use "" for an empty value$/],
    ['A:', /^parameter-files: A: expected a value \(0\.json:1\)\. Use "" for an empty value$/],
    ['A: { b: }', /^parameter-files: A\.b: expected a value \(0\.json:1\)\. Use "" for an empty value$/],
    ['A: &x { b: *x }', /^parameter-files: expected no self-referencing alias, got "x" \(0\.json:1\)$/],
    [
      Array.from({ length: 30 }, (_, i) => `a${i}: &a${i} [${`*a${i - 1}, `.repeat(i === 0 ? 0 : 4)}x]`).join(
        '\n',
      ),
      /^parameter-files: expected fewer aliases: aliases of aliases multiply \(0\.json:1\)$/,
    ],
    ['{"A": ["x,y"]}', /^parameter-files: A: expected list items without a comma \(0\.json:1\)$/],
    ['{"A": [{"b": 1}]}', /^parameter-files: A: expected list items without a comma \(0\.json:1\)$/],
    [
      '{"A": "1", "A": "2"}',
      /^parameter-files: expected JSON or YAML \(0\.json:1\)\. The problem: a key is repeated$/,
    ],
    [
      '{"Parameters": {}, "Parmeters": {}}',
      /^parameter-files: expected only Parameters, Tags, StackPolicy at the top level, got "Parmeters" \(0\.json:1\)$/,
    ],
    ['{"Parameters": {}, "Tags": "x"}', /^parameter-files: Tags: expected an object \(0\.json:1\)$/],
    ['[{"Key": "A"}]', /a list of \{"ParameterKey"/],
    ['["A"]', /a list of \{"ParameterKey"/],
    ['"text"', /an object or a list/],
    [
      '{"A": ',
      /^parameter-files: expected JSON or YAML \(0\.json:1\)\. The problem: a bracket, brace, comma, colon or quote is missing$/,
    ],
  ])('%j', (text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test('a missing file is named', () => {
    expect(() => readParameterFiles(['none.json'], workspace)).toThrow(
      /^parameter-files: cannot read "none\.json" \(no such file\)\. Paths are relative to the workspace\.$/,
    );
  });

  test.each(['{"P": "hunter2secret', 'P: "hunter2secret\n  x: [', '{"P": {"hunter2secret": }}, ]'])(
    'a value is never part of the message: %j',
    (text) => {
      let message = '';
      try {
        read(text);
      } catch (error) {
        message = (error as Error).message;
      }
      expect(message).not.toBe('');
      expect(message).not.toContain('hunter2secret');
    },
  );
});
