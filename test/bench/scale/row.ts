/** A measurement: its value as text, and whether its limit was exceeded. */
export interface Row {
  figure: string;
  value: string;
  limit: string;
  broken: boolean;
}

/** A row whose value must be at most the limit. */
export function atMost(figure: string, value: number, limit: number, unit = ''): Row {
  const text = (number: number): string => `${format(number)}${unit}`;
  return { figure, value: text(value), limit: `≤ ${text(limit)}`, broken: !(value <= limit) };
}

/** A row whose value must be at least the limit. */
export function atLeast(figure: string, value: number, limit: number): Row {
  return { figure, value: format(value), limit: `≥ ${format(limit)}`, broken: !(value >= limit) };
}

/** A row without a limit, for information. */
export function told(figure: string, value: string): Row {
  return { figure, value, limit: '', broken: false };
}

function format(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en') : value.toFixed(value < 10 ? 2 : 1);
}

/** A count scaled by `--size`; at least one. */
export function sized(count: number, size: number): number {
  return Math.max(1, Math.round(count * size));
}
