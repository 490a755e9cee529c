import { expect, test } from '@jest/globals';
import { isLoginRefused, isUnavailable } from '../src/database-errors.ts';

const withCode = (code: string) => Object.assign(new Error('failed'), { code });

test.each([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  '08006',
  '57P01',
  '57P03',
  '53300',
  '25006',
  '57014',
])('%s is an error of the connection or the server', (code) => {
  expect(isUnavailable(withCode(code))).toBe(true);
});

test.each(['23505', '42P01', '22P02', '40001'])('%s is an error of the statement', (code) => {
  expect(isUnavailable(withCode(code))).toBe(false);
});

test('recognizes pg’s messages without a code', () => {
  expect(isUnavailable(new Error('Connection terminated unexpectedly'))).toBe(true);
  expect(isUnavailable(new Error('timeout exceeded when trying to connect'))).toBe(true);
  expect(isUnavailable(new Error('cannot read properties of undefined'))).toBe(false);
});

test('recognizes a refused login', () => {
  expect(isLoginRefused(withCode('28P01'))).toBe(true);
  expect(isLoginRefused(withCode('28000'))).toBe(true);
  expect(isLoginRefused(withCode('ECONNREFUSED'))).toBe(false);
});
