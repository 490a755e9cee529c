import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { cloudFormationClient, elbClient, quotasClient } from '../../../aws/clients.ts';
import { send } from '../../../aws/send.ts';
import type { Session } from '../../../aws/session.ts';
import { countAddresses, countNatGateways, countVpcs } from '../../../aws/signed/network.ts';
import type { Context } from '../../../core/context.ts';
import type { Check, Finding } from '../../run/result.ts';
import { ADDRESS, LOAD_BALANCER, NAT_GATEWAY, type Needs, STACK, VPC } from '../targets/needs.ts';
import type { ReadStack } from '../templates.ts';
import { unread } from '../unread.ts';

/** A service quota. @see https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html for the codes */
interface Quota {
  service: string;
  code: string;
  what: string;
}

/** A quota whose usage is the number of existing resources. */
interface CountedQuota extends Quota {
  /** The permission that is required to count them. */
  permission: string;
  count(session: Session, context: Context): Promise<number>;
}

const COUNTED: Readonly<Record<string, CountedQuota>> = {
  [VPC]: {
    service: 'vpc',
    code: 'L-F678F1CE',
    what: 'VPCs in the region',
    permission: 'ec2:DescribeVpcs',
    count: countVpcs,
  },
  [ADDRESS]: {
    service: 'ec2',
    code: 'L-0263D0A3',
    what: 'Elastic IP addresses',
    permission: 'ec2:DescribeAddresses',
    count: countAddresses,
  },
  [LOAD_BALANCER]: {
    service: 'elasticloadbalancing',
    code: 'L-53DA6B97',
    what: 'Application Load Balancers in the region',
    permission: 'elasticloadbalancing:DescribeLoadBalancers',
    count: countLoadBalancers,
  },
};
const NAT_QUOTA: Quota = {
  service: 'vpc',
  code: 'L-FE5A380F',
  what: 'NAT gateways per Availability Zone',
};
const STACK_QUOTA: Quota = { service: 'cloudformation', code: 'L-0485CB21', what: 'stacks in the region' };

/** Checks whether the account's quotas are sufficient for new resources in addition to the existing ones. */
export async function checkCapacity(context: Context, session: Session, needs: Needs): Promise<Check[]> {
  const needed = (type: string): number => needs[type] ?? 0;
  const counted = Object.entries(COUNTED).filter(([type]) => needed(type) > 0);
  return await Promise.all([
    ...counted.map(([type, quota]) => checkCounted(context, session, quota, needed(type))),
    ...(needed(NAT_GATEWAY) > 0 ? [checkNatGateways(context, session)] : []),
    ...(needed(STACK) > 0 ? [checkStackCount(context, session, needed(STACK))] : []),
  ]);
}

async function checkCounted(
  context: Context,
  session: Session,
  quota: CountedQuota,
  need: number,
): Promise<Check> {
  return await checkQuota(context, session, quota, async (limit) => {
    try {
      return capacityFinding(quota, { need, limit, used: await quota.count(session, context) });
    } catch (error) {
      context.signal.throwIfAborted();
      return withoutUsage(quota, { need, limit }, error);
    }
  });
}

/** If the usage cannot be read, only the requirement is compared with the quota. */
function withoutUsage(
  quota: CountedQuota,
  { need, limit }: { need: number; limit: number },
  error: unknown,
): Finding {
  const known = limitFinding(quota, { need, limit });
  if (known.state === 'problem') return known;
  const { says, fix } = unread(error, `Allow ${quota.permission}.`);
  return { state: 'warning', says: `${known.says}; usage ${says}`, ...(fix !== undefined && { fix }) };
}

function capacityFinding(
  quota: Quota,
  { need, limit, used }: { need: number; limit: number; used: number },
): Finding {
  const says = `requires ${need}, ${used} of ${limit} are in use`;
  if (used + need <= limit) return { state: 'ok', says };
  return { state: 'problem', says, fix: increaseFix(quota, used + need) };
}

function limitFinding(quota: Quota, { need, limit }: { need: number; limit: number }): Finding {
  const says = `requires up to ${need}, the account has ${limit}`;
  return need <= limit ? { state: 'ok', says } : { state: 'problem', says, fix: increaseFix(quota, need) };
}

/** At most a warning, because it is unknown which Availability Zones the stacks use. */
async function checkNatGateways(context: Context, session: Session): Promise<Check> {
  return await checkQuota(context, session, NAT_QUOTA, async (limit) => {
    try {
      const zones = [...(await countNatGateways(session, context))];
      const full = zones.filter(([, used]) => used >= limit);
      if (full.length === 0) {
        const highest = Math.max(0, ...zones.map(([, used]) => used));
        return { state: 'ok', says: `at most ${highest} of ${limit} are in use in an Availability Zone` };
      }
      const says = full.map(([zone, used]) => `${used} of ${limit} are in use in ${zone}`).sort();
      return { state: 'warning', says: says.join('; '), fix: increaseFix(NAT_QUOTA, limit + 1) };
    } catch (error) {
      context.signal.throwIfAborted();
      return unread(error, 'Allow ec2:DescribeNatGateways and ec2:DescribeSubnets.');
    }
  });
}

