import { canonicalJson } from './fingerprint.ts';
import type { Plan, PlanSettings, ResourceChange } from './types.ts';

const NOTHING = 'nothing';

/** What differs between two plans, a line each; empty when they do the same. */
export function comparePlans(before: Plan, after: Plan): string[] {
  const lines = [...settingsDifference(before.settings, after.settings), ...changesDifference(before, after)];
  if (lines.length > 0 || before.fingerprint === after.fingerprint) return lines;
  return ['The plans differ in something that CloudFormation does not show as a change of a resource'];
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
    ...(canonicalJson(oldTemplates) === canonicalJson(templates) ? [] : ['The template is another one']),
    ...recordDifference('Parameter', oldParameters, parameters),
    ...recordDifference('Resolved value of', oldResolved, resolved),
    ...recordDifference('Tag', oldTags, tags),
    ...recordDifference('Setting', texts(oldRest), texts(rest)),
  ];
}

function texts(record: object): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, canonicalJson(value)]));
}

function recordDifference(
  what: string,
  before: Record<string, string>,
  after: Record<string, string>,
): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys.flatMap((key) => {
    const [old, now] = [before[key] ?? NOTHING, after[key] ?? NOTHING];
    return old === now ? [] : [`${what} ${key}: was ${old}, is ${now}`];
  });
}

function changesDifference(before: Plan, after: Plan): string[] {
  const [old, now] = [byId(before), byId(after)];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((id) => {
    const [was, is] = [old.get(id), now.get(id)];
    if (!was || !is) return [`${id}: was ${effect(was)}, is ${effect(is)}`];
    const lines = effect(was) === effect(is) ? [] : [`${id}: was ${effect(was)}, is ${effect(is)}`];
    return [...lines, ...recordDifference(id, values(was), values(is))];
  });
}

function byId(plan: Plan): Map<string, ResourceChange> {
  return new Map(plan.changes.map((change) => [[...change.nesting, change.logicalId].join('/'), change]));
}

function effect(change: ResourceChange | undefined): string {
  if (!change) return 'not touched';
  const replaced = { yes: ', replaced', maybe: ', perhaps replaced', no: '' }[change.replacement];
  return `${change.action}${replaced}`;
}

function values({ properties }: ResourceChange): Record<string, string> {
  return Object.fromEntries(
    properties.map(({ path, before, after }) => [path, `${before ?? '–'} → ${after ?? '–'}`]),
  );
}
