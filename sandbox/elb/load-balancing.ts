import type { World } from '../world.ts';

type Given = Record<string, unknown>;

export interface TargetHealth {
  State: 'initial' | 'healthy' | 'unhealthy' | 'draining' | 'unused';
  Reason?: string;
  Description?: string;
}

export interface Target {
  id: string;
  port: number;
  health: TargetHealth;
}

export interface TargetGroup {
  arn: string;
  name: string;
  /** The names in CloudFormation and in the API: Port, Protocol, HealthCheckPath … */
  given: Given;
  intervalSeconds: number;
  unhealthyThreshold: number;
  drainSeconds: number;
  /** By address and port. */
  targets: Map<string, Target>;
}

export interface Action extends Given {
  Type?: string;
  TargetGroupArn?: string;
  ForwardConfig?: { TargetGroups?: { TargetGroupArn: string; Weight?: number }[] };
}

export interface Rule {
  arn: string;
  listenerArn: string;
  priority: string;
  conditions: unknown[];
  actions: Action[];
}

export interface Listener {
  arn: string;
  loadBalancerArn: string;
  given: Given;
  defaultActions: Action[];
}

export interface LoadBalancer {
  arn: string;
  name: string;
  dnsName: string;
  given: Given;
  createdAt: Date;
}

/** The load balancers of an account and region with their listeners and target groups, all by ARN. */
export class LoadBalancing {
  readonly loadBalancers = new Map<string, LoadBalancer>();
  readonly listeners = new Map<string, Listener>();
  readonly rules = new Map<string, Rule>();
  readonly targetGroups = new Map<string, TargetGroup>();

  rulesOf(listenerArn: string): Rule[] {
    return [...this.rules.values()]
      .filter((rule) => rule.listenerArn === listenerArn)
      .sort((a, b) => Number(a.priority) - Number(b.priority));
  }

  /** The actions of a rule, of a listener's default rule, or of a listener. Empty if it does not exist. */
  actionsOf(arn: string): Action[] {
    const listener = [...this.listeners.values()].find(
      (one) => one.arn === arn || defaultRuleArn(one) === arn,
    );
    return this.rules.get(arn)?.actions ?? listener?.defaultActions ?? [];
  }

  /** The load balancers that forward to a target group. */
  loadBalancersOf(targetGroupArn: string): string[] {
    const listeners = [...this.listeners.values()].filter((listener) =>
      [listener.defaultActions, ...this.rulesOf(listener.arn).map(({ actions }) => actions)].some((actions) =>
        forwardsTo(actions, targetGroupArn),
      ),
    );
    return [...new Set(listeners.map(({ loadBalancerArn }) => loadBalancerArn))];
  }
}

export function defaultRuleArn({ arn }: Listener): string {
  return `${arn.replace(':listener/', ':listener-rule/')}/default`;
}

function forwardsTo(actions: readonly Action[], targetGroupArn: string): boolean {
  return actions.some(
    (action) =>
      action.TargetGroupArn === targetGroupArn ||
      action.ForwardConfig?.TargetGroups?.some((group) => group.TargetGroupArn === targetGroupArn),
  );
}

export function loadBalancingOf(world: World, account: string, region: string): LoadBalancing {
  return world.store(account, region, 'elasticloadbalancing', () => new LoadBalancing());
}
