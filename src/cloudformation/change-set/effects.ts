/** A change of one resource, as plain data. Values are shown as they are: mask secrets first. */
export interface PlannedChange {
  logicalId: string;
  /** Logical ids of the nested stacks above, from the root. */
  nesting: readonly string[];
  physicalId?: string;
  type: string;
  action: 'add' | 'modify' | 'remove' | 'import' | 'dynamic' | 'sync';
  replacement: 'yes' | 'maybe' | 'no';
  /** CloudFormation's PolicyAction. */
  policyAction?: string;
  properties: readonly PlannedProperty[];
}

export interface PlannedProperty {
  path: string;
  /** The Name or Key of the list item that the path leads to. */
  label?: string;
  before?: string;
  after?: string;
  requiresRecreation: 'always' | 'conditionally' | 'never';
  cause?: string;
  drift?: { expected?: string; actual?: string };
}

/** What happens to a resource, from the worst to the mildest. */
export const EFFECTS = ['replace', 'maybe', 'delete', 'retain', 'add', 'change', 'import', 'sync'] as const;
export type Effect = (typeof EFFECTS)[number];

/** The sign in front of a change, and its place in "1 to replace, 2 to delete". */
const WORDS: Readonly<Record<Effect, { sign: string; count: (n: number) => string }>> = {
  replace: { sign: '-/+', count: (n) => `${n} to replace` },
  maybe: { sign: '-/+?', count: (n) => `${n} perhaps to replace` },
  delete: { sign: '-', count: (n) => `${n} to delete` },
  retain: { sign: '-', count: (n) => `${n} to let go of (kept)` },
  add: { sign: '+', count: (n) => `${n} to add` },
  change: { sign: '~', count: (n) => `${n} to change` },
  import: { sign: '<', count: (n) => `${n} to import` },
  sync: { sign: '=', count: (n) => `${n} to mark as in sync` },
};

export function effectOf({ action, replacement, policyAction }: PlannedChange): Effect {
  if (action === 'add' || action === 'import' || action === 'sync') return action;
  if (action === 'remove') return policyAction === 'Retain' ? 'retain' : 'delete';
  if (replacement === 'yes' || policyAction?.startsWith('ReplaceAnd')) return 'replace';
  return replacement === 'maybe' || action === 'dynamic' ? 'maybe' : 'change';
}

export function signOf(effect: Effect): string {
  return WORDS[effect].sign;
}

/** `1 to replace, 2 to delete, 3 to add, 4 to change`; the worst first, and what there is none of left out. */
export function planHeadline(plan: { hasChanges: boolean; changes: readonly PlannedChange[] }): string {
  if (!plan.hasChanges) return 'No changes';
  const said = Object.entries(countEffects(plan)).map(([effect, count]) =>
    WORDS[effect as Effect].count(count),
  );
  return said.length > 0 ? said.join(', ') : 'No resource changes, but outputs, tags or settings change';
}

/** How many resources a plan changes in each way; ways that do not occur are left out. */
export function countEffects({
  changes,
}: {
  changes: readonly PlannedChange[];
}): Partial<Record<Effect, number>> {
  const effects = changes.map(effectOf);
  const counts = EFFECTS.map(
    (effect) => [effect, effects.filter((found) => found === effect).length] as const,
  );
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** `Network/Vpc` */
export function pathOf({ nesting, logicalId }: Pick<PlannedChange, 'nesting' | 'logicalId'>): string {
  return [...nesting, logicalId].join('/');
}
