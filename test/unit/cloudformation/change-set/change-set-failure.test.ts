import { expect, test } from '@jest/globals';
import { failuresOf, hasNothingToChange } from '../../../../src/cloudformation/change-set/failure.ts';
import { fakeAws, type Input } from '../aws.ts';

const ROOT = 'arn:set/root';
const STACK = 'arn:stack/app';
const NOTHING =
  "The submitted information didn't contain changes. Submit different information to create a change set.";
const nestedFailed = (id: string): string =>
  `Nested change set ${id} was not successfully created: Currently in FAILED.`;
const failed = (StatusReason: string, ChangeSetId = ROOT) => ({
  Status: 'FAILED' as const,
  StatusReason,
  ChangeSetId,
  StackId: STACK,
});

test.each([
  [NOTHING, true],
  ['No updates are to be performed.', true],
  ['No updates are to be performed', false],
  ["Something failed: The submitted information didn't contain changes.", false],
  ['Properties validation failed for resource Vpc', false],
  ['', false],
])('%j: %s', async (reason, nothing) => {
  expect(await hasNothingToChange(fakeAws({}).context, failed(reason))).toBe(nothing);
});

test('a change set that did not fail has changes, whatever its reason', async () => {
  const { context } = fakeAws({});
  expect(await hasNothingToChange(context, { ...failed(NOTHING), Status: 'CREATE_COMPLETE' })).toBe(false);
});

/** An endpoint with a root change set and nested ones, each with its failure reason. */
function nested(reasons: Record<string, string>, options: { own?: string; listed?: boolean } = {}) {
  const ids = Object.keys(reasons);
  const changes = [
    ...(options.listed === false ? [] : ids.map((id) => ['AWS::CloudFormation::Stack', id])),
    ...(options.own ? [[options.own, undefined]] : []),
  ];
  return fakeAws({
    DescribeChangeSet: ({ ChangeSetName: id }: Input) =>
      id === ROOT
        ? {
            ...failed(nestedFailed(ids[0] ?? '')),
            Changes: changes.map(([ResourceType, ChangeSetId]) => ({
              ResourceChange: { ResourceType, ChangeSetId },
            })),
          }
        : failed(reasons[String(id)] ?? '', String(id)),
    ListStackResources: () => ({
      StackResourceSummaries: [
        ...ids.map((id) => ({
          ResourceType: 'AWS::CloudFormation::Stack',
          PhysicalResourceId: `stack of ${id}`,
        })),
        { ResourceType: 'AWS::SQS::Queue', PhysicalResourceId: 'q' },
      ],
    }),
    ListChangeSets: ({ StackName: stack }: Input) => ({
      Summaries: [
        { ChangeSetId: String(stack).replace('stack of ', ''), ParentChangeSetId: ROOT },
        { ChangeSetId: 'set/of-another-plan', ParentChangeSetId: 'set/other' },
      ],
    }),
  });
}

test.each([
  ['none has changes', { 'set/a': NOTHING, 'set/b': NOTHING }, {}, true],
  ['another one failed for a reason', { 'set/a': NOTHING, 'set/b': 'Template error: x' }, {}, false],
  ['the named one failed for a reason', { 'set/a': 'Template error: x' }, {}, false],
  ['the stack itself changes', { 'set/a': NOTHING }, { own: 'AWS::SQS::Queue' }, false],
  [
    'they are found by their stacks if the response does not list them',
    { 'set/a': NOTHING, 'set/b': NOTHING },
    { listed: false },
    true,
  ],
  [
    'one found by its stack failed for a reason',
    { 'set/a': NOTHING, 'set/b': 'Template error' },
    { listed: false },
    false,
  ],
])('nested change sets: %s', async (_name, reasons, options, nothing) => {
  const { context } = nested(reasons, options);
  const [first = ''] = Object.keys(reasons);
  expect(await hasNothingToChange(context, failed(nestedFailed(first)))).toBe(nothing);
});

test('nested in nested', async () => {
  const { context } = fakeAws({
    DescribeChangeSet: ({ ChangeSetName: id }: Input) =>
      id === ROOT
        ? failed(nestedFailed('set/a'))
        : id === 'set/a'
          ? failed(nestedFailed('set/b'), 'set/a')
          : failed(NOTHING, 'set/b'),
    ListStackResources: () => ({}),
  });
  expect(await hasNothingToChange(context, failed(nestedFailed('set/a')))).toBe(true);
});

test('reports the failed stack with the path of nested stacks', async () => {
  const { context } = fakeAws({
    DescribeChangeSet: ({ ChangeSetName: id }: Input) =>
      id === ROOT
        ? {
            ...failed(nestedFailed('set/a')),
            Changes: ['a', 'b', 'c'].map((name) => ({
              ResourceChange: {
                ResourceType: 'AWS::CloudFormation::Stack',
                LogicalResourceId: name.toUpperCase(),
                ChangeSetId: `set/${name}`,
              },
            })),
          }
        : id === 'set/c'
          ? { Status: 'CREATE_COMPLETE', ChangeSetId: id }
          : failed(id === 'set/a' ? NOTHING : 'Template error: x', String(id)),
    ListStackResources: () => ({}),
  });
  expect(await failuresOf(context, failed(nestedFailed('set/a')))).toEqual([
    { changeSetId: 'set/b', reason: 'Template error: x', nesting: ['B'] },
  ]);
});

test('a failure with one changed and one unchanged nested stack is a failure of the stack itself', async () => {
  const { context } = fakeAws({
    DescribeChangeSet: ({ ChangeSetName: id }: Input) =>
      id === ROOT
        ? failed(nestedFailed('set/a'))
        : id === 'set/a'
          ? failed(NOTHING, 'set/a')
          : { Status: 'CREATE_COMPLETE', ChangeSetId: 'set/b' },
    ListStackResources: () => ({
      StackResourceSummaries: [
        { ResourceType: 'AWS::CloudFormation::Stack', LogicalResourceId: 'B', PhysicalResourceId: 'arn:b' },
      ],
    }),
    ListChangeSets: () => ({ Summaries: [{ ChangeSetId: 'set/b', ParentChangeSetId: ROOT }] }),
  });
  const reason = nestedFailed('set/a');
  expect(await failuresOf(context, failed(reason))).toEqual([{ changeSetId: ROOT, reason, nesting: [] }]);
});
