import {
  AwsError,
  type Call,
  type Input,
  listOf,
  type Operation,
  type Service,
  textOf,
} from '../protocols/service.ts';
import type { World } from '../world.ts';
import {
  defaultRuleArn,
  type Listener,
  type LoadBalancer,
  type LoadBalancing,
  loadBalancingOf,
  type Rule,
  type TargetGroup,
} from './load-balancing.ts';

type BalancingOperation = (elb: LoadBalancing, input: Input, call: Call) => object;

const OPERATIONS: Record<string, BalancingOperation> = {
  DescribeLoadBalancers(elb, input, call) {
    const names = listOf(input.Names).map(String);
    const wanted = [...listOf(input.LoadBalancerArns).map(String), ...names];
    const all = [...elb.loadBalancers.values()];
    const found =
      wanted.length === 0
        ? all
        : wanted.map((key) => all.find(({ arn, name }) => arn === key || name === key));
    const shown = present(found, 'LoadBalancerNotFound', `Load balancers '[${wanted.join(', ')}]' not found`);
    return { LoadBalancers: shown.map((balancer) => describeLoadBalancer(balancer, call.region)) };
  },

  DescribeListeners(elb, input) {
    const arns = listOf(input.ListenerArns).map(String);
    const balancer = textOf(input.LoadBalancerArn);
    const found =
      arns.length > 0
        ? arns.map((arn) => elb.listeners.get(arn))
        : [...elb.listeners.values()].filter(({ loadBalancerArn }) => loadBalancerArn === balancer);
    const shown = present(found, 'ListenerNotFound', 'One or more listeners not found');
    return { Listeners: shown.map(describeListener) };
  },

  DescribeRules(elb, input) {
    const arns = listOf(input.RuleArns).map(String);
    if (arns.length > 0) {
      const found = arns.map((arn) => describeRule(elb, arn));
      return { Rules: present(found, 'RuleNotFound', 'One or more rules not found') };
    }
    const listener = elb.listeners.get(textOf(input.ListenerArn) ?? '');
    if (!listener) throw new AwsError('ListenerNotFound', 'One or more listeners not found');
    return { Rules: describeRules(elb.rulesOf(listener.arn), listener) };
  },

  DescribeTargetGroups(elb, input) {
    const wanted = [...listOf(input.TargetGroupArns), ...listOf(input.Names)].map(String);
    const all = [...elb.targetGroups.values()];
    const balancer = textOf(input.LoadBalancerArn);
    const found =
      wanted.length > 0
        ? wanted.map((key) => all.find(({ arn, name }) => arn === key || name === key))
        : all.filter(({ arn }) => balancer === undefined || elb.loadBalancersOf(arn).includes(balancer));
    const shown = present(found, 'TargetGroupNotFound', 'One or more target groups not found');
    return { TargetGroups: shown.map((group) => describeTargetGroup(elb, group)) };
  },

  DescribeTargetHealth(elb, input) {
    const group = elb.targetGroups.get(textOf(input.TargetGroupArn) ?? '');
    if (!group) throw new AwsError('TargetGroupNotFound', 'One or more target groups not found');
    const wanted = listOf(input.Targets) as { Id?: string }[];
    const targets = [...group.targets.values()].filter(
      ({ id }) => wanted.length === 0 || wanted.some(({ Id }) => Id === id),
    );
    return {
      TargetHealthDescriptions: targets.map(({ id, port, health }) => ({
        Target: { Id: id, Port: port, AvailabilityZone: 'all' },
        HealthCheckPort: String(port),
        TargetHealth: health,
      })),
    };
  },

  DescribeTargetGroupAttributes(elb, input) {
    const group = elb.targetGroups.get(textOf(input.TargetGroupArn) ?? '');
    if (!group) throw new AwsError('TargetGroupNotFound', 'One or more target groups not found');
    const Value = String(group.drainSeconds);
    return { Attributes: [{ Key: 'deregistration_delay.timeout_seconds', Value }] };
  },
};

