import { expect, test } from '@jest/globals';
import { canonicalJson, sha256 } from '../../../src/core/canonical.ts';
import { fc } from '../../support/property.ts';

test('keys are sorted at every depth, lists keep their order, undefined is omitted', () => {
  const value = { b: [2, { z: 1, a: undefined, y: null }], a: 'x', A: true };
  expect(canonicalJson(value)).toBe('{"A":true,"a":"x","b":[2,{"y":null,"z":1}]}');
});

test('the order in which keys were added makes no difference', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const turned = Object.fromEntries(Object.entries(value).reverse());
      expect(canonicalJson(turned)).toBe(canonicalJson(value));
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('a text is hashed as UTF-8', () => {
  expect(sha256('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(sha256('ä')).toBe(sha256(Buffer.from('ä', 'utf8')));
});
