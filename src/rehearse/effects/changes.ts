import { effectOf, type ResourceChange } from '../../cloudformation/change-set/changes.ts';
import type { RunPart } from '../../environment/run/result.ts';
import type { Resource } from './resources.ts';

/** A resource change, and the part of the run that it belongs to. */
export interface StackChange {
  part: string;
  stackName: string;
  change: ResourceChange;
}

/** The planned changes of a part. */
export function changesOf(part: RunPart): StackChange[] {
  if (part.startedAt === undefined) return [];
  const { name, work } = part;
  const result =
    work?.kind === 'stack' ? work.result : work?.kind === 'service' ? work.stack?.work?.result : undefined;
  if (!result) return [];
  const { stackName, plan } = result;
  return (plan?.changes ?? []).map((change) => ({ part: name, stackName, change }));
}

/**
 * Leaves out updates that change no value. CloudFormation lists a resource as modified if it refers to a changed resource,
 * even if its values turn out to be the same.
 */
export function effective(
  changes: readonly StackChange[],
  before: readonly Resource[],
  after: readonly Resource[],
): StackChange[] {
  const old = new Map(before.map((resource) => [keyOf(resource), contentOf(resource)]));
  const same = new Set(
    after.filter((resource) => old.get(keyOf(resource)) === contentOf(resource)).map(keyOf),
  );
  return changes.filter(({ stackName, change }) => {
    const { nesting, logicalId } = change;
    const isUpdate = ['change', 'replace', 'maybe'].includes(effectOf(change));
    return !isUpdate || !same.has([stackName, ...nesting, logicalId].join('/'));
  });
}

function keyOf({ stack, logicalId }: Resource): string {
  return `${stack}/${logicalId}`;
}

function contentOf({ physicalId, properties }: Resource): string {
  return JSON.stringify([physicalId, properties]);
}
