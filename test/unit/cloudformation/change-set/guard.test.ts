import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { loadAwsServiceSpec } from '@aws-cdk/aws-service-spec';
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

describe('guarded changes', () => {
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
    [{ replacement: 'yes', type: 'AWS::EC2::Instance' }, 'replace'],
    [{ action: 'remove', type: 'AWS::EC2::EIP' }, 'delete'],
    [{ action: 'remove', type: 'AWS::CloudFormation::StackSet' }, 'delete'],
    [{ replacement: 'yes', type: 'AWS::EKS::Cluster' }, 'replace'],
    [{ replacement: 'yes', type: 'AWS::Lightsail::Instance' }, 'replace'],
    [{ action: 'remove', type: 'AWS::Events::Archive' }, 'delete'],
    [{ replacement: 'yes', type: 'AWS::Grafana::Workspace' }, 'replace'],
    [{ replacement: 'yes', type: 'AWS::MWAA::Environment' }, 'replace'],
    [{ action: 'remove', type: 'AWS::SageMaker::Domain' }, 'delete'],
    [{ replacement: 'yes', type: 'AWS::WorkSpaces::Workspace' }, 'replace'],
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
    [{ action: 'remove', holdsNothing: true }],
    [{ replacement: 'yes', holdsNothing: true }],
    [{ action: 'remove', type: 'AWS::DocDB::DBInstance' }],
    [{ replacement: 'yes', type: 'AWS::Neptune::DBInstance' }],
  ] as const)('%o may be removed', (values) => {
    expect(guard(values)).toEqual([]);
  });
});

