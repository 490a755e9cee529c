import { expect, test } from '@jest/globals';
import { checkClock } from '../../../../src/environment/doctor/access.ts';

test.each([
  [0, 'ok', /^within 1 minute/],
  [59_000, 'ok', /^within 1 minute/],
  [-59_000, 'ok', /^within 1 minute/],
  [60_000, 'warning', /^1 minute behind AWS's time$/],
  [-720_000, 'warning', /^12 minutes ahead of AWS's time$/],
])('a clock that differs from AWS by %d ms', (offset, state, says) => {
  const check = checkClock(offset);
  expect(check.says).toMatch(says);
  expect(check.state).toBe(state);
  expect(check.fix === undefined).toBe(state === 'ok');
});
