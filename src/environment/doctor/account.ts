import { GetRoleCommand } from '@aws-sdk/client-iam';
import type { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { iamClient } from '../../aws/clients.ts';
import { classify, isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import type { Session } from '../../aws/session.ts';
import type { Context } from '../../core/context.ts';
import { reasonOf } from '../../core/errors.ts';
import type { Check } from '../run/result.ts';
import type { ReadStack } from './templates.ts';

/** A service quota. @see https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html for the codes */
interface Quota {
  service: string;
  code: string;
  what: string;
  /** The maximum that the environment uses at once. */
  need(stacks: readonly ReadStack[]): number;
}

/** During a rollout a service has up to twice its tasks, because maximumPercent is 200. */
const ROLLOUT_FACTOR = 2;
const CPU_UNITS_PER_VCPU = 1024;

const QUOTAS: readonly Quota[] = [
  {
    service: 'fargate',
    code: 'L-3032A538',
    what: 'Fargate On-Demand vCPUs',
    need: vcpus(['on-demand', 'mixed']),
  },
  { service: 'fargate', code: 'L-36FBB829', what: 'Fargate Spot vCPUs', need: vcpus(['spot', 'mixed']) },
  { service: 'vpc', code: 'L-F678F1CE', what: 'VPCs in the region', need: resources('AWS::EC2::VPC') },
  { service: 'ec2', code: 'L-0263D0A3', what: 'Elastic IP addresses', need: resources('AWS::EC2::EIP') },
];

/** Checks whether the account's quotas are sufficient for the environment alone, without other resources in the account. */
export async function checkQuotas(
  context: Context,
  client: ServiceQuotasClient,
  stacks: readonly ReadStack[],
): Promise<Check[]> {
  const needed = QUOTAS.map((quota) => ({ quota, need: quota.need(stacks) })).filter(({ need }) => need > 0);
  return Promise.all(needed.map(({ quota, need }) => checkQuota(context, client, quota, need)));
}

async function checkQuota(
  context: Context,
  client: ServiceQuotasClient,
  { service, code, what }: Quota,
  need: number,
): Promise<Check> {
  const name = `the quota of ${what}`;
  try {
    const { GetServiceQuotaCommand } = await import('@aws-sdk/client-service-quotas');
    const command = new GetServiceQuotaCommand({ ServiceCode: service, QuotaCode: code });
    const value = (await send(client, command, context)).Quota?.Value;
    if (value === undefined) return { name, state: 'unknown', says: 'AWS returned no value' };
    const says = `requires up to ${need}, the account has ${value}`;
    if (need <= value) return { name, state: 'ok', says };
    return { name, state: 'problem', says, fix: increaseFix(service, code, need) };
  } catch (error) {
    context.signal.throwIfAborted();
    // A role that cannot read quotas can still deploy.
    const fix = 'Allow servicequotas:GetServiceQuota.';
    const denied = classify(error) === 'denied';
    return { name, state: 'warning', says: `not checked: ${reasonOf(error)}`, ...(denied && { fix }) };
  }
}

/**
 * Checks whether the account has the service-linked role of ECS. Without it, creating the first cluster fails, because ECS
 * creates the role then but cannot assume it immediately.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/818
 */
export async function checkEcsRole(
  context: Context,
  session: Session,
  stacks: readonly ReadStack[],
): Promise<Check[]> {
  if (resources('AWS::ECS::Cluster')(stacks) === 0) return [];
  const name = `the role ${ECS_ROLE}`;
  try {
    const client = await iamClient(session, context);
    await send(client, new GetRoleCommand({ RoleName: ECS_ROLE }), context);
    return [{ name, state: 'ok', says: 'it exists' }];
  } catch (error) {
    context.signal.throwIfAborted();
    if (isNotFound(error)) {
      const says = 'it does not exist in the account, so the first cluster cannot be created';
      const fix =
        "Run aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com, or deploy templates/bootstrap.yml with CreateEcsRole: 'true'.";
      return [{ name, state: 'problem', says, fix }];
    }
    // An account that already has a cluster has the role, so a deployment can still succeed.
    const fix = `Allow iam:GetRole on ${ECS_ROLE}.`;
    const denied = classify(error) === 'denied';
    return [{ name, state: 'warning', says: `not checked: ${reasonOf(error)}`, ...(denied && { fix }) }];
  }
}

const ECS_ROLE = 'AWSServiceRoleForECS';

function increaseFix(service: string, code: string, need: number): string {
  return `aws service-quotas request-service-quota-increase --service-code ${service} --quota-code ${code} --desired-value ${Math.ceil(need)}`;
}

function vcpus(capacities: readonly string[]): Quota['need'] {
  return (stacks) => {
    const units = stacks.map(({ values }) => {
      const [cpu, tasks] = [Number(values.get('Cpu')), Number(values.get('MaxTasks'))];
      const runs = values.has('ServiceName') && capacities.includes(values.get('Capacity') ?? '');
      return runs && cpu > 0 && tasks > 0 ? cpu * tasks * ROLLOUT_FACTOR : 0;
    });
    return units.reduce((sum, each) => sum + each, 0) / CPU_UNITS_PER_VCPU;
  };
}

function resources(type: string): Quota['need'] {
  return (stacks) =>
    stacks.flatMap(({ template }) => Object.values(template.resources).filter((each) => each.type === type))
      .length;
}
