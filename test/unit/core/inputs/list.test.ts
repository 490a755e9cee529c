import { describe, expect, test } from '@jest/globals';
import { InputError } from '../../../../src/core/errors.ts';
import { parseList } from '../../../../src/core/inputs/list.ts';
import { fc } from '../../../support/property.ts';

describe('parseList', () => {
  test.each([
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    [' a , b ', ['a', 'b']],
    ['a\nb\r\nc', ['a', 'b', 'c']],
    ['a,\nb,\n', ['a', 'b']],
    [',,\n\n', []],
    ['"a,b",c', ['a,b', 'c']],
    ["'a\nb',c", ['a\nb', 'c']],
    ['"say ""hi""",x', ['say "hi"', 'x']],
    ["it's,that's", ["it's", "that's"]],
    ['key="a b"', ['key="a b"']],
    ['"a" , "b"\n', ['a', 'b']],
    ['""', []],
    ['["a", "b,c"]', ['a', 'b,c']],
    ['[ab]*,[cd]', ['[ab]*', '[cd]']],
    ['AWS::EC2::VPC,Vpc', ['AWS::EC2::VPC', 'Vpc']],
  ])('%j → %j', (text, items) => {
    expect(parseList('tags', text)).toEqual(items);
  });

  test.each([
    ['"a,b', /^tags: expected a closing ", got /],
    ["'a", /expected a closing ', got /],
    ['"a"b,c', /after the closing "/],
  ])('%j is refused', (text, message) => {
    expect(() => parseList('tags', text)).toThrow(InputError);
    expect(() => parseList('tags', text)).toThrow(message);
  });

  const items = fc.array(fc.string({ unit: 'grapheme' }).filter((item) => item !== ''));
  test.each(['"', "'"])('any items between %s are preserved', (quote) => {
    fc.assert(
      fc.property(items, fc.constantFrom(',', '\n', '\r\n', ' , ', ',\n'), (values, separator) => {
        const text = values
          .map((item) => quote + item.replaceAll(quote, quote + quote) + quote)
          .join(separator);
        expect(parseList('tags', text)).toEqual(values);
      }),
    );
  });

  test('any items are preserved as JSON', () => {
    fc.assert(
      fc.property(items, (values) => {
        expect(parseList('tags', JSON.stringify(values, null, 2))).toEqual(values);
      }),
    );
  });

  test('any text results in items or an InputError', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseList('tags', text);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
    );
  });
});
