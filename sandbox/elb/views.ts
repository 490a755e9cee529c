import type { Listener, LoadBalancer, LoadBalancing, Rule, TargetGroup } from './load-balancing.ts';

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
/** What templates say of a resource, and no answer has. */
const NOT_SHOWN = [
  'Tags',
  'Targets',
  'TargetGroupAttributes',
  'LoadBalancerAttributes',
  'DefaultActions',
  'Subnets',
  'Name',
];

export function shownLoadBalancer(
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

export function shownTargetGroup(elb: LoadBalancing, { arn, name, given }: TargetGroup): object {
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

export function shownListener({ arn, loadBalancerArn, given, defaultActions }: Listener): object {
  return {
    ...shown(given),
    ListenerArn: arn,
    LoadBalancerArn: loadBalancerArn,
    DefaultActions: defaultActions,
  };
}

/** The rules of a listener come with its default. */
export function shownRules(rules: readonly Rule[], listener?: Listener): object[] {
  const own = rules.map(({ arn, priority, conditions, actions }) => ({
    RuleArn: arn,
    Priority: priority,
    Conditions: conditions,
    Actions: actions,
    IsDefault: false,
  }));
  if (!listener) return own;
  const RuleArn = `${listener.arn.replace(':listener/', ':listener-rule/')}/default`;
  return [
    ...own,
    { RuleArn, Priority: 'default', Conditions: [], Actions: listener.defaultActions, IsDefault: true },
  ];
}

function shown(given: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(given).filter(([key]) => !NOT_SHOWN.includes(key)));
}
