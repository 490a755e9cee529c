import { canonicalJson, sha256 } from '../../core/canonical.ts';
import { pathOf, type Plan, type PlanSettings, type ResourceChange } from './changes.ts';

/**
 * A short hash of a plan: `v1:` and 32 hex digits of a SHA-256. Two plans have the same fingerprint if and only if they have
 * the same settings and the same changes, in any order. Secrets are masked in both arguments, so the fingerprint does not
 * reveal them.
 */
export function fingerprint(settings: PlanSettings, changes: readonly ResourceChange[]): string {
  const canonical = canonicalJson({
    settings,
    changes: [...changes].map(sortedProperties).sort(byCanonicalText),
  });
  return `v1:${sha256(canonical).slice(0, 32)}`;
}

function sortedProperties(change: ResourceChange): ResourceChange {
  return { ...change, properties: [...change.properties].map(canonicalValues).sort(byCanonicalText) };
}

/** Normalizes values that are JSON text, whose keys may be in any order. */
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

function byCanonicalText(a: unknown, b: unknown): number {
  const [left, right] = [canonicalJson(a), canonicalJson(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

const NOT_SET = 'not set';

/** The differences between two plans, one line each; empty if they make the same changes. */
export function comparePlans(before: Plan, after: Plan): string[] {
  const lines = [...settingsDifference(before.settings, after.settings), ...changesDifference(before, after)];
  if (lines.length > 0 || before.fingerprint === after.fingerprint) return lines;
  return ['The plans differ in details that CloudFormation does not report as resource changes'];
}

function settingsDifference(before: PlanSettings | undefined, after: PlanSettings | undefined): string[] {
  if (!before || !after) return [];
  const {
    templates: oldTemplates,
    parameters: oldParameters,
    resolved: oldResolved,
    tags: oldTags,
    ...oldRest
  } = before;
  const { templates, parameters, resolved, tags, ...rest } = after;
  return [
    ...(canonicalJson(oldTemplates) === canonicalJson(templates) ? [] : ['The template has changed']),
    ...recordDifference('Parameter', oldParameters, parameters),
    ...recordDifference('Resolved value of', oldResolved, resolved),
    ...recordDifference('Tag', oldTags, tags),
    ...recordDifference('Setting', canonicalValuesOf(oldRest), canonicalValuesOf(rest)),
  ];
}

function canonicalValuesOf(record: object): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, canonicalJson(value)]));
}

function recordDifference(
  what: string,
  before: Record<string, string>,
  after: Record<string, string>,
): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key) => {
    const [old, now] = [before[key] ?? NOT_SET, after[key] ?? NOT_SET];
    return old === now ? [] : [`${what} ${key}: was ${old}, is ${now}`];
  });
}

function changesDifference(before: Plan, after: Plan): string[] {
  const [old, now] = [byId(before), byId(after)];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((id) => {
    const [was, is] = [old.get(id), now.get(id)];
    if (!was || !is) return [`${id}: was ${describeEffect(was)}, is ${describeEffect(is)}`];
    const lines =
      describeEffect(was) === describeEffect(is)
        ? []
        : [`${id}: was ${describeEffect(was)}, is ${describeEffect(is)}`];
    return [...lines, ...recordDifference(id, values(was), values(is))];
  });
}

function byId(plan: Plan): Map<string, ResourceChange> {
  return new Map(plan.changes.map((change) => [pathOf(change), change]));
}

function describeEffect(change: ResourceChange | undefined): string {
  if (!change) return 'not changed';
  const replaced = { yes: ', replaced', maybe: ', may be replaced', no: '' }[change.replacement];
  return `${change.action}${replaced}`;
}

function values({ properties }: ResourceChange): Record<string, string> {
  return Object.fromEntries(
    properties.map(({ path, before, after }) => [path, `${before ?? '–'} → ${after ?? '–'}`]),
  );
}
