const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Milliseconds of a duration in Go's notation, such as `1h30m` or `250ms`, with Copilot's `d` for days. Undefined for any
 * other text.
 */
export function millisecondsOf(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return undefined;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? 0), 0);
}

/** Whole seconds of a duration. */
export function secondsOf(text: string): string | undefined {
  const ms = millisecondsOf(text);
  return ms !== undefined && ms % 1000 === 0 ? String(ms / 1000) : undefined;
}

const PRESETS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 ? *',
  '@annually': '0 0 1 1 ? *',
  '@monthly': '0 0 1 * ? *',
  '@weekly': '0 0 ? * 1 *',
  '@daily': '0 0 * * ? *',
  '@midnight': '0 0 * * ? *',
  '@hourly': '0 * * * ? *',
};

/**
 * A Copilot schedule as an expression of EventBridge Scheduler. Undefined if it cannot be expressed.
 *
 * @see https://github.com/aws/copilot-cli/blob/mainline/internal/pkg/deploy/cloudformation/stack/scheduled_job.go
 *   "Cron expressions must have an sixth "year" field, and must contain at least one ? (either-or)"
 */
export function scheduleExpression(text: string): string | undefined {
  const given = text.trim();
  if (/^(?:cron|rate)\(.+\)$/.test(given)) return given;
  if (given.startsWith('@every ')) return rateOf(given.slice('@every '.length).trim());
  const preset = PRESETS[given];
  return preset === undefined ? cronOf(given) : `cron(${preset})`;
}

function rateOf(duration: string): string | undefined {
  const minutes = (millisecondsOf(duration) ?? 0) / 60_000;
  if (!Number.isInteger(minutes) || minutes < 1) return undefined;
  return `rate(${minutes} ${minutes === 1 ? 'minute' : 'minutes'})`;
}

/**
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html "You can't specify the Day-of-month and
 *   Day-of-week fields in the same cron expression."
 */
function cronOf(text: string): string | undefined {
  const [minute = '', hour = '', day = '', month = '', weekday, ...rest] = text.split(/\s+/);
  if (weekday === undefined || rest.length > 0) return undefined;
  const isAny = (field: string): boolean => field === '*' || field === '?';
  if (!isAny(day) && !isAny(weekday)) return undefined;
  const weekdays = isAny(weekday) ? '?' : weekdaysOf(weekday);
  if (weekdays === undefined) return undefined;
  const days = isAny(weekday) ? day.replace('?', '*') : '?';
  return `cron(${minute} ${hour} ${days} ${month} ${weekdays} *)`;
}

/** Unix counts the days of the week from 0, AWS from 1. Undefined for a range that ends with 7, which is Sunday again. */
function weekdaysOf(field: string): string | undefined {
  const parts = field.split(',').map((part) => {
    const [days = '', step] = part.split('/');
    if (/-7$/.test(days)) return undefined;
    const shifted = days.replaceAll(/\d/g, (digit) => String((Number(digit) % 7) + 1));
    return step === undefined ? shifted : `${shifted}/${step}`;
  });
  return parts.every((part) => part !== undefined) ? parts.join(',') : undefined;
}
