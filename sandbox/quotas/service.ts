import type { Service } from '../protocols/service.ts';
import { AwsError, textOf } from '../protocols/service.ts';
import type { World } from '../world.ts';

/** AWS's defaults, by service and code. */
const DEFAULTS: Readonly<Record<string, { name: string; value: number }>> = {
  'fargate/L-3032A538': { name: 'Fargate On-Demand vCPU resource count', value: 6 },
  'fargate/L-36FBB829': { name: 'Fargate Spot vCPU resource count', value: 6 },
  'vpc/L-F678F1CE': { name: 'VPCs per Region', value: 5 },
  'vpc/L-FE5A380F': { name: 'NAT gateways per Availability Zone', value: 5 },
  'ec2/L-0263D0A3': { name: 'EC2-VPC Elastic IPs', value: 5 },
  'elasticloadbalancing/L-53DA6B97': { name: 'Application Load Balancers per Region', value: 50 },
  'cloudformation/L-0485CB21': { name: 'Stack count', value: 2000 },
};

/** The value of a quota: the scenario's or AWS's default. */
export function quotaValue(world: World, service: string, code: string): number {
  return world.scenario.quotas?.[code] ?? DEFAULTS[`${service}/${code}`]?.value ?? Infinity;
}

/** Service Quotas: the value of a quota, from the scenario or AWS's default. */
export function quotas(world: World): Service {
  return {
    name: 'servicequotas',
    protocol: 'json',
    operations: {
      GetServiceQuota(input, call) {
        const [service, code] = [textOf(input.ServiceCode) ?? '', textOf(input.QuotaCode) ?? ''];
        const known = DEFAULTS[`${service}/${code}`];
        if (!known) {
          throw new AwsError(
            'NoSuchResourceException',
            `The request failed because the specified service quota does not exist: ${code}`,
          );
        }
        const arn = `arn:aws:servicequotas:${call.region}:${call.account}:${service}/${code}`;
        return {
          Quota: {
            ServiceCode: service,
            QuotaCode: code,
            QuotaName: known.name,
            QuotaArn: arn,
            Value: quotaValue(world, service, code),
            Unit: 'None',
            Adjustable: true,
            GlobalQuota: false,
          },
        };
      },
    },
  };
}
