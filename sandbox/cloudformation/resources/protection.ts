import { AwsError } from '../../protocols/service.ts';
import type { StackResource } from '../engine/stack.ts';
import { isObject, textOf } from '../json.ts';

/**
 * Refuses to delete what has deletion protection.
 *
 * @see https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds/pull/2
 * @see https://github.com/aws-cloudformation/rain/issues/187
 */
export function refuseProtected({ type, physicalId, properties }: StackResource): void {
  if (/^AWS::RDS::DB(?:Cluster|Instance)$/.test(type) && textOf(properties.DeletionProtection) === 'true') {
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
      textOf(attribute.Key) === 'deletion_protection.enabled' &&
      textOf(attribute.Value) === 'true',
  );
}
