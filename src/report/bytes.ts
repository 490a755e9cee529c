const UNITS = ['kB', 'MB', 'GB', 'TB'];

/** `512 B`, `1.2 kB`, `34.5 MB`: powers of a thousand, as registries count. */
export function bytes(count: number): string {
  let value = count;
  let unit = 'B';
  for (const next of UNITS) {
    if (value < 1000) break;
    value /= 1000;
    unit = next;
  }
  return `${unit === 'B' ? value : value.toFixed(1)} ${unit}`;
}
