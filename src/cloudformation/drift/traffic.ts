import { trafficRules } from '../template/traffic-rules.ts';

/** A property difference as reported by CloudFormation; values that are not strings are JSON. */
interface Difference {
  path: string;
  expected?: string;
  actual?: string;
}

interface Drifted {
  logicalId: string;
  status: 'modified' | 'deleted';
  properties: readonly Difference[];
}

/**
 * Removes ECS's own changes from a drift: the weights of listener rules that it uses to shift traffic, and the alternate
 * target group that it adds to a rule with only one. Other differences of such a rule are kept.
 *
 * @param template the deployed template of the stack; without it, no change is attributed to ECS.
 * @see https://github.com/go-to-k/cdk-real-drift/issues/1730
 */
export function withoutTraffic<T extends Drifted>(
  resources: readonly T[],
  template: string | undefined,
): { resources: T[]; ofEcs: string[] } {
  const rules = trafficRules(template);
  const ofEcs: string[] = [];
  const rest = resources.flatMap((resource) => {
    const { logicalId, status, properties } = resource;
    const actions = properties.filter(({ path }) => ACTIONS.test(path));
    if (status === 'deleted' || !rules.has(logicalId) || !isShift(actions)) return [resource];
    ofEcs.push(logicalId);
    const others = properties.filter((property) => !actions.includes(property));
    return others.length === 0 ? [] : [{ ...resource, properties: others }];
  });
  return { resources: rest, ofEcs };
}

const ACTIONS = /^Properties\.(?:Default)?Actions(?:\.|$)/;
const WEIGHT = /\.Weight$/;
/** ECS shifts traffic between two target groups. */
const MAX_GROUPS = 2;

/**
 * Whether the differences of a rule's actions are a traffic shift: the actions and the target groups are the same, except
 * for an added alternate target group. Drift detection reports a list as single values or as removed and added items.
 */
function isShift(differences: readonly Difference[]): boolean {
  if (differences.length === 0) return false;
  const whole = differences.filter(({ path }) => !WEIGHT.test(path));
  const [expected, actual] = [
    whole.map(({ expected: text }) => text),
    whole.map(({ actual: text }) => text),
  ].map((texts) => summaryOf(texts));
  if (!expected || !actual) return false;
  return (
    expected.others === actual.others &&
    actual.groups.size <= (expected.groups.size === 1 ? MAX_GROUPS : expected.groups.size) &&
    [...expected.groups].every((group) => actual.groups.has(group))
  );
}

/** The target groups in values, and the rest of the values as one string. */
function summaryOf(texts: readonly (string | undefined)[]): { groups: Set<string>; others: string } {
  const groups = new Set<string>();
  const others = texts.flatMap((text) => {
    if (text === undefined || text === 'null') return [];
    return [JSON.stringify(withoutGroups(parsed(text), groups))].filter(
      (rest) => rest !== '{}' && rest !== '[]',
    );
  });
  return { groups, others: others.sort().join() };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The value without target groups and weights; the target groups are added to `groups`. */
function withoutGroups(value: unknown, groups: Set<string>): unknown {
  if (typeof value === 'string' && value.includes(':targetgroup/')) {
    groups.add(value);
    return {};
  }
  if (Array.isArray(value)) {
    return value.map((item) => withoutGroups(item, groups)).filter((item) => JSON.stringify(item) !== '{}');
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([key, item]): [string, unknown][] => {
    const rest = key === 'Weight' || isDisabledStickiness(key, item) ? {} : withoutGroups(item, groups);
    return ['{}', '[]'].includes(JSON.stringify(rest)) ? [] : [[key, rest]];
  });
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Whether it is the disabled stickiness that every weighted action has. */
function isDisabledStickiness(key: string, value: unknown): boolean {
  if (key !== 'TargetGroupStickinessConfig') return false;
  const { Enabled: enabled = false } = value as { Enabled?: boolean | string };
  return String(enabled) === 'false';
}
