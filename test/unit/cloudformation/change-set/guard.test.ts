import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { generate } from '../../../../scripts/generate-stateful.ts';
import { guardPlan } from '../../../../src/cloudformation/change-set/guard.ts';
import { STATEFUL_TYPES } from '../../../../src/cloudformation/change-set/stateful.ts';
import type { Plan, ResourceChange } from '../../../../src/cloudformation/change-set/changes.ts';
import { templateOf } from '../aws.ts';

const NOTHING = { allowReplace: [], allowDelete: [] };
const TEMPLATE = templateOf('Resources:\n  Other: { Type: x }\n  Db:\n    Type: AWS::RDS::DBInstance\n');

const change = (values: Partial<ResourceChange> = {}): ResourceChange => ({
  logicalId: 'Db',
  nesting: [],
  type: 'AWS::RDS::DBInstance',
  action: 'modify',
  replacement: 'no',
  properties: [],
  ...values,
});
const plan = (...changes: ResourceChange[]): Plan => ({
  stackName: 'app',
  stackId: 'arn:stack',
  changeSetName: 'plan-1',
  changeSetId: 'arn:set',
  kind: 'update',
  hasChanges: true,
  changes,
  fingerprint: 'v1:0',
});
const guard = (values: Partial<ResourceChange>, allowed = NOTHING) =>
  guardPlan(plan(change(values)), TEMPLATE, { ...NOTHING, ...allowed });

describe('what is guarded', () => {
  test.each([
    [{ replacement: 'yes' }, 'replace'],
    [{ replacement: 'yes', policyAction: 'ReplaceAndDelete' }, 'replace'],
    [{ replacement: 'yes', policyAction: 'ReplaceAndRetain' }, 'replace'],
    [{ replacement: 'yes', policyAction: 'ReplaceAndSnapshot' }, 'replace'],
    [{ replacement: 'no', policyAction: 'ReplaceAndDelete' }, 'replace'],
    [{ replacement: 'maybe' }, 'maybe-replace'],
    [{ action: 'dynamic' }, 'maybe-replace'],
    [{ action: 'remove' }, 'delete'],
    [{ action: 'remove', policyAction: 'Delete' }, 'delete'],
    [{ action: 'remove', policyAction: 'Snapshot' }, 'delete'],
    [{ action: 'remove', type: 'MongoDB::Atlas::Cluster' }, 'delete'],
    [{ action: 'remove', type: 'AWS::CloudFormation::Stack' }, 'delete'],
    [{ action: 'remove', type: 'AWS::ECR::Repository' }, 'delete'],
  ] as const)('%o: %s', (values, harm) => {
    expect(guard(values).map((finding) => finding.harm)).toEqual([harm]);
  });

  test.each([
    [{}],
    [{ action: 'add' }],
    [{ action: 'import' }],
    [{ action: 'sync' }],
    [{ action: 'remove', policyAction: 'Retain' }],
    [{ action: 'remove', type: 'AWS::EC2::Subnet' }],
    [{ replacement: 'yes', type: 'AWS::ECS::TaskDefinition' }],
    [{ action: 'remove', type: 'Custom::Migration' }],
  ] as const)('%o may go', (values) => {
    expect(guard(values)).toEqual([]);
  });
});

describe('what is allowed by name', () => {
  const nested = { nesting: ['Data'], replacement: 'yes' as const };

  test.each([
    [{ replacement: 'yes' }, { allowReplace: ['Db'] }, true],
    [{ replacement: 'yes' }, { allowReplace: ['AWS::RDS::DBInstance'] }, true],
    [{ replacement: 'maybe' }, { allowReplace: ['Db'] }, true],
    [{ action: 'remove' }, { allowDelete: ['Db'] }, true],
    [nested, { allowReplace: ['Data/Db'] }, true],
    [nested, { allowReplace: ['Db'] }, true],
    [{ replacement: 'yes' }, { allowDelete: ['Db'] }, false],
    [{ action: 'remove' }, { allowReplace: ['Db'] }, false],
    [{ replacement: 'yes' }, { allowReplace: ['db', 'Other', '*'] }, false],
  ] as const)('%o with %o: %s', (values, allowed, goes) => {
    const found = guardPlan(plan(change(values)), TEMPLATE, { ...NOTHING, ...allowed });
    expect(found.length === 0).toBe(goes);
  });
});

