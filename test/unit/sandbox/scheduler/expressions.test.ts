import { expect, test } from '@jest/globals';
import { isRuleExpression, isScheduleExpression } from '../../../../sandbox/scheduler/expressions.ts';

test.each([
  ['cron(0 3 * * ? *)', true],
  ['cron(15 10 ? * 6L 2022-2023)', true],
  ['cron(0/15 8-18,20 ? * MON-FRI *)', true],
  ['cron(0 0 LW JAN,jul ? *)', true],
  ['cron(0 0 ? * TUE#2 *)', true],
  ['cron(0 3 15W * ? *)', true],
  ['rate(5 minutes)', true],
  ['rate(1 hour)', true],
  ['at(2026-11-20T13:00:00)', true],
  // Five fields, as in Unix, and seven.
  ['cron(0 3 * * *)', false],
  ['cron(0 0 3 * * ? *)', false],
  // The days of the month and of the week together.
  ['cron(0 3 * * * *)', false],
  ['cron(0 3 1 * MON *)', false],
  ['cron(0 3 ? * ? *)', false],
  ['cron(60 3 * * ? *)', false],
  ['cron(0 24 * * ? *)', false],
  ['cron(0 3 32 * ? *)', false],
  ['cron(0 3 * 13 ? *)', false],
  ['cron(0 3 ? * 0 *)', false],
  ['cron(0 3 ? * MONDAY *)', false],
  ['cron(0 3 * * ? 1969)', false],
  ['cron(0/0 3 * * ? *)', false],
  ['cron(0/5/5 3 * * ? *)', false],
  ['cron(1-2-3 3 * * ? *)', false],
  ['cron(0, 3 * * ? *)', false],
  ['0 3 * * ? *', false],
  ['rate(30 seconds)', false],
  ['rate(0 minutes)', false],
  ['rate(5m)', false],
  ['at(2026-13-20T13:00:00)', false],
  ['at(2026-11-20 13:00)', false],
  ['', false],
])('the expression "%s" of a schedule: %s', (text, valid) => {
  expect(isScheduleExpression(text)).toBe(valid);
});

test.each([
  ['cron(0 3 * * ? *)', true],
  ['rate(1 day)', true],
  ['rate(2 days)', true],
  ['cron(0/5, 9-18, ?, *, MON-FRI, *)', true],
  ['rate(1 days)', false],
  ['rate(2 day)', false],
  ['cron(0 3 * * *)', false],
  ['at(2026-11-20T13:00:00)', false],
])('the expression "%s" of a rule: %s', (text, valid) => {
  expect(isRuleExpression(text)).toBe(valid);
});
