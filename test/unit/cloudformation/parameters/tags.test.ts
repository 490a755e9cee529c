import { describe, expect, test } from '@jest/globals';
import { givenTags, tagProblem } from '../../../../src/cloudformation/parameters/tags.ts';

const KEYS = 'expected keys of 1 to 128 characters that do not start with "aws:"';

describe('tags', () => {
  test("the input's tags go over the files'", () => {
    const at = { file: 'dev.json', line: 4 };
    const files = { a: { value: '1', ...at }, b: { value: '2', ...at } };
    expect(givenTags(files, { b: '3' })).toEqual({ a: { value: '1', at }, b: { value: '3' } });
  });

  const rules = (named: string): string => `
Resources:
  Rule: { Type: AWS::ElasticLoadBalancingV2::ListenerRule, Properties: { Priority: 1 } }
  Service:
    Type: AWS::ECS::Service
    Properties: { LoadBalancers: [{ TargetGroupArn: x, AdvancedConfiguration: { ${named}: !Ref Rule } }] }`;
  const SHA = 'b'.repeat(40);

  test.each([
    ['a commit', { Commit: SHA }, rules('ProductionListenerRule'), `Commit=${SHA}`],
    ['a commit in a text', { Source: `org/app@${SHA}` }, rules('TestListenerRule'), `Source=org/app@${SHA}`],
    [
      'a time',
      { DeployedAt: '2026-11-27T18:00:00Z' },
      rules('ProductionListenerRule'),
      'DeployedAt=2026-11-27T18:00:00Z',
    ],
    [
      'unchanged values',
      { Team: 'shop', CostCentre: '4711', Until: '2027-01-01' },
      rules('ProductionListenerRule'),
      undefined,
    ],
    ['a rule that nothing shifts', { Commit: SHA }, rules('RoleArn'), undefined],
    ['a template without rules', { Commit: SHA }, 'Resources: { T: { Type: AWS::SNS::Topic } }', undefined],
  ])('where ECS shifts traffic: %s', (_what, tags, template, tag) => {
    expect(tagProblem(givenTags({}, tags as Record<string, string>), template)?.shown).toBe(tag);
  });

  test.each([
    [
      Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${n}`, 'v'])),
      'expected at most 50 tags, got 51',
    ],
    [{ 'aws:name': 'x' }, KEYS],
    [{ '': 'x' }, KEYS],
    [{ ['k'.repeat(129)]: 'x' }, KEYS],
    [{ k: 'v'.repeat(257) }, 'expected a value of at most 256 characters for k, got 257'],
  ])('%o is refused', (tags, expected) => {
    const at = { file: 'dev.json', line: 4 };
    const files = Object.entries(tags).map(([key, value]) => [key, { value, ...at }] as const);
    const problem = tagProblem(givenTags(Object.fromEntries(files), {}), undefined);
    expect(problem?.expected).toBe(expected);
    if (files.length === 1) expect(problem?.at).toEqual(at);
  });
});