/** Elastic Load Balancing v2, read-only: templates create the resources, and ECS the targets. */
export function loadBalancing(world: World): Service {
  const bound = Object.entries(OPERATIONS).map(([name, operation]): [string, Operation] => [
    name,
    (input, call) => operation(loadBalancingOf(world, call.account, call.region), input, call),
  ]);
  return {
    name: 'elasticloadbalancing',
    protocol: 'query',
    apiVersion: '2015-12-01',
    operations: Object.fromEntries(bound),
  };
}

/** All requested ones. Throws if one does not exist. */
function present<T>(found: readonly (T | undefined)[], code: string, message: string): T[] {
  const all = found.filter((one) => one !== undefined);
  if (all.length < found.length) throw new AwsError(code, message);
  return all;
}

const HEALTH_CHECK = {
  HealthCheckEnabled: true,
  HealthCheckIntervalSeconds: 30,
  HealthCheckPath: '/',
  HealthCheckPort: 'traffic-port',
  HealthCheckProtocol: 'HTTP',
  HealthCheckTimeoutSeconds: 5,
  HealthyThresholdCount: 5,
  UnhealthyThresholdCount: 2,
  Matcher: { HttpCode: '200' },
};
/** Template properties that responses do not contain. */
const NOT_SHOWN = [
  'Tags',
  'Targets',
  'TargetGroupAttributes',
  'LoadBalancerAttributes',
  'DefaultActions',
  'Subnets',
  'Name',
];

function describeLoadBalancer(
  { arn, name, dnsName, given, createdAt }: LoadBalancer,
  region: string,
): object {
  return {
    Scheme: 'internet-facing',
    Type: 'application',
    IpAddressType: 'ipv4',
    ...shown(given),
    LoadBalancerArn: arn,
    LoadBalancerName: name,
    DNSName: dnsName,
    CreatedTime: createdAt,
    State: { Code: 'active' },
    AvailabilityZones: [{ ZoneName: `${region}a` }],
  };
}

function describeTargetGroup(elb: LoadBalancing, { arn, name, given }: TargetGroup): object {
  return {
    TargetType: 'ip',
    IpAddressType: 'ipv4',
    ProtocolVersion: 'HTTP1',
    ...HEALTH_CHECK,
    ...shown(given),
    TargetGroupArn: arn,
    TargetGroupName: name,
    LoadBalancerArns: elb.loadBalancersOf(arn),
  };
}

function describeListener({ arn, loadBalancerArn, given, defaultActions }: Listener): object {
  return {
    ...shown(given),
    ListenerArn: arn,
    LoadBalancerArn: loadBalancerArn,
    DefaultActions: defaultActions,
  };
}

/** The rules of a listener, including its default rule. */
function describeRules(rules: readonly Rule[], listener: Listener): object[] {
  return [...rules.map(describeOwnRule), describeDefaultRule(listener)];
}

/** One rule, which may be a listener's default rule. */
function describeRule(elb: LoadBalancing, arn: string): object | undefined {
  const rule = elb.rules.get(arn);
  if (rule) return describeOwnRule(rule);
  const listener = [...elb.listeners.values()].find((one) => defaultRuleArn(one) === arn);
  return listener && describeDefaultRule(listener);
}

function describeOwnRule({ arn, priority, conditions, actions }: Rule): object {
  return { RuleArn: arn, Priority: priority, Conditions: conditions, Actions: actions, IsDefault: false };
}

function describeDefaultRule(listener: Listener): object {
  const { defaultActions: Actions } = listener;
  const RuleArn = defaultRuleArn(listener);
  return { RuleArn, Priority: 'default', Conditions: [], Actions, IsDefault: true };
}

function shown(given: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(given).filter(([key]) => !NOT_SHOWN.includes(key)));
}
