import {
  DescribeListenersCommand,
  DescribeRulesCommand,
  type ElasticLoadBalancingV2Client,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { ResourceChange as AwsResourceChange } from '@aws-sdk/client-cloudformation';
import { elbClient } from '../../aws/clients.ts';
import { classify, isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { reasonOf } from '../../core/errors.ts';
import type { CloudFormationContext } from '../context.ts';
import { RULE_TYPE, LISTENER_TYPE, trafficRules } from '../template/traffic-rules.ts';
import type { Template } from '../template/template.ts';
import { pathOf, type Plan, type Shares, type TrafficChange } from './changes.ts';
import type { GuardFinding } from './guard.ts';

/** The rules and listeners that a change set modifies or replaces. */
export function trafficChanges(
  changes: readonly AwsResourceChange[],
  template: string | undefined,
  nesting: readonly string[],
): TrafficChange[] {
  const ofEcs = trafficRules(template);
  return changes.flatMap((change): TrafficChange[] => {
    const { Action, LogicalResourceId: logicalId = '', ResourceType: type = '' } = change;
    const { PhysicalResourceId: arn } = change;
    if ((type !== RULE_TYPE && type !== LISTENER_TYPE) || !arn) return [];
    if (Action !== 'Modify' && Action !== 'Dynamic') return [];
    const before = declaredShares(change.BeforeContext);
    const after = declaredShares(change.AfterContext);
    return [
      {
        logicalId,
        nesting,
        type,
        arn,
        ofEcs: ofEcs.has(logicalId),
        ...(before && { before }),
        ...(after && { after }),
      },
    ];
  });
}

/**
 * The changes of a plan that would reset live traffic weights to the template's and are not allowed by name. ECS shifts the
 * weights of a production or test listener rule in blue/green, canary and linear deployments. Any update of such a rule,
 * even because of a stack tag, writes the template's weights again.
 *
 * A rule that no service in the template refers to is guarded if its weights differ from those of the last deployment. If
 * the weights of a rule that ECS uses cannot be read, they count as different; for any other rule that is a notice.
 *
 * @see https://github.com/aws/aws-cdk/issues/36649
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1526 for the tags
 */
export async function trafficFindings(
  context: CloudFormationContext,
  { traffic = [] }: Pick<Plan, 'traffic'>,
  template: Template | undefined,
  allowed: readonly string[],
): Promise<GuardFinding[]> {
  const guarded = traffic.filter(
    (change) => ![pathOf(change), change.logicalId, change.type].some((name) => allowed.includes(name)),
  );
  if (guarded.length === 0) return [];
  const client = await elbClient(context.session, context);
  const found = await Promise.all(guarded.map((change) => trafficFinding(context, client, change, template)));
  return found.flat();
}

/** Findings for ECS's rules in a plan that reverts drift: CloudFormation cannot exclude resources from such a change set. */
export async function revertedTraffic(
  context: CloudFormationContext,
  plan: Plan,
  template: Template,
): Promise<GuardFinding[]> {
  const traffic = (plan.traffic ?? []).filter(({ ofEcs }) => ofEcs);
  const findings = await trafficFindings(context, { traffic }, template, []);
  return findings.map(({ logicalId, nesting, type, harm }) => ({
    logicalId,
    nesting,
    type,
    harm,
    message: `${pathOf({ nesting, logicalId })} (${type}) would be reset to the template's traffic weights together with the drift, and revert-drift never moves traffic that ECS has shifted. Fix: Deploy the template instead, or release the service again so that ECS shifts its traffic back to the template's target group, then revert the drift`,
  }));
}

async function trafficFinding(
  context: CloudFormationContext,
  client: ElasticLoadBalancingV2Client,
  change: TrafficChange,
  template: Template | undefined,
): Promise<GuardFinding[]> {
  const { ofEcs, before, after } = change;
  let live: Shares | undefined;
  try {
    live = await liveShares(context, client, change.arn);
  } catch (error) {
    if (['throttle', 'network', 'expired'].includes(classify(error))) throw error;
    context.signal.throwIfAborted();
    const why = `its live traffic weights could not be read (${reasonOf(error).replace(/\.$/, '')})`;
    if (ofEcs) return [findingOf(change, template, why)];
    context.log.notice(
      `${pathOf(change)}: ${why}, so they were not compared with the template. Fix: Allow elasticloadbalancing:DescribeRules and elasticloadbalancing:DescribeListeners.`,
    );
    return [];
  }
  if (!live) return [];
  if (!after) {
    const why = 'the change set does not show the traffic weights that it sets';
    return ofEcs ? [findingOf(change, template, why)] : [];
  }
  const moved = ofEcs || (before !== undefined && !sameShares(live, before));
  if (!moved || sameShares(live, after)) return [];
  return [
    findingOf(
      change,
      template,
      `live traffic would move: ${describeShares(live)} → ${describeShares(after)}`,
      ofEcs,
    ),
  ];
}

function findingOf(
  change: TrafficChange,
  template: Template | undefined,
  why: string,
  moves = false,
): GuardFinding {
  const { logicalId, nesting, type } = change;
  const path = pathOf(change);
  const line = nesting.length === 0 ? template?.lineOf(`Resources.${logicalId}`) : undefined;
  const fix = moves
    ? " Fix: Release the service again so that ECS shifts its traffic back to the template's target group, then deploy."
    : '';
  return {
    logicalId,
    nesting,
    type,
    harm: 'traffic',
    message: `${path} (${type}) would be reset to the template's traffic weights; ${why}.${fix} To allow it: allow-traffic-reset: ${path}`,
    allow: { input: 'allow-traffic-reset', value: path },
    ...(line !== undefined && { line }),
  };
}

/** For example `blue 10%, green 90%`, without target groups that get no requests. */
function describeShares(shares: Shares): string {
  const parts = [...shares].map(([arn, share]) => `${arn.split('/')[1] ?? arn} ${Math.round(share * 100)}%`);
  return parts.length > 0 ? parts.join(', ') : 'no target group';
}

function sameShares(one: Shares, other: Shares): boolean {
  return (
    one.size === other.size &&
    [...one].every(([arn, share]) => Math.abs(share - (other.get(arn) ?? -1)) < 0.001)
  );
}

/** The live shares; undefined if the rule no longer exists. A Network Load Balancer has no rules: ECS changes its listener. */
async function liveShares(
  context: CloudFormationContext,
  client: ElasticLoadBalancingV2Client,
  arn: string,
): Promise<Shares | undefined> {
  try {
    if (arn.includes(':listener/')) {
      const command = new DescribeListenersCommand({ ListenerArns: [arn] });
      const { Listeners = [] } = await send(client, command, context);
      return Listeners[0] && sharesOf(Listeners[0].DefaultActions ?? []);
    }
    const { Rules = [] } = await send(client, new DescribeRulesCommand({ RuleArns: [arn] }), context);
    return Rules[0] && sharesOf(Rules[0].Actions ?? []);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The shares in the actions of a change set's BeforeContext or AfterContext. */
function declaredShares(context: string | undefined): Shares | undefined {
  if (context === undefined) return undefined;
  try {
    const { Properties: properties } = JSON.parse(context) as { Properties?: Record<string, unknown> };
    const actions = properties?.['Actions'] ?? properties?.['DefaultActions'];
    return Array.isArray(actions) ? sharesOf(actions as ForwardAction[]) : undefined;
  } catch {
    return undefined;
  }
}

/** An action as in templates and the API. In a change set, a template's numbers are strings. */
interface ForwardAction {
  TargetGroupArn?: string | undefined;
  ForwardConfig?:
    | {
        TargetGroups?:
          | { TargetGroupArn?: string | undefined; Weight?: number | string | undefined }[]
          | undefined;
      }
    | undefined;
}

/** Weights as shares: 1 and 0 are the same as 100 and 0. Target groups without requests are omitted. */
function sharesOf(actions: readonly ForwardAction[]): Shares {
  const weights = new Map<string, number>();
  for (const { TargetGroupArn: only, ForwardConfig: forward } of actions) {
    const groups = forward?.TargetGroups ?? (only === undefined ? [] : [{ TargetGroupArn: only }]);
    for (const { TargetGroupArn: arn = '', Weight: weight = 1 } of groups) weights.set(arn, Number(weight));
  }
  const sum = [...weights.values()].reduce((total, weight) => total + weight, 0);
  return new Map([...weights].flatMap(([arn, weight]) => (weight > 0 ? [[arn, weight / sum] as const] : [])));
}
