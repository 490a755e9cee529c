import type { Json } from '../json.ts';
import type { StackResource } from '../engine/stack.ts';

/** Databases keep a last snapshot unless their policy says otherwise; a cluster's instances need none of their own. */
function defaultPolicy(resource: Pick<StackResource, 'type' | 'properties'>): string {
  const { type, properties } = resource;
  if (type === 'AWS::RDS::DBCluster') return 'Snapshot';
  return type === 'AWS::RDS::DBInstance' && properties.DBClusterIdentifier === undefined
    ? 'Snapshot'
    : 'Delete';
}

/** What happens to a resource that leaves its stack. */
export function deletionPolicy(resource: StackResource): string {
  return textOf(resource.definition.deletionPolicy) ?? defaultPolicy(resource);
}

/** What happens to the old physical resource after a replacement. */
export function updateReplacePolicy(resource: StackResource): string {
  return textOf(resource.definition.updateReplacePolicy) ?? defaultPolicy(resource);
}

function textOf(policy: Json | undefined): string | undefined {
  return typeof policy === 'string' ? policy : undefined;
}

/** True when the resource stays although its stack lets it go. */
export function isRetained(
  resource: StackResource,
  why: { replaced?: boolean; created?: boolean },
  retainExceptOnCreate: boolean,
): boolean {
  const policy = why.replaced ? updateReplacePolicy(resource) : deletionPolicy(resource);
  if (policy === 'RetainExceptOnCreate') return !why.created;
  return policy === 'Retain' && !(why.created && retainExceptOnCreate);
}
