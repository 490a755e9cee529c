import { AwsError } from '../../protocols/service.ts';
import type { StackResource } from '../engine/stack.ts';
import { isObject, type Json, textOf as valueText } from '../json.ts';

/** The default policy of databases is a snapshot; the instances of a cluster need none. */
function defaultPolicy(resource: Pick<StackResource, 'type' | 'properties'>): string {
  const { type, properties } = resource;
  if (type === 'AWS::RDS::DBCluster') return 'Snapshot';
  return type === 'AWS::RDS::DBInstance' && properties.DBClusterIdentifier === undefined
    ? 'Snapshot'
    : 'Delete';
}

/** What happens to a resource that is removed from its stack. */
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

/** Whether a removed resource is retained. */
export function isRetained(
  resource: StackResource,
  why: { replaced?: boolean; created?: boolean },
  retainExceptOnCreate: boolean,
): boolean {
  const policy = why.replaced ? updateReplacePolicy(resource) : deletionPolicy(resource);
  if (policy === 'RetainExceptOnCreate') return !why.created;
  return policy === 'Retain' && !(why.created && retainExceptOnCreate);
}

/**
 * Throws for a resource with deletion protection.
 *
 * @see https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds/pull/2
 * @see https://github.com/aws-cloudformation/rain/issues/187
 */
export function refuseProtected({ type, physicalId, properties }: StackResource): void {
  if (
    /^AWS::RDS::DB(?:Cluster|Instance)$/.test(type) &&
    valueText(properties.DeletionProtection) === 'true'
  ) {
    const what = type.endsWith('Cluster') ? 'Cluster' : 'DB Instance';
    throw new AwsError(
      'InvalidRequest',
      `Cannot delete protected ${what}, please disable deletion protection and try again.`,
    );
  }
  if (
    type === 'AWS::ElasticLoadBalancingV2::LoadBalancer' &&
    isProtected(properties.LoadBalancerAttributes)
  ) {
    throw new AwsError(
      'OperationNotPermitted',
      `Load balancer '${physicalId}' cannot be deleted because deletion protection is enabled`,
    );
  }
}

function isProtected(attributes: StackResource['properties'][string] | undefined): boolean {
  if (!Array.isArray(attributes)) return false;
  return attributes.some(
    (attribute) =>
      isObject(attribute) &&
      valueText(attribute.Key) === 'deletion_protection.enabled' &&
      valueText(attribute.Value) === 'true',
  );
}
