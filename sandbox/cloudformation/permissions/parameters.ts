import { denialOf } from '../../iam/authorization.ts';
import { type PermissionCheck, arnIn } from '../../iam/calls/permission-check.ts';
import type { Principal } from '../../iam/principal.ts';
import type { World } from '../../world.ts';
import type { Stack } from '../engine/stack.ts';
import { invalid } from '../errors.ts';
import type { ParameterValue, ParameterValues } from '../templates/parameters.ts';

/** The call that CloudFormation uses to check that a value of a type exists. */
const LOOK_UPS: Readonly<Record<string, string>> = {
  'AWS::EC2::AvailabilityZone::Name': 'ec2:DescribeAvailabilityZones',
  'AWS::EC2::Image::Id': 'ec2:DescribeImages',
  'AWS::EC2::Instance::Id': 'ec2:DescribeInstances',
  'AWS::EC2::KeyPair::KeyName': 'ec2:DescribeKeyPairs',
  'AWS::EC2::SecurityGroup::GroupName': 'ec2:DescribeSecurityGroups',
  'AWS::EC2::SecurityGroup::Id': 'ec2:DescribeSecurityGroups',
  'AWS::EC2::Subnet::Id': 'ec2:DescribeSubnets',
  'AWS::EC2::VPC::Id': 'ec2:DescribeVpcs',
  'AWS::EC2::Volume::Id': 'ec2:DescribeVolumes',
  'AWS::Route53::HostedZone::Id': 'route53:ListHostedZones',
};

/**
 * "CloudFormation validates these input values against existing values in the customer's account", with the permissions
 * of the service role, or of the caller if there is none. Values of the parameter store are read in the same way.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
 * @throws ValidationError with the service's refusal.
 */
export function authorizeParameters(
  world: World,
  stack: Stack,
  actor: Principal | undefined,
  parameters: ParameterValues,
): void {
  if (!actor?.session) return;
  const denial = denialOf(world, actor, stack.region, () =>
    [...parameters.values()].flatMap((parameter) => parameterChecks(stack, parameter)),
  );
  if (denial !== undefined) throw invalid(denial);
}

function parameterChecks(stack: Stack, { type, value }: ParameterValue): PermissionCheck[] {
  const stored = /^AWS::SSM::Parameter::Value<(.+)>$/.exec(type)?.[1];
  const [name = ''] = value.split(':');
  const reading: PermissionCheck[] =
    stored === undefined
      ? []
      : [
          {
            action: 'ssm:GetParameters',
            resource: arnIn(stack, 'ssm', `parameter/${name.replace(/^\//, '')}`),
          },
        ];
  const lookUp = LOOK_UPS[(stored ?? type).replace(/^List<(.+)>$/, '$1')];
  const isEmpty = stored === undefined && value === '';
  return lookUp === undefined || isEmpty ? reading : [...reading, { action: lookUp, resource: '*' }];
}
