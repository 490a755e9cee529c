import {
  DescribeTargetGroupsCommand,
  DescribeTargetHealthCommand,
  type TargetHealthDescription,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Service } from '@aws-sdk/client-ecs';
import { send } from '../aws/send.ts';
import type { EcsContext } from './service.ts';

/** The health of a target, as the load balancer reports it. */
export interface TargetState {
  ip: string;
  port: number;
  state: string;
  /** Such as `Target.ResponseCodeMismatch`. */
  reason: string;
  /** Such as `Health checks failed with these codes: [404]`. */
  description: string;
}

/** The target groups of a service, including the alternate one for blue/green. */
export function targetGroupsOf({ loadBalancers = [] }: Pick<Service, 'loadBalancers'>): string[] {
  const arns = loadBalancers.flatMap(({ targetGroupArn, advancedConfiguration }) => [
    targetGroupArn,
    advancedConfiguration?.alternateTargetGroupArn,
  ]);
  return [...new Set(arns.filter((arn) => arn !== undefined))];
}

/** A target group with its health check. */
export interface TargetGroup {
  arn: string;
  port: number | undefined;
  /** Empty for a TCP health check. */
  healthCheckPath: string;
  /** `ip` on Fargate. */
  targetType: string;
}

/** Reads target groups by ARN. */
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

/** The targets of target groups. */
export async function targetStates(context: EcsContext, groups: readonly string[]): Promise<TargetState[]> {
  const client = await context.elb();
  const responses = await Promise.all(
    groups.map((arn) => send(client, new DescribeTargetHealthCommand({ TargetGroupArn: arn }), context)),
  );
  return responses.flatMap(({ TargetHealthDescriptions = [] }) => TargetHealthDescriptions.map(stateOf));
}

/** Targets of the service in its target groups. */
export interface TargetCount {
  healthy: number;
  registered: number;
}

/** Counts the targets and the healthy ones, without draining ones. */
export function countTargets(states: readonly TargetState[]): TargetCount {
  const remaining = states.filter(({ state }) => state !== 'draining');
  return {
    registered: remaining.length,
    healthy: remaining.filter(({ state }) => state === 'healthy').length,
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
