export type Replacement = 'yes' | 'maybe' | 'no';

export type ChangeAction = 'add' | 'modify' | 'remove' | 'import' | 'dynamic' | 'sync';

export interface PropertyChange {
  /** `Properties.CidrBlock`, `Tags`, `Metadata` … */
  path: string;
  /** The Name or Key of the list item that the path leads to: `team` for `Properties.Tags.0.Value`. */
  label?: string;
  before?: string;
  after?: string;
  requiresRecreation: 'always' | 'conditionally' | 'never';
  /** Static or dynamic evaluation, and what caused it (`Vpc.CidrBlock`, `VpcCidr`). */
  cause?: string;
  /** The live value, where drift is known. */
  drift?: { expected?: string; actual?: string };
}

export interface ResourceChange {
  logicalId: string;
  /** Logical ids of the nested stacks above, from the root. */
  nesting: readonly string[];
  physicalId?: string;
  type: string;
  action: ChangeAction;
  replacement: Replacement;
  /** CloudFormation's PolicyAction: Delete, Retain, Snapshot, ReplaceAndDelete … */
  policyAction?: string;
  /** Of a stateful type, and yet without data of its own, such as an instance of a database cluster. */
  holdsNothing?: true;
  properties: readonly PropertyChange[];
}

/** The share of requests, from 0 to 1, by the ARN of a target group; empty for a rule that does not forward. */
export type Shares = ReadonlyMap<string, number>;

/** A rule or listener that a change set modifies, with the traffic that its template sets. */
export interface TrafficChange extends Pick<ResourceChange, 'logicalId' | 'nesting' | 'type'> {
  arn: string;
  /** Whether ECS moves its weights: a service of the template names it, or its ARN leaves the stack. */
  ofEcs: boolean;
  /** Undefined where the change set does not show it. */
  before?: Shares;
  after?: Shares;
}

/** A value of Parameter Store that a change set was made with, and that its execution uses. */
export type StoredValue = {
  /** As the template names it: a name, or the ARN of a shared parameter. */
  name: string;
  /** Whether the value must not be shown. */
  hidden: boolean;
} & (
  | {
      /** Of a parameter of an SSM type. */
      kind: 'parameter';
      isList: boolean;
      value: string;
    }
  | {
      /** Of a dynamic reference without a version. */
      kind: 'reference';
      version: number;
    }
);

/** The settings of a change set, as CloudFormation returns them. Secrets are masked. */
export interface PlanSettings {
  /** SHA-256 (hex) of the template and of the templates of changed nested stacks, by their path. */
  templates: Record<string, string>;
  parameters: Record<string, string>;
  /** The resolved values of parameters of SSM types; fixed when the change set is created. */
  resolved: Record<string, string>;
  tags: Record<string, string>;
  capabilities: readonly string[];
  notificationArns: readonly string[];
  /** ROLLBACK, DO_NOTHING or DELETE, for a creation. */
  onStackFailure?: string;
  mode?: string;
  disableRollback?: boolean;
  revertsDrift: boolean;
  /** Names of the alarms that roll the operation back, and for how long they are watched after its last change. */
  rollbackAlarms?: readonly string[];
  monitoringMinutes?: number;
  /** Whether resources that exist by their name join the stack. */
  importsExisting?: true;
  /** Whether the changes of nested stacks are not shown. */
  hidesNested?: true;
}

/** A change set and what it will do. Two plans with the same `fingerprint` do the same. */
export interface Plan {
  stackName: string;
  stackId: string;
  changeSetName: string;
  changeSetId: string;
  kind: 'create' | 'update';
  hasChanges: boolean;
  /** How a plan without changes was proven without a change set; see unchangedPlan. */
  proof?: 'comparison';
  /** Only outputs, tags or the like change: the change set is executable without resource changes. */
  changes: readonly ResourceChange[];
  fingerprint: string;
  /** The change set's own OnStackFailure; its execution must then not set DisableRollback. */
  onStackFailure?: string;
  settings?: PlanSettings;
  /** CloudFormation's warnings. */
  warnings?: readonly string[];
  /** The listener rules that the plan writes. They are compared with the live ones, so they are not fingerprinted. */
  traffic?: readonly TrafficChange[];
  /** What it was made with of Parameter Store. It is compared before the execution; see storedDifferences. */
  stored?: readonly StoredValue[];
}
/** What happens to a resource, the most destructive first. */
export const EFFECTS = ['replace', 'maybe', 'delete', 'retain', 'add', 'change', 'import', 'sync'] as const;
export type Effect = (typeof EFFECTS)[number];

/** The sign in front of a change, and its text in "1 to replace, 2 to delete". */
const WORDS: Readonly<Record<Effect, { sign: string; count: (n: number) => string }>> = {
  replace: { sign: '-/+', count: (n) => `${n} to replace` },
  maybe: { sign: '-/+?', count: (n) => `${n} may be replaced` },
  delete: { sign: '-', count: (n) => `${n} to delete` },
  retain: { sign: '-', count: (n) => `${n} to retain outside the stack` },
  add: { sign: '+', count: (n) => `${n} to add` },
  change: { sign: '~', count: (n) => `${n} to change` },
  import: { sign: '<', count: (n) => `${n} to import` },
  sync: { sign: '=', count: (n) => `${n} to mark as in sync` },
};

export function effectOf({ action, replacement, policyAction }: ResourceChange): Effect {
  if (action === 'add' || action === 'import' || action === 'sync') return action;
  if (action === 'remove') return policyAction === 'Retain' ? 'retain' : 'delete';
  if (replacement === 'yes' || policyAction?.startsWith('ReplaceAnd')) return 'replace';
  return replacement === 'maybe' || action === 'dynamic' ? 'maybe' : 'change';
}

export function signOf(effect: Effect): string {
  return WORDS[effect].sign;
}

/** `1 to replace, 2 to delete, 3 to add, 4 to change`; the most destructive first, without zeros. */
export function planHeadline(plan: { hasChanges: boolean; changes: readonly ResourceChange[] }): string {
  if (!plan.hasChanges) return 'No changes';
  const said = Object.entries(countEffects(plan)).map(([effect, count]) =>
    WORDS[effect as Effect].count(count),
  );
  return said.length > 0 ? said.join(', ') : 'No resource changes, but outputs, tags or settings change';
}

/** The number of resources by effect, without zeros. */
export function countEffects({
  changes,
}: {
  changes: readonly ResourceChange[];
}): Partial<Record<Effect, number>> {
  const effects = changes.map(effectOf);
  const counts = EFFECTS.map(
    (effect) => [effect, effects.filter((found) => found === effect).length] as const,
  );
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** `Network/Vpc` */
export function pathOf({ nesting, logicalId }: Pick<ResourceChange, 'nesting' | 'logicalId'>): string {
  return [...nesting, logicalId].join('/');
}
