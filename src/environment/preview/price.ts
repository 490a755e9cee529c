import type { DeclaredResource } from '../../cloudformation/template/check.ts';
import { literal, member } from '../../cloudformation/template/tree.ts';

/** The maximum cost of a preview, in US dollars. */
export interface PreviewPrice {
  dollars: number;
  hours: number;
}

/** The maximum cost of a preview until it expires; undefined if the size of a task is unknown. */
export function priceOf(
  stacks: readonly { parameters: Readonly<Record<string, string>> }[],
  timeToLiveMs: number,
): PreviewPrice | undefined {
  const sizes = stacks.map(({ parameters }) => sizeOf(parameters));
  if (sizes.length === 0 || sizes.includes(undefined)) return undefined;
  const hours = timeToLiveMs / 3_600_000;
  const hour = sizes.reduce((sum, size) => sum + (size ? taskHour(size) : 0), 0);
  return { dollars: Math.ceil(hour * hours * 100) / 100, hours };
}

function sizeOf({
  Cpu,
  Memory,
  Architecture = 'X86_64',
}: Readonly<Record<string, string>>): TaskSize | undefined {
  const [cpu, memory] = [Number(Cpu), Number(Memory)];
  if (!Number.isFinite(cpu) || !Number.isFinite(memory) || !isArchitecture(Architecture)) return undefined;
  return { cpu, memory, architecture: Architecture };
}

function isArchitecture(name: string): name is TaskSize['architecture'] {
  return Object.hasOwn(FARGATE_PRICES, name);
}

/** The date of the list prices below, from AWS's public pricing pages for US East (N. Virginia), without tax. */
export const PRICES_AS_OF = '2026-06-30';

/** Fargate On-Demand prices in US dollars per hour. Other regions are up to 30% more expensive. */
export const FARGATE_PRICES = {
  X86_64: { vcpuHour: 0.04048, gbHour: 0.004445 },
  ARM64: { vcpuHour: 0.03238, gbHour: 0.00356 },
} as const;

/** List prices of resources in US dollars per hour, without usage. */
export const HOURLY_PRICES = {
  'AWS::EC2::EIP': 0.005,
  'AWS::EC2::NatGateway': 0.045,
  'AWS::ElasticLoadBalancingV2::LoadBalancer': 0.0225,
} as const satisfies Readonly<Record<string, number>>;

/** List prices of resources in US dollars per month, without usage. */
export const MONTHLY_PRICES = {
  'AWS::CloudWatch::Alarm': 0.1,
  'AWS::CloudWatch::CompositeAlarm': 0.5,
  'AWS::CloudWatch::Dashboard': 3,
  'AWS::KMS::Key': 1,
  'AWS::SecretsManager::Secret': 0.4,
  'AWS::WAFv2::WebACL': 5,
} as const satisfies Readonly<Record<string, number>>;

/** The price of an interface endpoint per hour and Availability Zone. */
export const ENDPOINT_HOUR = 0.01;

export const HOURS_PER_MONTH = 730;

/** The minimum monthly cost of resources, in US dollars, and the types that it includes. */
export interface ResourcesPrice {
  dollars: number;
  /** Resource types, sorted. */
  types: readonly string[];
}

/**
 * The minimum monthly cost of a template's resources: their list prices and one task of each service, without usage.
 * Undefined if none of them has a price here.
 *
 * @param parameters of the stack; `Cpu`, `Memory` and `Architecture` are the size of its tasks.
 */
export function resourcesPrice(
  resources: readonly Pick<DeclaredResource, 'type' | 'properties'>[],
  parameters: Readonly<Record<string, string>>,
): ResourcesPrice | undefined {
  const priced = resources.flatMap((resource) => {
    const dollars = monthlyPrice(resource, parameters);
    return dollars === undefined ? [] : [{ type: resource.type, dollars }];
  });
  if (priced.length === 0) return undefined;
  const dollars = priced.reduce((sum, each) => sum + each.dollars, 0);
  return { dollars: Math.ceil(dollars), types: [...new Set(priced.map(({ type }) => type))].sort() };
}

function monthlyPrice(
  { type, properties }: Pick<DeclaredResource, 'type' | 'properties'>,
  parameters: Readonly<Record<string, string>>,
): number | undefined {
  if (Object.hasOwn(HOURLY_PRICES, type)) {
    return HOURLY_PRICES[type as keyof typeof HOURLY_PRICES] * HOURS_PER_MONTH;
  }
  if (Object.hasOwn(MONTHLY_PRICES, type)) return MONTHLY_PRICES[type as keyof typeof MONTHLY_PRICES];
  if (type === 'AWS::ECS::Service') {
    const size = sizeOf(parameters);
    return size && taskHour(size) * HOURS_PER_MONTH;
  }
  if (type !== 'AWS::EC2::VPCEndpoint') return undefined;
  if (literal(member(properties, 'VpcEndpointType')) !== 'Interface') return undefined;
  const subnets = member(properties, 'SubnetIds');
  return ENDPOINT_HOUR * HOURS_PER_MONTH * (subnets?.kind === 'list' ? subnets.items.length : 1);
}

/** The size of a task in the units of a task definition: 1024 CPU units are one vCPU, memory is in MiB. */
interface TaskSize {
  cpu: number;
  memory: number;
  architecture: keyof typeof FARGATE_PRICES;
}

/** The On-Demand price of a task per hour. */
function taskHour({ cpu, memory, architecture }: TaskSize): number {
  const { vcpuHour, gbHour } = FARGATE_PRICES[architecture];
  return (cpu / 1024) * vcpuHour + (memory / 1024) * gbHour;
}
