import { describe, expect, test } from '@jest/globals';
import { listNestedStacks, removedNestedResources } from '../../../src/cloudformation/nested-stacks.ts';
import type { ResourceChange } from '../../../src/cloudformation/change-set/changes.ts';
import { awsError, fail, fakeAws, type Input } from './aws.ts';

const REMOVED: ResourceChange = {
  logicalId: 'Data',
  nesting: ['Top'],
  type: 'AWS::CloudFormation::Stack',
  action: 'remove',
  replacement: 'no',
  physicalId: 'arn:data',
  properties: [],
};
const resource = (
  LogicalResourceId: string,
  ResourceType: string,
  PhysicalResourceId = `${LogicalResourceId}-1`,
) => ({
  LogicalResourceId,
  ResourceType,
  PhysicalResourceId,
  ResourceStatus: 'CREATE_COMPLETE',
});
const RESOURCES: Record<string, object[]> = {
  'arn:data': [
    resource('Db', 'AWS::RDS::DBInstance'),
    resource('Backup', 'AWS::S3::Bucket'),
    resource('Inner', 'AWS::CloudFormation::Stack', 'arn:inner'),
    { ...resource('Old', 'AWS::S3::Bucket'), ResourceStatus: 'DELETE_COMPLETE' },
  ],
  'arn:inner': [resource('Queue', 'AWS::SQS::Queue')],
};
const TEMPLATES: Record<string, string> = {
  'arn:data':
    'Resources:\n  Db: { Type: x, DeletionPolicy: Snapshot }\n  Backup: { Type: x, DeletionPolicy: RetainExceptOnCreate }\n',
  'arn:inner': 'not: [a template',
};
const handlers = {
  ListStackResources: ({ StackName, NextToken }: Input) => {
    const all = RESOURCES[String(StackName)] ?? [];
    return NextToken === undefined && all.length > 1
      ? { StackResourceSummaries: all.slice(0, 1), NextToken: 'more' }
      : { StackResourceSummaries: all.length > 1 ? all.slice(1) : all };
  },
  GetTemplate: ({ StackName }: Input) => ({ TemplateBody: TEMPLATES[String(StackName)] }),
};

describe('the resources of a removed nested stack', () => {
  test('are listed through all pages and levels, with their deletion policies', async () => {
    const found = await removedNestedResources(fakeAws(handlers).context, REMOVED);
    expect(
      found.map(({ nesting, logicalId, policyAction, physicalId }) => [
        [...nesting, logicalId].join('/'),
        policyAction,
        physicalId,
      ]),
    ).toEqual([
      ['Top/Data/Db', 'Snapshot', 'Db-1'],
      ['Top/Data/Backup', 'Retain', 'Backup-1'],
      ['Top/Data/Inner', 'Delete', 'arn:inner'],
      ['Top/Data/Inner/Queue', 'Delete', 'Queue-1'],
    ]);
    expect(new Set(found.map(({ action }) => action))).toEqual(new Set(['remove']));
  });

  test.each<[string, Partial<ResourceChange>]>([
    ['another type', { type: 'AWS::SQS::Queue' }],
    ['another action', { action: 'modify' }],
    ['a stack that stays in the account', { policyAction: 'Retain' }],
  ])('%s removes no resources', async (_name, values) => {
    const aws = fakeAws(handlers);
    expect(await removedNestedResources(aws.context, { ...REMOVED, ...values })).toEqual([]);
    expect(aws.calls).toEqual([]);
  });

  test('a denied list is empty, with a note', async () => {
    const aws = fakeAws({ ListStackResources: () => fail(awsError('AccessDenied', 'not allowed', 403)) });
    expect(await removedNestedResources(aws.context, REMOVED)).toEqual([]);
    expect(aws.lines.join()).toMatch(
      /::warning::The resources of the nested stack Top\/Data could not be listed: .*not allowed/,
    );
  });

  test('a lost connection is an error', async () => {
    const error = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    const aws = fakeAws({ ListStackResources: () => fail(error) });
    await expect(removedNestedResources(aws.context, REMOVED)).rejects.toMatchObject({ cause: error });
  });
});

test('the stacks nested directly in a stack', async () => {
  expect(await listNestedStacks(fakeAws(handlers).context, 'arn:data')).toEqual([
    { logicalId: 'Inner', stackId: 'arn:inner' },
  ]);
});
