import type { ResolvedTemplate } from '../templates/resolve.ts';
import type { Environment } from '../templates/reference.ts';
import type { Json, Resource } from '../templates/template.ts';

interface Sizes {
  instanceClass: string;
  instances: number;
  cpu: number;
  memory: number;
  tasks: number;
}

/** The parameters of the guidelines, section 4.1. */
const SIZES: Record<Environment, Sizes> = {
  dev: { instanceClass: 'db.r6g.large', instances: 1, cpu: 256, memory: 512, tasks: 1 },
  staging: { instanceClass: 'db.r6g.large', instances: 2, cpu: 512, memory: 1024, tasks: 2 },
  prod: { instanceClass: 'db.r6g.xlarge', instances: 3, cpu: 1024, memory: 2048, tasks: 3 },
};

/** The services that the guidelines' script deploys. */
export const GUIDELINES_SERVICES = ['user-service', 'product-service', 'order-service'];

/**
 * The resources that the guidelines would have created if their templates worked: one NAT gateway, a load balancer
 * over two zones and x86 on-demand tasks for every service, a provisioned database, one key, one dashboard, one
 * alarm.
 */
export function guidelinesStacks(environment: Environment): ResolvedTemplate[] {
  const sizes = SIZES[environment];
  const numbers = Array.from({ length: sizes.instances }, (_, index) => index + 1);
  return [
    stack('vpc', { NatGatewayEIP: of('AWS::EC2::EIP'), NatGateway: of('AWS::EC2::NatGateway') }),
    stack('aurora', {
      AuroraKMSKey: of('AWS::KMS::Key'),
      AuroraCluster: of('AWS::RDS::DBCluster'),
      ...Object.fromEntries(
        numbers.map((number) => [
          `Instance${number}`,
          of('AWS::RDS::DBInstance', { DBInstanceClass: sizes.instanceClass }),
        ]),
      ),
    }),
    ...GUIDELINES_SERVICES.map((service) =>
      stack(service, {
        Task: of('AWS::ECS::TaskDefinition', { Cpu: sizes.cpu, Memory: sizes.memory }),
        Service: of('AWS::ECS::Service', { ServiceName: service, DesiredCount: sizes.tasks }),
        ApplicationLoadBalancer: of('AWS::ElasticLoadBalancingV2::LoadBalancer', {
          Scheme: 'internet-facing',
          Subnets: ['first', 'second'],
        }),
        LogGroup: of('AWS::Logs::LogGroup'),
        Repository: of('AWS::ECR::Repository'),
      }),
    ),
    stack('monitoring', {
      CloudWatchDashboard: of('AWS::CloudWatch::Dashboard'),
      HighCPUAlarm: of('AWS::CloudWatch::Alarm'),
    }),
  ];
}

const of = (Type: string, Properties: Record<string, Json> = {}): Resource => ({ Type, Properties });

const stack = (name: string, resources: Record<string, Resource>): ResolvedTemplate => ({
  name,
  conditions: {},
  resources,
  outputs: {},
});
