import { expect, test } from '@jest/globals';
import { trafficRules } from '../../../../src/cloudformation/template/traffic-rules.ts';

const rules = `
  Production: { Type: 'AWS::ElasticLoadBalancingV2::ListenerRule' }
  Test: { Type: 'AWS::ElasticLoadBalancingV2::ListenerRule' }
  Listener: { Type: 'AWS::ElasticLoadBalancingV2::Listener' }
`;
const service = (production: string, wrap = (value: string): string => value): string => `Resources:${rules}
  Service:
    Type: AWS::ECS::Service
    Properties:
      LoadBalancers:
        - TargetGroupArn: blue
          AdvancedConfiguration: ${wrap(`{ ProductionListenerRule: ${production}, RoleArn: role }`)}
`;

const SITUATIONS: [what: string, template: string, found: string[]][] = [
  ['a Ref', service('!Ref Production'), ['Production']],
  ['a Ref in full', service('{ Ref: Production }'), ['Production']],
  ['an attribute', service('!GetAtt Production.RuleArn'), ['Production']],
  ['an attribute in full', service("{ 'Fn::GetAtt': [Production, RuleArn] }"), ['Production']],
  ['a text with a reference', service("!Sub '${Production}'"), ['Production']],
  [
    'under a condition',
    service('!Ref Production', (value) => `!If [Shifts, ${value}, !Ref AWS::NoValue]`),
    ['Production'],
  ],
  ['a listener of a network load balancer', service('!Ref Listener'), ['Listener']],
  ['a rule of another stack', service('!ImportValue rule'), []],
  ['a service without traffic to shift', `Resources:${rules}`, []],
  [
    'a rule that is an output',
    `Resources:${rules}\nOutputs: { Rule: { Value: !Ref Test, Export: { Name: rule } } }`,
    ['Test'],
  ],
  ['a listener that is an output', `Resources:${rules}\nOutputs: { Listener: { Value: !Ref Listener } }`, []],
  [
    'a rule passed to a nested stack',
    `Resources:${rules}\n  Nested: { Type: 'AWS::CloudFormation::Stack', Properties: { Parameters: { Rule: !Ref Test } } }`,
    ['Test'],
  ],
  ['a template that cannot be parsed', 'Resources: [', []],
];

test(`finds the rules whose weights ECS changes: ${SITUATIONS.length} situations`, () => {
  for (const [what, template, found] of SITUATIONS) {
    expect([what, ...trafficRules(template)]).toEqual([what, ...found]);
  }
});
