import { describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { InputError } from '../../../../src/core/errors.ts';
import { parseMap } from '../../../../src/core/inputs/map.ts';
import { fc } from '../../../support/property.ts';

describe('parseMap', () => {
  test.each<[string, string, Record<string, string>]>([
    ['lines', 'A=1\nB=two words\n', { A: '1', B: 'two words' }],
    ['a value with =', 'Url=https://x?a=b==', { Url: 'https://x?a=b==' }],
    ['a value with commas and quotes', `A=1,2,"3",it's`, { A: `1,2,"3",it's` }],
    ['a value that is JSON', 'A={"b":"c: d"}', { A: '{"b":"c: d"}' }],
    ['an empty value', 'A=\nB=1', { A: '', B: '1' }],
    ['comments and empty lines', '# one\n\nA=1\n  # two\n', { A: '1' }],
    ['Windows line endings', 'A=1\r\nB=2\r\n', { A: '1', B: '2' }],
    ['space around the key', '  A =1', { A: '1' }],
    ['a key with a colon', 'aws:x=1', { 'aws:x': '1' }],
    ['YAML', 'A: 1\nB: two words', { A: '1', B: 'two words' }],
    ['YAML after a comment', '# why\nA: 1', { A: '1' }],
    ['YAML with a quoted key', '"a=b": c', { 'a=b': 'c' }],
    ['YAML: a URL with =', 'A: https://x?a=b', { A: 'https://x?a=b' }],
    [
      'YAML: numbers as written',
      'A: 010\nB: 1e3\nC: 1.10\nD: 0x1F',
      { A: '010', B: '1e3', C: '1.10', D: '0x1F' },
    ],
    ['YAML: words as written', 'A: yes\nB: True\nC: "null"', { A: 'yes', B: 'True', C: 'null' }],
    ['YAML: an empty value', 'A: ""', { A: '' }],
    ['YAML: spaces in quotes', 'A: "  two "', { A: '  two ' }],
    ['YAML: several lines', 'A: |\n  one\n  two\nB: x', { A: 'one\ntwo\n', B: 'x' }],
    ['YAML: a list', 'A: [a, 1, true]\nB:\n  - x\n  - y', { A: 'a,1,true', B: 'x,y' }],
    ['YAML: an object', 'A:\n  b: 1\n  c: [true, "2"]', { A: '{"b":1,"c":[true,"2"]}' }],
    ['YAML: a number that JSON formats differently', 'A: { b: 010, c: 1e3 }', { A: '{"b":"010","c":"1e3"}' }],
    ['YAML: a comment', 'A: x # y', { A: 'x' }],
    ['JSON', '{"A": 1e3, "B": true, "C": "d\\ne"}', { A: '1e3', B: 'true', C: 'd\ne' }],
    ['an empty object', '{}', {}],
    ['a document of YAML', '---\nA: 1', { A: '1' }],
    ['only a comment', '# nothing', {}],
  ])('%s', (_name, text, expected) => {
    expect(parseMap('parameters', text)).toEqual(expected);
  });

  test.each([
    [
      'a line without =',
      'A=1\nhunter2',
      /^parameters: line 2: expected key=value\. Use YAML for a value of several lines$/,
    ],
    [
      'an empty key',
      '=hunter2',
      /^parameters: line 1: expected key=value\. Use YAML for a value of several lines$/,
    ],
    ['a repeated key', 'A=1\nA=hunter2', /^parameters: line 2: expected each key once, got "A" again$/],
    [
      'space before a value',
      'A=1\nKey=  hunter2',
      /^parameters: line 2: expected no spaces around the value of Key\. Remove them, or write the map as YAML with the value in /,
    ],
    ['space after a value', 'Key=hunter2 \t', /line 1: expected no spaces around the value/],
    ['a value of spaces', 'Key=  ', /line 1: expected no spaces around the value/],
    // The result of `Image: ${{ steps.build.outputs.image }}` if the output does not exist.
    [
      'YAML: no value',
      'A: 1\nImage:\nB: hunter2',
      /^parameters: line 2: expected a value\. Write "" for an empty one$/,
    ],
    ['YAML: no value, but a comment', 'Image: # hunter2', /line 1: expected a value/],
    ['YAML: no value in a flow', '{ Image: , B: hunter2 }', /line 1: expected a value/],
    ['YAML: no item', 'A:\n  - hunter2\n  -', /line 1: expected a value/],
    ['YAML: no value in an object', 'A: { b: , c: hunter2 }', /line 1: expected a value/],
    ['YAML: a repeated key', 'A: 1\nA: hunter2', /line 2: expected YAML\. The problem: a key is repeated$/],
    ['YAML: a bad indent', 'A: 1\n  B: hunter2', /line \d: expected YAML/],
    ['YAML: an unknown tag', 'A: !Ref hunter2', /line 1: expected YAML\. The problem: tag resolve failed$/],
    [
      'YAML: an alias',
      'A: &x hunter2\nB: *x',
      /^parameters: line 2: expected a string or a number, got an alias$/,
    ],
    [
      'YAML: a list in a list',
      'A: [[hunter2]]',
      /^parameters: line 1: expected a string or a number, got an object$/,
    ],
    [
      'YAML: a comma in an item',
      'A: ["a,hunter2"]',
      /^parameters: line 1: expected list items without a comma$/,
    ],
    ['JSON: cut', '{"A": "hunter2"', /expected YAML\. The problem: a bracket, brace/],
    ['JSON: null', '{"A": null}', /line 1: expected a value, got null/],
    ['YAML: null', 'A: ~', /line 1: expected a value, got null/],
    [
      'JSON: an array',
      '["hunter2"]',
      /^parameters: line 1: expected key=value\. Use YAML for a value of several lines$/,
    ],
  ])('%s is refused, and the value is not shown', (_name, text, message) => {
    expect(() => parseMap('parameters', text)).toThrow(InputError);
    expect(() => parseMap('parameters', text)).toThrow(message);
    expect(() => parseMap('parameters', text)).not.toThrow(/hunter2/);
  });

  test.each([
    '__proto__=x\nconstructor=y',
    '__proto__: x\nconstructor: y',
    '{"__proto__":"x","constructor":"y"}',
  ])('keys of the prototype are keys like any other: %j', (text) => {
    const map = parseMap('tags', text);
    expect(Object.entries(map)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
  });

  const entries = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), fc.string({ unit: 'grapheme' })), {
    selector: ([key]) => key,
    minLength: 1,
  });

  test('any map is preserved as JSON', () => {
    fc.assert(
      fc.property(entries, (pairs) => {
        expect(
          Object.entries(parseMap('tags', JSON.stringify(Object.fromEntries(pairs), null, 1))).sort(),
        ).toEqual(Object.entries(Object.fromEntries(pairs)).sort());
      }),
    );
  });

  test('any map is preserved as YAML', () => {
    fc.assert(
      fc.property(entries, (pairs) => {
        const map = new Map(pairs);
        const text = stringify(map, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'QUOTE_DOUBLE' });
        expect(new Map(Object.entries(parseMap('tags', text)))).toEqual(map);
      }),
    );
  });

  test('any single-line value is preserved in a key=value line', () => {
    const value = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, ' ').trim());
    const key = fc.stringMatching(/^[A-Za-z][\w:/-]{0,20}$/);
    const pairs = fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, minLength: 1 });
    fc.assert(
      fc.property(pairs, (given) => {
        const text = given.map(([name, content]) => `${name}=${content}`).join('\n');
        expect(new Map(Object.entries(parseMap('tags', text)))).toEqual(new Map(given));
      }),
    );
  });

  test('any text results in a map or an InputError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `a: ${text}`),
        ),
        (text) => {
          try {
            parseMap('tags', text);
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
