import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { regionProblem } from '../../../src/aws/partition.ts';

test.each([
  ['eu-wset-1', 'eu-west-1'],
  ['eu-cental-1', 'eu-central-1'],
  ['ap-southest-2', 'ap-southeast-2'],
  ['us-gov-esat-1', 'us-gov-east-1'],
  ['eu-west-1a', 'eu-west-1'],
])('%s is a typo of %s', (given, meant) => {
  expect(regionProblem(given)).toBe(`a region such as eu-central-1. Did you mean ${meant}?`);
});

test.each(['ireland', 'eu-west', 'EU-WEST-1', '', 'eu_west_1', 'us-east-1-'])(
  '"%s" is not a region',
  (given) => {
    expect(regionProblem(given)).toBe('a region such as eu-central-1');
  },
);

test('accepts every region of the SDK and future regions', () => {
  const sdk = createRequire(import.meta.url).resolve('@aws-sdk/core/client');
  const known = [...readFileSync(sdk, 'utf8').matchAll(/"?((?:[a-z]+-)+\d)"?: \{/g)].map(
    ([, name = '']) => name,
  );
  expect(known.length).toBeGreaterThan(30);
  expect(
    [...known, 'eu-coast-1', 'aq-south-1', 'us-midwest-3'].filter((name) => regionProblem(name)),
  ).toEqual([]);
});
