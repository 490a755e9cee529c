import { ListServiceDeploymentsCommand, type LoadBalancer, type Service } from '@aws-sdk/client-ecs';
import {
  type Action,
  DescribeListenersCommand,
  DescribeRulesCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { send } from '../aws/send.ts';
import type { PreflightFinding } from './preflight.ts';
import type { EcsContext } from './service.ts';
import { targetGroupsOf, targetStates } from './targets.ts';

/** A listener rule for a service's production or test traffic. */
interface TrafficRule {
  kind: 'production' | 'test';
  arn: string;
}

/** A target group that a rule sends requests to. */
interface WeightedGroup {
  arn: string;
  weight: number;
}

/**
 * Findings for rules that send requests to a target group without healthy targets, before a deployment that shifts
 * traffic. ECS shifts the weights from the values that it last set, so if a stack update or a user has reset them, it
 * sends traffic to a group without targets. Services with a deployment in progress are skipped, because ECS is changing
 * the weights.
 *
 * @see https://github.com/aws/containers-roadmap/issues/2853
 */
export async function trafficRuleFindings(
  context: EcsContext,
  service: Service,
): Promise<PreflightFinding[]> {
  const { deploymentConfiguration, desiredCount = 0, deployments = [], loadBalancers = [] } = service;
  const shifts = (deploymentConfiguration?.strategy ?? 'ROLLING') !== 'ROLLING';
  if (!shifts || desiredCount === 0 || deployments.length > 1) return [];
  const rules = loadBalancers.flatMap(rulesOf);
  if (rules.length === 0) return [];
  const healthy = await healthyGroups(context, targetGroupsOf(service));
  const findings = await Promise.all(
    rules.map(async (rule) => {
      const weighted = (await weightedGroups(context, rule)).filter(({ weight }) => weight > 0);
      const empty = weighted.filter(({ arn }) => !healthy.has(arn));
      if (empty.length === 0) return [];
      const stops = healthy.size > 0 && (await isTrusted(context, service, rule));
      return [findingOf(rule, empty, [...healthy], stops)];
    }),
  );
  return findings.flat();
}

function rulesOf({ advancedConfiguration }: LoadBalancer): TrafficRule[] {
  const { productionListenerRule, testListenerRule } = advancedConfiguration ?? {};
  return [
    ...(productionListenerRule === undefined
      ? []
      : [{ kind: 'production' as const, arn: productionListenerRule }]),
    ...(testListenerRule === undefined ? [] : [{ kind: 'test' as const, arn: testListenerRule }]),
  ];
}

async function healthyGroups(context: EcsContext, groups: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await Promise.all(
    groups.map(async (arn) => {
      const states = await targetStates(context, [arn]);
      return states.some(({ state }) => state === 'healthy') ? [arn] : [];
    }),
  );
  return new Set(found.flat());
}

/** A Network Load Balancer has no rules, so its listener is read instead. */
async function weightedGroups(context: EcsContext, { arn }: TrafficRule): Promise<WeightedGroup[]> {
  const client = await context.elb();
  if (arn.includes(':listener/')) {
    const command = new DescribeListenersCommand({ ListenerArns: [arn] });
    const { Listeners = [] } = await send(client, command, context);
    return Listeners.flatMap(({ DefaultActions = [] }) => DefaultActions).flatMap(groupsOf);
  }
  const { Rules = [] } = await send(client, new DescribeRulesCommand({ RuleArns: [arn] }), context);
  return Rules.flatMap(({ Actions = [] }) => Actions).flatMap(groupsOf);
}

function groupsOf({ TargetGroupArn, ForwardConfig }: Action): WeightedGroup[] {
  const groups = ForwardConfig?.TargetGroups;
  if (groups === undefined) return TargetGroupArn === undefined ? [] : [{ arn: TargetGroupArn, weight: 1 }];
  return groups.map(({ TargetGroupArn: arn = '', Weight = 1 }) => ({ arn, weight: Weight }));
}

/**
 * Whether a wrong rule is an error. AWS does not document the state of the test rule after a rollback, so then it is
 * only a warning.
 */
async function isTrusted(
  context: EcsContext,
  { clusterArn, serviceArn }: Service,
  { kind }: TrafficRule,
): Promise<boolean> {
  if (kind === 'production') return true;
  const command = new ListServiceDeploymentsCommand({ cluster: clusterArn, service: serviceArn });
  const { serviceDeployments = [] } = await send(await context.ecs(), command, context);
  const [newest] = serviceDeployments.toSorted(
    (a, b) => (b.createdAt?.getTime() ?? 0) - (a.createdAt?.getTime() ?? 0),
  );
  return newest?.status === 'SUCCESSFUL';
}

function findingOf(
  { kind, arn }: TrafficRule,
  empty: readonly WeightedGroup[],
  healthy: readonly string[],
  stops: boolean,
): PreflightFinding {
  const groups = empty.map((group) => `${groupName(group.arn)} (weight ${group.weight})`).join(', ');
  const where =
    healthy.length === 0
      ? 'no target group of the service has one'
      : `the healthy targets are in ${healthy.map(groupName).join(', ')}`;
  return {
    level: stops ? 'error' : 'warning',
    message: `The ${kind} listener rule ${arn} sends requests to ${groups}, which has no healthy target: ${where}.`,
    fix:
      healthy.length === 0
        ? 'Check why the tasks of the service fail the health checks of the load balancer.'
        : `Set the weights of the rule to the target group with healthy targets (aws elbv2 modify-rule --rule-arn ${arn}), and deploy again.`,
  };
}

/** `arn:…:targetgroup/<name>/<id>` */
function groupName(arn: string): string {
  return arn.split('/')[1] ?? arn;
}
