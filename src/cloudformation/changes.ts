import type {
  ResourceChange as AwsResourceChange,
  ResourceChangeDetail,
  ResourceTargetDefinition,
} from '@aws-sdk/client-cloudformation';
import type { ChangeAction, PropertyChange, Replacement, ResourceChange } from './types.ts';

const ACTIONS: Readonly<Record<string, ChangeAction>> = {
  Add: 'add',
  Modify: 'modify',
  Remove: 'remove',
  Import: 'import',
  Dynamic: 'dynamic',
  SyncWithActual: 'sync',
};
const RECREATION = { Always: 'always', Conditionally: 'conditionally', Never: 'never' } as const;
const RANK = { never: 0, conditionally: 1, always: 2 } as const;

/** CloudFormation's change as a plan shows it. An action that is not known counts as `dynamic`: anything may happen. */
export function resourceChange(change: AwsResourceChange, nesting: readonly string[]): ResourceChange {
  const action = ACTIONS[change.Action ?? ''] ?? 'dynamic';
  return {
    logicalId: change.LogicalResourceId ?? '',
    nesting,
    type: change.ResourceType ?? '',
    action,
    replacement: replacementOf(change.Replacement),
    properties: action === 'add' ? newProperties(change.AfterContext) : propertyChanges(change),
    ...(change.PhysicalResourceId && { physicalId: change.PhysicalResourceId }),
    ...(change.PolicyAction && { policyAction: change.PolicyAction }),
  };
}

function replacementOf(value: string | undefined): Replacement {
  if (value === 'True') return 'yes';
  return value === 'Conditional' ? 'maybe' : 'no';
}

/** One entry a path: CloudFormation lists a property once for every reason that it changes. */
function propertyChanges({ Details, AfterContext, BeforeContext }: AwsResourceChange): PropertyChange[] {
  const contexts = [parseObject(AfterContext), parseObject(BeforeContext)];
  const byPath = new Map<string, PropertyChange>();
  for (const detail of Details ?? []) {
    if (!detail.Target) continue;
    const path = targetPath(detail.Target);
    const label = labelOf(contexts, path);
    const change = { ...propertyChange(path, detail, detail.Target), ...(label !== undefined && { label }) };
    const known = byPath.get(path);
    byPath.set(path, known ? merged(known, change) : change);
  }
  return [...byPath.values()];
}

function propertyChange(
  path: string,
  detail: ResourceChangeDetail,
  target: ResourceTargetDefinition,
): PropertyChange {
  const cause = detail.CausingEntity;
  const drift = target.Drift;
  return {
    path,
    requiresRecreation: RECREATION[target.RequiresRecreation ?? 'Never'],
    ...(target.BeforeValue !== undefined && { before: target.BeforeValue }),
    ...(target.AfterValue !== undefined && { after: target.AfterValue }),
    ...(cause && { cause }),
    ...(drift && {
      drift: {
        ...(drift.PreviousValue !== undefined && { expected: drift.PreviousValue }),
        ...(drift.ActualValue !== undefined && { actual: drift.ActualValue }),
      },
    }),
  };
}

function merged(a: PropertyChange, b: PropertyChange): PropertyChange {
  const causes = [...new Set([...(a.cause?.split(', ') ?? []), ...(b.cause?.split(', ') ?? [])])].sort();
  const requiresRecreation =
    RANK[a.requiresRecreation] >= RANK[b.requiresRecreation] ? a.requiresRecreation : b.requiresRecreation;
  return { ...b, ...a, requiresRecreation, ...(causes.length > 0 && { cause: causes.join(', ') }) };
}

/** `/Properties/Tags/0/Key` becomes `Properties.Tags.0.Key`; without property values there is only a name. */
function targetPath({ Path, Attribute, Name }: ResourceTargetDefinition): string {
  if (Path) return pointerSegments(Path).join('.');
  return [Attribute ?? 'Properties', ...(Name ? [Name] : [])].join('.');
}

/** What the item of a list is called whose `Value` changes: its number says nothing to a person. */
function labelOf(contexts: readonly unknown[], path: string): string | undefined {
  const segments = path.split('.');
  if (segments.at(-1) !== 'Value') return undefined;
  for (const context of contexts) {
    const item = segments.slice(0, -1).reduce<unknown>(step, context);
    const name = step(item, 'Name') ?? step(item, 'Key');
    if (typeof name === 'string') return name;
  }
  return undefined;
}

function step(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

/** The parts of a JSON pointer (RFC 6901). */
export function pointerSegments(pointer: string): string[] {
  return pointer
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The properties that a new resource gets, which CloudFormation gives as one JSON text. */
function newProperties(context: string | undefined): PropertyChange[] {
  const properties = parseObject(parseObject(context)?.['Properties']);
  return Object.entries(properties ?? {}).map(([name, value]) => ({
    path: `Properties.${name}`,
    after: typeof value === 'string' ? value : JSON.stringify(value),
    requiresRecreation: 'never',
  }));
}

function parseObject(value: unknown): Record<string, unknown> | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  if (typeof value !== 'string') return undefined;
  try {
    return parseObject(JSON.parse(value));
  } catch {
    return undefined;
  }
}
