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

/** The codes are AWS's own: https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html */
interface Quota {
  service: string;
  code: string;
  what: string;
  /** The most that the environment can ask for at once. */
  need(stacks: readonly ReadStack[]): number;
}

/** During a rollout a service runs twice: maximumPercent is 200. */
const TWICE = 2;
const CPU_UNITS_OF_VCPU = 1024;

const QUOTAS: readonly Quota[] = [
  {
    service: 'fargate',
    code: 'L-3032A538',
    what: 'vCPUs of Fargate on demand',
    need: vcpus(['on-demand', 'mixed']),
  },
  { service: 'fargate', code: 'L-36FBB829', what: 'vCPUs of Fargate Spot', need: vcpus(['spot', 'mixed']) },
  { service: 'vpc', code: 'L-F678F1CE', what: 'VPCs in the region', need: resources('AWS::EC2::VPC') },
  { service: 'ec2', code: 'L-0263D0A3', what: 'Elastic IP addresses', need: resources('AWS::EC2::EIP') },
];

/** Whether the account's quotas have room for the environment by itself; what else is in the account is not seen. */
export async function checkQuotas(
  context: Context,
  client: ServiceQuotasClient,
  stacks: readonly ReadStack[],
): Promise<Check[]> {
  const wanted = QUOTAS.map((quota) => ({ quota, need: quota.need(stacks) })).filter(({ need }) => need > 0);
  return Promise.all(wanted.map(({ quota, need }) => checkQuota(context, client, quota, need)));
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
    if (value === undefined) return { name, state: 'unknown', says: 'AWS answered without a value' };
    const says = `up to ${need} needed, ${value} allowed in the account`;
    if (need <= value) return { name, state: 'ok', says };
    return { name, state: 'problem', says, fix: increaseFix(service, code, need) };
  } catch (error) {
    context.signal.throwIfAborted();
    // A role without the permission to read quotas can deploy all the same.
    const fix = 'Allow servicequotas:GetServiceQuota.';
    const denied = classify(error) === 'denied';
    return { name, state: 'warning', says: `not checked: ${reasonOf(error)}`, ...(denied && { fix }) };
  }
}

/**
 * Whether the account has the service-linked role of ECS. Without it, the first cluster fails: ECS makes the role itself,
 * and cannot assume it at once.
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
    return [{ name, state: 'ok', says: 'ECS can create a cluster' }];
  } catch (error) {
    context.signal.throwIfAborted();
    if (isNotFound(error)) {
      const says = 'the account does not have it, so the first cluster cannot be created';
      const fix =
        "Run: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com. Or deploy templates/bootstrap.yml with CreateEcsRole: 'true'.";
      return [{ name, state: 'problem', says, fix }];
    }
    // An account with a cluster has the role: a deployment can succeed all the same.
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
      return runs && cpu > 0 && tasks > 0 ? cpu * tasks * TWICE : 0;
    });
    return units.reduce((sum, each) => sum + each, 0) / CPU_UNITS_OF_VCPU;
  };
}

function resources(type: string): Quota['need'] {
  return (stacks) =>
    stacks.flatMap(({ template }) => Object.values(template.resources).filter((each) => each.type === type))
      .length;
}
