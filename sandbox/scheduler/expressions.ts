/**
 * Schedule expressions: `at(…)`, `rate(…)` and `cron(…)` with six fields.
 *
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
 */

const AT = /^at\((\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\)$/;
const RATE = /^rate\([1-9]\d* (?:minute|hour|day)s?\)$/;
const RULE_RATE = /^rate\((?:1 (?:minute|hour|day)|(?:[2-9]|[1-9]\d+) (?:minutes|hours|days))\)$/;
const CRON = /^cron\((.+)\)$/;

interface Field {
  from: number;
  to: number;
  /** Names of the values, from the first. */
  names?: readonly string[];
  /** Forms that only this field has, besides values, ranges, steps and `*`. */
  special?: RegExp;
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];
const FIELDS: readonly Field[] = [
  { from: 0, to: 59 },
  { from: 0, to: 23 },
  { from: 1, to: 31, special: /^(?:\?|L|LW|(?:[1-9]|[12]\d|3[01])W)$/ },
  { from: 1, to: 12, names: MONTHS },
  { from: 1, to: 7, names: DAYS, special: /^(?:\?|L|(?:[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(?:L|#[1-5]))$/i },
  { from: 1970, to: 2199 },
];
const DAY_OF_MONTH = 2;
const DAY_OF_WEEK = 4;

/** Whether EventBridge Scheduler accepts a schedule expression. */
export function isScheduleExpression(text: string): boolean {
  const time = AT.exec(text)?.[1];
  if (time !== undefined) return !Number.isNaN(Date.parse(`${time}Z`));
  return RATE.test(text) || isCron(text);
}

/**
 * Whether EventBridge accepts the schedule expression of a rule. "rate(1 hours)" is none, but commas may end the fields.
 *
 * @see https://github.com/aws/aws-sdk/issues/161 for the commas
 */
export function isRuleExpression(text: string): boolean {
  return RULE_RATE.test(text) || isCron(text.replaceAll(/,\s+/g, ' '));
}

/** "If you specify a value or a * in one of the fields, you must use a ? in the other", of day of month and of week. */
function isCron(text: string): boolean {
  const fields = CRON.exec(text)?.[1]?.trim().split(/\s+/) ?? [];
  if (fields.length !== FIELDS.length) return false;
  if ((fields[DAY_OF_MONTH] === '?') === (fields[DAY_OF_WEEK] === '?')) return false;
  return FIELDS.every((field, index) => (fields[index] ?? '').split(',').every((part) => fits(field, part)));
}

/** A value, a range or `*`, each with an optional step, or a form that only this field has. */
function fits(field: Field, part: string): boolean {
  if (field.special?.test(part)) return true;
  const [base = '', step, ...others] = part.split('/');
  if (others.length > 0 || (step !== undefined && !/^[1-9]\d*$/.test(step))) return false;
  const values = base.split('-');
  return base === '*' || (values.length <= 2 && values.every((value) => isValue(field, value)));
}

function isValue({ from, to, names }: Field, text: string): boolean {
  if (names?.includes(text.toUpperCase())) return true;
  return /^\d+$/.test(text) && Number(text) >= from && Number(text) <= to;
}
