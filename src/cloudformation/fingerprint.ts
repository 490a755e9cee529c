import { createHash } from 'node:crypto';
import type { PlanSettings, ResourceChange } from './types.ts';

/**
 * A short, printable mark of what a plan does: `v1:` and 32 hex digits of a SHA-256. Two plans have the same one
 * exactly when they have the same settings and the same changes, in whatever order AWS lists them.
 * Both arguments carry masks instead of secrets, so nobody can guess a secret from it.
 */
export function fingerprint(settings: PlanSettings, changes: readonly ResourceChange[]): string {
  const canonical = canonicalJson({ settings, changes: [...changes].map(sortedProperties).sort(byText) });
  return `v1:${createHash('sha256').update(canonical).digest('hex').slice(0, 32)}`;
}

function sortedProperties(change: ResourceChange): ResourceChange {
  return { ...change, properties: [...change.properties].map(canonicalValues).sort(byText) };
}

/** Values are often JSON texts, whose keys come in any order. */
function canonicalValues<T extends object>(property: T): T {
  return Object.fromEntries(
    Object.entries(property).map(([key, value]) => [key, canonicalValue(value)]),
  ) as T;
}

function canonicalValue(value: unknown): unknown {
  if (typeof value === 'string') return canonicalText(value);
  return typeof value === 'object' && value !== null ? canonicalValues(value) : value;
}

function canonicalText(value: string): string {
  if (!/^\s*[[{]/.test(value)) return value;
  try {
    return canonicalJson(JSON.parse(value));
  } catch {
    return value;
  }
}

function byText(a: unknown, b: unknown): number {
  const [left, right] = [canonicalJson(a), canonicalJson(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** JSON with sorted keys and without undefined values. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });
}
