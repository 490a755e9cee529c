import { expect, test } from '@jest/globals';
import { suggest } from '../../../src/core/text.ts';

test.each([
  ['VpcCdir', ['VpcCidr', 'Environment'], 'VpcCidr'],
  ['vpccidr', ['VpcCidr'], 'VpcCidr'],
  ['Enviroment', ['VpcCidr', 'Environment'], 'Environment'],
  ['aply', ['plan', 'apply'], 'apply'],
  ['destory', ['deploy', 'destroy'], 'destroy'],
  ['dve', ['dev', 'staging'], 'dev'],
  ['evd', ['dev', 'staging'], undefined],
  ['x', ['plan', 'apply'], undefined],
  ['Database', ['VpcCidr', 'Environment'], undefined],
  ['stage.json', ['prod.json', 'shared.json', 'staging.json'], 'staging.json'],
  ['anything', [], undefined],
])('%s of %j: %s', (word, candidates, expected) => {
  expect(suggest(word, candidates)).toBe(expected);
});