/** CloudFormation itself returns the quota of stacks, so no permission for Service Quotas is required. */
async function checkStackCount(context: Context, session: Session, need: number): Promise<Check> {
  const name = quotaName(STACK_QUOTA);
  try {
    const client = await cloudFormationClient(session, context);
    const limit = await stackLimit(context, client);
    const used = await countStacks(context, client, limit);
    return { name, ...capacityFinding(STACK_QUOTA, { need, limit, used }) };
  } catch (error) {
    context.signal.throwIfAborted();
    return {
      name,
      ...unread(error, 'Allow cloudformation:DescribeAccountLimits and cloudformation:ListStacks.'),
    };
  }
}

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_AccountLimit.html */
async function stackLimit(context: Context, client: CloudFormationClient): Promise<number> {
  const { DescribeAccountLimitsCommand } = await import('@aws-sdk/client-cloudformation');
  const { AccountLimits = [] } = await send(client, new DescribeAccountLimitsCommand({}), context);
  return AccountLimits.find(({ Name }) => Name === 'StackLimit')?.Value ?? Infinity;
}

/** The number of stacks, including nested ones. Stops counting at the limit. */
async function countStacks(context: Context, client: CloudFormationClient, limit: number): Promise<number> {
  const { ListStacksCommand } = await import('@aws-sdk/client-cloudformation');
  let count = 0;
  let next: string | undefined;
  do {
    const command = new ListStacksCommand(next === undefined ? {} : { NextToken: next });
    const { StackSummaries = [], NextToken } = await send(client, command, context);
    count += StackSummaries.filter(({ StackStatus }) => StackStatus !== 'DELETE_COMPLETE').length;
    next = NextToken;
  } while (next !== undefined && count < limit);
  return count;
}

async function countLoadBalancers(session: Session, context: Context): Promise<number> {
  const { DescribeLoadBalancersCommand } = await import('@aws-sdk/client-elastic-load-balancing-v2');
  const client = await elbClient(session, context);
  let count = 0;
  let next: string | undefined;
  do {
    const command = new DescribeLoadBalancersCommand(next === undefined ? {} : { Marker: next });
    const { LoadBalancers = [], NextMarker } = await send(client, command, context);
    count += LoadBalancers.filter(({ Type }) => Type === 'application').length;
    next = NextMarker;
  } while (next !== undefined);
  return count;
}

/** During a rollout a service has up to twice its tasks, because maximumPercent is 200. */
const ROLLOUT_FACTOR = 2;
const CPU_UNITS_PER_VCPU = 1024;

const FARGATE: readonly (Quota & { capacities: readonly string[] })[] = [
  {
    service: 'fargate',
    code: 'L-3032A538',
    what: 'Fargate On-Demand vCPUs',
    capacities: ['on-demand', 'mixed'],
  },
  { service: 'fargate', code: 'L-36FBB829', what: 'Fargate Spot vCPUs', capacities: ['spot', 'mixed'] },
];

/** Checks whether the quotas of Fargate are sufficient for the environment alone, without other tasks in the account. */
export async function checkFargate(
  context: Context,
  session: Session,
  stacks: readonly ReadStack[],
): Promise<Check[]> {
  const needed = FARGATE.map((quota) => ({ quota, need: vcpus(stacks, quota.capacities) }));
  return await Promise.all(
    needed
      .filter(({ need }) => need > 0)
      .map(({ quota, need }) =>
        checkQuota(context, session, quota, (limit) => Promise.resolve(limitFinding(quota, { need, limit }))),
      ),
  );
}

function vcpus(stacks: readonly ReadStack[], capacities: readonly string[]): number {
  const units = stacks.map(({ values }) => {
    const [cpu, tasks] = [Number(values.get('Cpu')), Number(values.get('MaxTasks'))];
    const runs = values.has('ServiceName') && capacities.includes(values.get('Capacity') ?? '');
    return runs && cpu > 0 && tasks > 0 ? cpu * tasks * ROLLOUT_FACTOR : 0;
  });
  return units.reduce((sum, each) => sum + each, 0) / CPU_UNITS_PER_VCPU;
}

/** Reads the value of a quota and compares it with the requirement. */
async function checkQuota(
  context: Context,
  session: Session,
  quota: Quota,
  compare: (limit: number) => Promise<Finding>,
): Promise<Check> {
  const name = quotaName(quota);
  try {
    const { GetServiceQuotaCommand } = await import('@aws-sdk/client-service-quotas');
    const client = await quotasClient(session, context);
    const command = new GetServiceQuotaCommand({ ServiceCode: quota.service, QuotaCode: quota.code });
    const value = (await send(client, command, context)).Quota?.Value;
    if (value === undefined) return { name, state: 'unknown', says: 'AWS returned no value' };
    return { name, ...(await compare(value)) };
  } catch (error) {
    context.signal.throwIfAborted();
    return { name, ...unread(error, 'Allow servicequotas:GetServiceQuota.') };
  }
}

function quotaName({ what }: Quota): string {
  return `the quota of ${what}`;
}

function increaseFix({ service, code }: Quota, need: number): string {
  return `aws service-quotas request-service-quota-increase --service-code ${service} --quota-code ${code} --desired-value ${Math.ceil(need)}`;
}
