export type Replacement = 'yes' | 'maybe' | 'no';

export type ChangeAction = 'add' | 'modify' | 'remove' | 'import' | 'dynamic' | 'sync';

export interface PropertyChange {
  /** `Properties.CidrBlock`, `Tags`, `Metadata` … */
  path: string;
  /** The Name or Key of the list item in the path: `team` for `Properties.Tags.0.Value`. */
  label?: string;
  before?: string;
  after?: string;
  requiresRecreation: 'always' | 'conditionally' | 'never';
  /** The resource attributes or parameters that cause the change: `Vpc.CidrBlock`, `VpcCidr`. */
  cause?: string;
  /** The expected and the live value, if the property has drifted. */
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
  /** Set for a resource of a stateful type without data of its own, such as an instance of a database cluster. */
  holdsNothing?: true;
  properties: readonly PropertyChange[];
}

/** The share of requests, from 0 to 1, by the ARN of a target group; empty for a rule that does not forward. */
export type Shares = ReadonlyMap<string, number>;

/** A rule or listener that a change set modifies, with the traffic shares in its template. */
export interface TrafficChange extends Pick<ResourceChange, 'logicalId' | 'nesting' | 'type'> {
  arn: string;
  /** Whether ECS may shift its traffic: a service in the template refers to it, or the stack outputs its ARN. */
  ofEcs: boolean;
  /** Undefined if the change set does not show it. */
  before?: Shares;
  after?: Shares;
}

/** A Parameter Store value that was resolved when the change set was created, and that its execution uses. */
export type StoredValue = {
  /** The name in the template, or the ARN of a shared parameter. */
  name: string;
  /** Whether the value must not be shown. */
  hidden: boolean;
} & (
  | {
      /** A template parameter of an SSM type. */
      kind: 'parameter';
      isList: boolean;
      value: string;
    }
  | {
      /** A dynamic reference without a version. */
      kind: 'reference';
      version: number;
    }
);

/** The settings of a change set, as CloudFormation returns them. Secrets are masked. */
export interface PlanSettings {
  /** SHA-256 (hex) of the template and of the templates of changed nested stacks, by their path. */
  templates: Record<string, string>;
  parameters: Record<string, string>;
  /** The resolved values of parameters of SSM types, as of the creation of the change set. */
  resolved: Record<string, string>;
  tags: Record<string, string>;
  capabilities: readonly string[];
  notificationArns: readonly string[];
  /** ROLLBACK, DO_NOTHING or DELETE, for a creation. */
  onStackFailure?: string;
  mode?: string;
  disableRollback?: boolean;
  revertsDrift: boolean;
  /** The names of the rollback alarms, and how long they are monitored after all resources are deployed. */
  rollbackAlarms?: readonly string[];
  monitoringMinutes?: number;
  /** Whether existing resources with the same custom name are imported. */
  importsExisting?: true;
  /** Whether the change set does not show the changes of nested stacks. */
  hidesNested?: true;
}

/** A change set and its changes. Two plans with the same `fingerprint` make the same changes. */
export interface Plan {
  stackName: string;
  stackId: string;
  changeSetName: string;
  changeSetId: string;
  kind: 'create' | 'update';
  hasChanges: boolean;
  /** Set for a plan without changes that needed no change set; see unchangedPlan. */
  proof?: 'comparison';
  /** Empty if only outputs, tags or settings change. */
  changes: readonly ResourceChange[];
  fingerprint: string;
  /** The change set's own OnStackFailure; its execution must then not set DisableRollback. */
  onStackFailure?: string;
  settings?: PlanSettings;
  /** CloudFormation's warnings. */
  warnings?: readonly string[];
  /** The listener rules that the plan changes. They are compared with the live rules, so the fingerprint excludes them. */
  traffic?: readonly TrafficChange[];
  /** The Parameter Store values of the change set, which are compared before the execution; see storedDifferences. */
  stored?: readonly StoredValue[];
}

/** What happens to a resource, the most destructive first. */
export const EFFECTS = ['replace', 'maybe', 'delete', 'retain', 'add', 'change', 'import', 'sync'] as const;
export type Effect = (typeof EFFECTS)[number];

/** The sign of a change, and its text in "1 to replace, 2 to delete". */
const EFFECT_TEXTS: Readonly<Record<Effect, { sign: string; count: (n: number) => string }>> = {
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
  return EFFECT_TEXTS[effect].sign;
}

/** `1 to replace, 2 to delete, 3 to add, 4 to change`; the most destructive first, without zeros. */
export function planHeadline(plan: { hasChanges: boolean; changes: readonly ResourceChange[] }): string {
  if (!plan.hasChanges) return 'No changes';
  const counts = Object.entries(countEffects(plan)).map(([effect, count]) =>
    EFFECT_TEXTS[effect as Effect].count(count),
  );
  return counts.length > 0 ? counts.join(', ') : 'No resource changes, but outputs, tags or settings change';
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