describe('a nested stack that is removed', () => {
  const stack = change({ logicalId: 'Data', type: 'AWS::CloudFormation::Stack', action: 'remove' });
  const inside = (values: Partial<ResourceChange>) =>
    change({ nesting: ['Data'], action: 'remove', ...values });

  test('is judged by what it holds, where that is known', () => {
    const harmless = inside({ type: 'AWS::EC2::Subnet' });
    expect(guardPlan(plan(stack, harmless), undefined, NOTHING)).toEqual([]);
    const found = guardPlan(plan(stack, harmless, inside({})), undefined, NOTHING);
    expect(found.map(({ allow }) => allow)).toEqual([{ input: 'allow-delete', value: 'Data/Db' }]);
    expect(guardPlan(plan(stack, inside({ policyAction: 'Retain' })), undefined, NOTHING)).toEqual([]);
  });

  test('is guarded itself where it is not known', () => {
    const elsewhere = change({ nesting: ['Other'], action: 'add' });
    expect(guardPlan(plan(stack, elsewhere), undefined, NOTHING)).toMatchObject([
      { logicalId: 'Data', message: expect.stringContaining('with everything in it') },
    ]);
  });
});

describe('what is said', () => {
  const engine = { path: 'Properties.Engine', requiresRecreation: 'always' as const };

  test.each([
    [
      { replacement: 'yes', properties: [engine, { path: 'Properties.Tags', requiresRecreation: 'never' }] },
      'Db (AWS::RDS::DBInstance) would be replaced because of Properties.Engine, and its data lost. To allow it: allow-replace: Db',
    ],
    [
      { replacement: 'yes', policyAction: 'ReplaceAndSnapshot' },
      'Db (AWS::RDS::DBInstance) would be replaced; a snapshot of the old one is kept, the new one is empty. To allow it: allow-replace: Db',
    ],
    [
      { replacement: 'maybe', properties: [{ ...engine, requiresRecreation: 'conditionally' }] },
      'Db (AWS::RDS::DBInstance) may be replaced because of Properties.Engine: CloudFormation decides that only while it runs, and its data would then be lost. To allow it: allow-replace: Db',
    ],
    [
      { action: 'remove', policyAction: 'Snapshot' },
      'Db (AWS::RDS::DBInstance) would be deleted, and its data with it but for a final snapshot. To allow it: allow-delete: Db',
    ],
  ] as const)('%#', (values, message) => {
    expect(guard(values)).toMatchObject([{ message, line: 3 }]);
  });

  test('a nested resource has no line in this template', () => {
    expect(guard({ nesting: ['Data'], action: 'remove' })[0]).not.toHaveProperty('line');
  });
});

describe('the list of stateful types', () => {
  test('is current', async () => {
    const committed = readFileSync(
      new URL('../../../../src/cloudformation/change-set/stateful.ts', import.meta.url),
      'utf8',
    );
    expect(await generate()).toBe(committed);
  });

  test.each([
    'AWS::RDS::DBCluster',
    'AWS::S3::Bucket',
    'AWS::DynamoDB::Table',
    'AWS::EFS::FileSystem',
    'AWS::KMS::Key',
  ])('has %s', (type) => {
    expect(STATEFUL_TYPES.has(type)).toBe(true);
  });

  test.each(['AWS::EC2::VPC', 'AWS::ECS::Service', 'AWS::IAM::Role'])('has not %s', (type) => {
    expect(STATEFUL_TYPES.has(type)).toBe(false);
  });
});
