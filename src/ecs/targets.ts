import {
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  type TargetHealthDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Service } from '@aws-sdk/client-ecs';
import { send } from '../aws/send.ts';
import type { EcsContext } from './service.ts';

/** What a load balancer says of one target. */
export interface TargetState {
  ip: string;
  port: number;
  state: string;
  /** Such as `Target.ResponseCodeMismatch`. */
  reason: string;
  /** Such as `Health checks failed with these codes: [404]`. */
  description: string;
}

/** The target groups that a service registers its tasks in, also that of blue/green's other colour. */
export function targetGroupsOf({ loadBalancers = [] }: Pick<Service, 'loadBalancers'>): string[] {
  const arns = loadBalancers.flatMap(({ targetGroupArn, advancedConfiguration }) => [
    targetGroupArn,
    advancedConfiguration?.alternateTargetGroupArn,
  ]);
  return [...new Set(arns.filter((arn) => arn !== undefined))];
}

/** What is asked of targets before they get requests. */
export interface TargetGroup {
  arn: string;
  port: number | undefined;
  /** Empty where the check is only a connection. */
  healthCheckPath: string;
  /** `ip` on Fargate. */
  targetType: string;
}

/** Reads these groups. */
export async function describeTargetGroups(
  context: EcsContext,
  arns: readonly string[],
): Promise<TargetGroup[]> {
  const command = new DescribeTargetGroupsCommand({ TargetGroupArns: [...arns] });
  const { TargetGroups = [] } = await send(await context.elb(), command, context);
  return TargetGroups.map(({ TargetGroupArn = '', Port, HealthCheckPath = '', TargetType = '' }) => ({
    arn: TargetGroupArn,
    port: Port,
    healthCheckPath: HealthCheckPath,
    targetType: TargetType,
  }));
}

/** All targets of these groups. */
export async function targetStates(context: EcsContext, groups: readonly string[]): Promise<TargetState[]> {
  const client = await context.elb();
  const answers = await Promise.all(
    groups.map((arn) => send(client, new DescribeTargetHealthCommand({ TargetGroupArn: arn }), context)),
  );
  return answers.flatMap(({ TargetHealthDescriptions = [] }) => TargetHealthDescriptions.map(stateOf));
}

/** Targets of the service in its target groups. */
export interface TargetCount {
  healthy: number;
  registered: number;
}

/** How many of the targets that stay are healthy. */
export function countTargets(states: readonly TargetState[]): TargetCount {
  const staying = states.filter(({ state }) => state !== 'draining');
  return {
    registered: staying.length,
    healthy: staying.filter(({ state }) => state === 'healthy').length,
  };
}

function stateOf({ Target, TargetHealth }: TargetHealthDescription): TargetState {
  return {
    ip: Target?.Id ?? '',
    port: Target?.Port ?? 0,
    state: TargetHealth?.State ?? 'unknown',
    reason: TargetHealth?.Reason ?? '',
    description: TargetHealth?.Description ?? '',
  };
}
