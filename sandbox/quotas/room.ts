import { stackDatabase } from '../cloudformation/engine/stack-database.ts';
import type { Stack, StackResource } from '../cloudformation/engine/stack.ts';
import { textOf } from '../cloudformation/json.ts';
import { resourcesOfType } from '../ec2/resources.ts';
import { AwsError } from '../protocols/service.ts';
import type { World } from '../world.ts';
import { quotaValue } from './service.ts';

interface Quota {
  service: string;
  code: string;
  /** As the service refuses what is too much. */
  error: string;
  message(limit: number): string;
}

/**
 * @see https://github.com/awslabs/landing-zone-accelerator-on-aws/issues/241 for VPCs
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html for addresses and NAT gateways
 * @see https://github.com/eficode-academy/kubernetes-katas/issues/115 for load balancers
 */
const QUOTAS: Readonly<Record<string, Quota>> = {
  'AWS::EC2::VPC': {
    service: 'vpc',
    code: 'L-F678F1CE',
    error: 'VpcLimitExceeded',
    message: () => 'The maximum number of VPCs has been reached.',
  },
  'AWS::EC2::EIP': {
    service: 'ec2',
    code: 'L-0263D0A3',
    error: 'AddressLimitExceeded',
    message: () => 'The maximum number of addresses has been reached.',
  },
  'AWS::EC2::NatGateway': {
    service: 'vpc',
    code: 'L-FE5A380F',
    error: 'NatGatewayLimitExceeded',
    message: (limit) => `Performing this operation would exceed the limit of ${limit} NAT gateways`,
  },
  'AWS::ElasticLoadBalancingV2::LoadBalancer': {
    service: 'elasticloadbalancing',
    code: 'L-53DA6B97',
    error: 'TooManyLoadBalancers',
    message: () => 'The maximum number of load balancers has been reached',
  },
};

/** Refuses a resource for which the account's quota has no room. The resource is among those of its stack. */
export function requireRoom(world: World, stack: Stack, resource: StackResource): void {
  const quota = QUOTAS[resource.type];
  if (!quota) return;
  const { account, region } = stack;
  const limit = quotaValue(world, quota.service, quota.code);
  const all = resourcesOfType(world, account, region, resource.type);
  const zone = zoneOf(world, stack, textOf(resource.properties.SubnetId));
  const counted =
    resource.type === 'AWS::EC2::NatGateway'
      ? all.filter(({ properties }) => zoneOf(world, stack, textOf(properties.SubnetId)) === zone)
      : all;
  if (counted.length <= limit) return;
  throw new AwsError(quota.error, quota.message(limit));
}

/** A NAT gateway that no stack has created is in the first zone. */
function zoneOf(world: World, { account, region }: Stack, subnet: string): string {
  const found = resourcesOfType(world, account, region, 'AWS::EC2::Subnet').find(({ id }) => id === subnet);
  return textOf(found?.properties.AvailabilityZone) || `${region}a`;
}

/**
 * Refuses a stack for which the account's quota has no room.
 *
 * @see https://github.com/aws-amplify/amplify-cli/issues/2467 for the words
 */
export function requireRoomForStack(world: World, account: string, region: string): void {
  const limit = quotaValue(world, 'cloudformation', 'L-0485CB21');
  const used =
    stackDatabase(world, account, region).active().length +
    (world.scenario.unmanaged?.['AWS::CloudFormation::Stack'] ?? 0);
  if (used >= limit) throw new AwsError('LimitExceededException', 'Limit for stack has been exceeded');
}
