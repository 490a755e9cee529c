import { expect, test } from '@jest/globals';
import type { DriftedResource } from '../../../../src/cloudformation/drift/drift.ts';
import { withoutTraffic } from '../../../../src/cloudformation/drift/traffic.ts';

const template = `Resources:
  Rule: { Type: 'AWS::ElasticLoadBalancingV2::ListenerRule' }
  Other: { Type: 'AWS::ElasticLoadBalancingV2::ListenerRule' }
  Service:
    Type: AWS::ECS::Service
    Properties: { LoadBalancers: [{ AdvancedConfiguration: { ProductionListenerRule: !Ref Rule } }] }
`;
const [blue, green, foreign] = ['blue', 'green', 'foreign'].map(
  (name) => `arn:aws:elasticloadbalancing:eu-west-1:111111111111:targetgroup/${name}/0a1b2c3d4e5f6071`,
);
const ACTION = 'Properties.Actions.0';
const group = (arn: string | undefined, weight: string): object => ({ TargetGroupArn: arn, Weight: weight });
const action = (...groups: object[]): string =>
  JSON.stringify({ Type: 'forward', ForwardConfig: { TargetGroups: groups } });

const weights: DriftedResource['properties'] = [
  { path: `${ACTION}.ForwardConfig.TargetGroups.0.Weight`, expected: '1', actual: '0' },
  { path: `${ACTION}.ForwardConfig.TargetGroups.1.Weight`, expected: '0', actual: '100' },
];
const rewritten = (actual: object[]): DriftedResource['properties'] => [
  { path: `${ACTION}.TargetGroupArn`, expected: blue ?? '', actual: 'null' },
  {
    path: `${ACTION}.ForwardConfig`,
    expected: 'null',
    actual: JSON.stringify({ TargetGroups: actual, TargetGroupStickinessConfig: { Enabled: 'false' } }),
  },
];

const SITUATIONS: [what: string, drift: DriftedResource['properties'], left: number][] = [
  ['weights', weights, 0],
  ['weights and a priority', [...weights, { path: 'Properties.Priority', expected: '1', actual: '2' }], 1],
  ['one group that ECS expands to two', rewritten([group(blue, '0'), group(green, '100')]), 0],
  ['one group that was replaced by another', rewritten([group(foreign, '100')]), 2],
  [
    'whole actions with other weights',
    [
      { path: ACTION, expected: action(group(blue, '1'), group(green, '0')), actual: 'null' },
      {
        path: 'Properties.Actions.1',
        expected: 'null',
        actual: action(group(green, '100'), group(blue, '0')),
      },
    ],
    0,
  ],
  [
    'groups in another order',
    [
      {
        path: `${ACTION}.ForwardConfig.TargetGroups.0.TargetGroupArn`,
        expected: blue ?? '',
        actual: green ?? '',
      },
      {
        path: `${ACTION}.ForwardConfig.TargetGroups.1.TargetGroupArn`,
        expected: green ?? '',
        actual: blue ?? '',
      },
    ],
    0,
  ],
  [
    'a third group',
    [
      ...weights,
      {
        path: `${ACTION}.ForwardConfig.TargetGroups.2`,
        expected: 'null',
        actual: JSON.stringify(group(foreign, '1')),
      },
    ],
    3,
  ],
  ['a redirect', [{ path: `${ACTION}.Type`, expected: 'forward', actual: 'redirect' }], 1],
  ['conditions', [{ path: 'Properties.Conditions.0.Values.0', expected: '/a', actual: '/b' }], 1],
];

test(`ECS's changes to a rule are not drift, all others are: ${SITUATIONS.length} situations`, () => {
  for (const [what, properties, left] of SITUATIONS) {
    const rule = { logicalId: 'Rule', nesting: [], type: 'rule', status: 'modified' as const, properties };
    const { resources } = withoutTraffic([rule], template);
    expect([what, resources.flatMap((resource) => resource.properties).length]).toEqual([what, left]);
  }
});

test('drift of an unused or deleted rule, and of any rule without a template, is reported', () => {
  const rule = {
    logicalId: 'Rule',
    nesting: [],
    type: 'rule',
    status: 'modified' as const,
    properties: weights,
  };
  expect(withoutTraffic([{ ...rule, logicalId: 'Other' }], template).resources).toHaveLength(1);
  expect(withoutTraffic([{ ...rule, status: 'deleted' }], template).resources).toHaveLength(1);
  expect(withoutTraffic([rule], undefined).resources).toHaveLength(1);
});
