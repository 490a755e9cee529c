import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { stackDatabase } from '../../sandbox/cloudformation/engine/stack-database.ts';
import { loadBalancingOf } from '../../sandbox/elb/load-balancing.ts';
import { type Stand, stand } from './stand.ts';

/** Which changes of listener rules are guarded, depending on what is live and what the template sets. */

const ACCOUNT = '111111111111';
const REGION = 'eu-west-1';
const RULES = ['Shifted', 'Single', 'Free'] as const;
type Rule = (typeof RULES)[number];

/** `Shifted` and `Single` are outputs for a service of another stack; `Free` belongs to the template only. */
const template = (changed?: Rule, blueOfFree = 1): string => {
  const rule = (name: Rule, index: number, actions: string): string => `
  ${name}:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: ${name === changed ? index + 10 : index}
      Conditions: [{ Field: path-pattern, PathPatternConfig: { Values: ['/${name}'] } }]
      Actions: [${actions}]`;
  const weighted = (blue: number, green: number): string =>
    `{ Type: forward, ForwardConfig: { TargetGroups: [{ TargetGroupArn: !Ref Blue, Weight: ${blue} }, { TargetGroupArn: !Ref Green, Weight: ${green} }] } }`;
  const group = (name: string): string =>
    `{ Type: 'AWS::ElasticLoadBalancingV2::TargetGroup', Properties: { Name: ${name}, Port: 80, Protocol: HTTP, VpcId: vpc-0a1b2c3d4e5f60718 } }`;
  return `
Resources:
  Balancer: { Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', Properties: { Name: apps } }
  Blue: ${group('blue')}
  Green: ${group('green')}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: 80
      Protocol: HTTP
      DefaultActions: [{ Type: fixed-response, FixedResponseConfig: { StatusCode: '404' } }]${rule('Shifted', 1, weighted(1, 0))}${rule('Single', 2, '{ Type: forward, TargetGroupArn: !Ref Blue }')}${rule('Free', 3, weighted(blueOfFree, 1))}
Outputs:
  Shifted: { Value: !Ref Shifted, Export: { Name: shifted } }
  Single: { Value: !Ref Single, Export: { Name: single } }
`;
};

let at: Stand;
beforeAll(async () => {
  at = await stand();
  expect((await at.run(template())).verdict).toBe('created');
});
afterAll(() => at.close());

/** Sets the live weights of a rule, like ECS or a person. */
function setLive(name: Rule, blue: number, green: number): void {
  const { resources } = stackDatabase(at.sandbox.world, ACCOUNT, REGION).find('app')!;
  const arn = (id: string): string => resources.get(id)?.physicalId ?? '';
  const rule = loadBalancingOf(at.sandbox.world, ACCOUNT, REGION).rules.get(arn(name))!;
  const TargetGroups = [
    { TargetGroupArn: arn('Blue'), Weight: blue },
    { TargetGroupArn: arn('Green'), Weight: green },
  ];
  rule.actions = [{ Type: 'forward', ForwardConfig: { TargetGroups } }];
}

interface Situation {
  what: string;
  live: [rule: Rule, blue: number, green: number];
  next: string;
  /** Whether the live weights cannot be read. */
  denied?: boolean;
  guarded: boolean;
}

const SITUATIONS: Situation[] = [
  {
    what: 'the same weights in different numbers',
    live: ['Shifted', 100, 0],
    next: template('Shifted'),
    guarded: false,
  },
  { what: 'all traffic moved', live: ['Shifted', 0, 100], next: template('Shifted'), guarded: true },
  { what: 'a canary', live: ['Shifted', 95, 5], next: template('Shifted'), guarded: true },
  { what: 'an unchanged rule', live: ['Shifted', 0, 100], next: template('Free'), guarded: false },
  { what: 'one group, expanded', live: ['Single', 100, 0], next: template('Single'), guarded: false },
  {
    what: 'one group, moved to the other',
    live: ['Single', 0, 100],
    next: template('Single'),
    guarded: true,
  },
  { what: 'an unowned rule as deployed', live: ['Free', 1, 1], next: template('Free'), guarded: false },
  { what: 'new weights of the template', live: ['Free', 1, 1], next: template(undefined, 3), guarded: false },
  { what: 'weights that a person moved', live: ['Free', 9, 1], next: template('Free'), guarded: true },
  {
    what: 'unreadable, of ECS',
    live: ['Shifted', 1, 0],
    next: template('Shifted'),
    denied: true,
    guarded: true,
  },
  {
    what: 'unreadable, unowned',
    live: ['Free', 1, 1],
    next: template('Free'),
    denied: true,
    guarded: false,
  },
];

test('live weights determine whether a rule change is guarded', async () => {
  const right: string[] = [];
  for (const { what, live, next, denied = false, guarded } of SITUATIONS) {
    for (const rule of RULES) setLive(rule, 1, rule === 'Free' ? 1 : 0);
    setLive(...live);
    if (denied) {
      at.sandbox.addFault({
        operation: 'DescribeRules',
        kind: 'error',
        code: 'AccessDenied',
        status: 403,
        times: 1,
      });
    }
    const { result, verdict } = await at.run(next, { command: 'plan' });
    const findings = (result['guard'] ?? []) as { harm: string }[];
    const found = findings.map(({ harm }) => harm).join();
    if (verdict === 'planned' && found === (guarded ? 'traffic' : '')) right.push(what);
  }
  expect(right).toEqual(SITUATIONS.map(({ what }) => what));
  expect(at.lines.join('\n')).toContain('Fix: Allow elasticloadbalancing:DescribeRules');
  console.log(`Traffic: ${right.length} of ${SITUATIONS.length} situations passed`);
});
