import { textOf } from '../cloudformation/json.ts';
import type { Call, Input, Service } from '../protocols/service.ts';
import type { World } from '../world.ts';
import { resourcesOfType } from './resources.ts';

/** The subnet of NAT gateways that no stack has created. */
const OTHER_SUBNET = 'subnet-0unmanaged';

/** EC2's reading calls for what has a quota. */
export function network(world: World): Service {
  const of = ({ account, region }: Call, type: string) => resourcesOfType(world, account, region, type);
  return {
    name: 'ec2',
    protocol: 'ec2',
    apiVersion: '2016-11-15',
    operations: {
      DescribeVpcs: (_, call) => ({
        vpcSet: of(call, 'AWS::EC2::VPC').map(({ id }) => ({ vpcId: id, state: 'available' })),
      }),
      DescribeAddresses: (_, call) => ({
        addressesSet: of(call, 'AWS::EC2::EIP').map(({ id }) => ({
          publicIp: id,
          domain: 'vpc',
          publicIpv4Pool: 'amazon',
        })),
      }),
      DescribeNatGateways: (_, call) => ({
        natGatewaySet: of(call, 'AWS::EC2::NatGateway').map(({ id, properties }) => ({
          natGatewayId: id,
          subnetId: textOf(properties.SubnetId) || OTHER_SUBNET,
          state: 'available',
        })),
      }),
      DescribeSubnets: (input, call) => {
        const asked = subnetIds(input);
        const own = of(call, 'AWS::EC2::Subnet').map(({ id, properties }) => ({
          subnetId: id,
          availabilityZone: textOf(properties.AvailabilityZone),
        }));
        const all = [...own, { subnetId: OTHER_SUBNET, availabilityZone: `${call.region}a` }];
        return { subnetSet: all.filter(({ subnetId }) => asked.includes(subnetId)) };
      },
    },
  };
}

/** `SubnetId.1=a` and so on. */
function subnetIds({ SubnetId }: Input): string[] {
  return Object.values((SubnetId ?? {}) as Record<string, string>);
}