describe('changes allowed by name', () => {
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

describe('a removed nested stack', () => {
  const stack = change({ logicalId: 'Data', type: 'AWS::CloudFormation::Stack', action: 'remove' });
  const inside = (values: Partial<ResourceChange>) =>
    change({ nesting: ['Data'], action: 'remove', ...values });

  test('is checked by its resources, if they are known', () => {
    const harmless = inside({ type: 'AWS::EC2::Subnet' });
    expect(guardPlan(plan(stack, harmless), undefined, NOTHING)).toEqual([]);
    const found = guardPlan(plan(stack, harmless, inside({})), undefined, NOTHING);
    expect(found.map(({ allow }) => allow)).toEqual([{ input: 'allow-delete', value: 'Data/Db' }]);
    expect(guardPlan(plan(stack, inside({ policyAction: 'Retain' })), undefined, NOTHING)).toEqual([]);
  });

  test('is guarded itself if they are unknown', () => {
    const elsewhere = change({ nesting: ['Other'], action: 'add' });
    expect(guardPlan(plan(stack, elsewhere), undefined, NOTHING)).toMatchObject([
      { logicalId: 'Data', message: expect.stringContaining('with its contents') },
    ]);
  });
});

describe('messages', () => {
  const engine = { path: 'Properties.Engine', requiresRecreation: 'always' as const };
  const address = { type: 'AWS::EC2::EIP' };

  test.each<[Partial<ResourceChange>, string]>([
    [
      { replacement: 'yes', properties: [engine, { path: 'Properties.Tags', requiresRecreation: 'never' }] },
      'Db (AWS::RDS::DBInstance) would be replaced because of Properties.Engine, which loses its databases. To allow it: allow-replace: Db',
    ],
    [
      { replacement: 'yes', policyAction: 'ReplaceAndSnapshot' },
      'Db (AWS::RDS::DBInstance) would be replaced: a snapshot keeps its databases, and the stack continues with a new, empty one. To allow it: allow-replace: Db',
    ],
    [
      { replacement: 'yes', policyAction: 'ReplaceAndRetain' },
      'Db (AWS::RDS::DBInstance) would be replaced: the old one is retained outside the stack with its databases, and the stack continues with a new, empty one. To allow it: allow-replace: Db',
    ],
    [
      { ...address, replacement: 'yes', policyAction: 'ReplaceAndRetain' },
      'Db (AWS::EC2::EIP) would be replaced: the old one is retained outside the stack with its IP address, and the stack continues with a new one. To allow it: allow-replace: Db',
    ],
    [
      { replacement: 'maybe', properties: [{ ...engine, requiresRecreation: 'conditionally' }] },
      'Db (AWS::RDS::DBInstance) may be replaced because of Properties.Engine (CloudFormation decides during the update): a replacement loses its databases. To allow it: allow-replace: Db',
    ],
    [
      { action: 'remove', policyAction: 'Snapshot' },
      'Db (AWS::RDS::DBInstance) would be deleted; a final snapshot keeps its databases. To allow it: allow-delete: Db',
    ],
    [
      { ...address, action: 'remove' },
      'Db (AWS::EC2::EIP) would be deleted with its IP address. To allow it: allow-delete: Db',
    ],
  ])('%#', (values, message) => {
    expect(guard(values)).toMatchObject([{ message, line: 3 }]);
  });

  test.each([
    ['Retain', 'the old one is retained outside the stack with its databases'],
    ['Snapshot', 'a snapshot keeps its databases'],
    ['Delete', 'a replacement loses its databases'],
  ])('UpdateReplacePolicy: %s of the template applies if AWS returns none', (policy, words) => {
    const template = templateOf(
      `Resources:\n  Db: { Type: AWS::RDS::DBInstance, UpdateReplacePolicy: ${policy} }\n`,
    );
    const [found] = guardPlan(plan(change({ replacement: 'maybe' })), template, NOTHING);
    expect(found?.message).toContain(words);
  });

  test('a nested resource has no line in this template', () => {
    expect(guard({ nesting: ['Data'], action: 'remove' })[0]).not.toHaveProperty('line');
  });
});

describe('the list of stateful types', () => {
  /** One service per line: the types that can be created again from the template alone. */
  const STATELESS = readFileSync(new URL('stateless-types.txt', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const [service = '', types = ''] = line.split(': ');
      return types.split(' ').map((type) => `${service}::${type}`);
    });

  // Add a new type to stateful.ts if it contains data or an identity, otherwise to stateless-types.txt.
  test('classifies every resource type of the schemas', async () => {
    const types = (await loadAwsServiceSpec()).all('resource').map((resource) => resource.cloudFormationType);
    const judged = [...STATEFUL_TYPES.keys(), ...STATELESS];
    expect(types.filter((type) => !judged.includes(type))).toEqual([]);
    expect(judged.filter((type) => !types.includes(type))).toEqual([]);
    expect(judged.filter((type, index) => judged.indexOf(type) !== index)).toEqual([]);
    console.log(`${STATEFUL_TYPES.size} of ${types.length} resource types hold data or an identity`);
  });

  test.each(['AWS::EC2::VPC', 'AWS::ECS::Service', 'AWS::IAM::Role', 'AWS::DocDB::DBInstance'])(
    'does not contain %s',
    (type) => {
      expect(STATEFUL_TYPES.has(type)).toBe(false);
    },
  );
});

describe('an instance of a cluster in the template', () => {
  test.each([
    ['DBClusterIdentifier: !Ref Cluster', true],
    ['DBClusterIdentifier: { Ref: Cluster }', true],
    ['DBClusterIdentifier: !ImportValue cluster', true],
    ['DBClusterIdentifier: !If [InCluster, !Ref Cluster, !Ref AWS::NoValue]', undefined],
    ['DBClusterIdentifier: { Fn::If: [InCluster, !Ref Cluster, !Ref AWS::NoValue] }', undefined],
    ['Engine: postgres', undefined],
  ])('%s', (property, expected) => {
    const template = templateOf(
      `Resources:\n  Db:\n    Type: AWS::RDS::DBInstance\n    Properties:\n      ${property}\n`,
    );
    expect(template.resources['Db']?.holdsNothing).toBe(expected);
  });
});
