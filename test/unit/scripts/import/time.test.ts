import { expect, test } from '@jest/globals';
import { millisecondsOf, scheduleExpression, secondsOf } from '../../../../scripts/import/time.ts';

/**
 * The first conversions are the examples in Copilot's comments.
 *
 * @see https://github.com/aws/copilot-cli/blob/mainline/internal/pkg/deploy/cloudformation/stack/scheduled_job.go
 */
test.each([
  ['@daily', 'cron(0 0 * * ? *)'],
  ['@annually', 'cron(0 0 1 1 ? *)'],
  ['@every 1h30m', 'rate(90 minutes)'],
  ['0 9 * * 1-5', 'cron(0 9 ? * 2-6 *)'],
  ['* * * * *', 'cron(* * * * ? *)'],
  ['0 9 1 * *', 'cron(0 9 1 * ? *)'],
  ['0 9 ? * *', 'cron(0 9 * * ? *)'],
  ['@every 1m', 'rate(1 minute)'],
  ['@every 30s', undefined],
  ['@reboot', undefined],
  ['0 9 * * 0,6', 'cron(0 9 ? * 1,7 *)'],
  ['0 9 * * 7', 'cron(0 9 ? * 1 *)'],
  ['0 9 * * 5-7', undefined],
  ['0 9 * * MON-FRI', 'cron(0 9 ? * MON-FRI *)'],
  ['0 9 1 * 1', undefined],
  ['0 9 * *', undefined],
  ['cron(0 3 * * ? *)', 'cron(0 3 * * ? *)'],
  ['rate(5 minutes)', 'rate(5 minutes)'],
])('%s', (schedule, expected) => {
  expect(scheduleExpression(schedule)).toBe(expected);
});

test.each([
  ['1h30m', 5_400_000],
  ['250ms', 250],
  ['5d', 432_000_000],
  ['10', undefined],
  ['', undefined],
  ['1h x', undefined],
])('%s as milliseconds', (duration, expected) => {
  expect(millisecondsOf(duration)).toBe(expected);
});

test('seconds are whole', () => {
  expect([secondsOf('2m'), secondsOf('250ms')]).toEqual(['120', undefined]);
});
