import { expect, test } from '@jest/globals';
import { cidrBlocks } from '../../../../../sandbox/cloudformation/templates/intrinsics.ts';

test.each([
  ['10.0.0.0/16', 3, 8, ['10.0.0.0/24', '10.0.1.0/24', '10.0.2.0/24']],
  ['10.0.0.0/16', 2, 12, ['10.0.0.0/20', '10.0.16.0/20']],
  ['192.168.0.0/24', 6, 5, ['0', '32', '64', '96', '128', '160'].map((last) => `192.168.0.${last}/27`)],
  ['10.0.3.7/16', 1, 8, ['10.0.0.0/24']],
  ['10.255.0.0/16', 256, 8, Array.from({ length: 256 }, (_, index) => `10.255.${index}.0/24`)],
  ['10.0.0.0/8', 2, undefined, ['10.0.0.0/24', '10.0.1.0/24']],
  [
    '2001:db8:1234:1a00::/56',
    3,
    64,
    ['2001:db8:1234:1a00::/64', '2001:db8:1234:1a01::/64', '2001:db8:1234:1a02::/64'],
  ],
  ['2001:db8::/32', 2, undefined, ['2001:db8::/64', '2001:db8:0:1::/64']],
  ['10:0:0:1::/64', 1, 64, ['10:0:0:1::/64']],
  ['fd00::/8', 1, 112, ['fd00::/16']],
])('Cidr(%s, %i, %s)', (block, count, bits, expected) => {
  expect(cidrBlocks(block, count, bits)).toEqual(expected);
});

test.each([
  ['10.0.0.0/16', 257, 8, /count 257/],
  ['10.0.0.0/24', 2, 8, /not enough addresses/],
  ['10.0.0.0/16', 0, 8, /count 0/],
  ['10.0.0.0/16', 1, 33, /cidrBits 33/],
  ['10.0.0.256/16', 1, 8, /invalid CIDR block/],
  ['10.0.0.0/33', 1, 8, /invalid CIDR block/],
  ['10.0.0.0', 1, 8, /invalid CIDR block/],
  ['2001::db8::/32', 1, 64, /invalid CIDR block/],
])('refuses Cidr(%s, %i, %i)', (block, count, bits, message) => {
  expect(() => cidrBlocks(block, count, bits)).toThrow(message);
});
