import { describe, expect, test } from '@jest/globals';
import { resourceChange } from '../../../../src/cloudformation/change-set/read.ts';
import { findSensitive, maskChange } from '../../../../src/cloudformation/template/secrets.ts';
import type { PropertyChange } from '../../../../src/cloudformation/change-set/changes.ts';

const TEMPLATE = `Parameters:
  DbPassword: { Type: String, NoEcho: true }
  ApiToken: { Type: String }
  Size: { Type: String }
  DbSecret: { Type: 'AWS::SSM::Parameter::Value<String>' }
Resources:
  Db:
    Type: AWS::RDS::DBInstance
    Properties:
      MasterUserPassword: !Ref DbPassword
      DBInstanceClass: !Ref Size
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions:
        - Name: app
          Environment:
            - { Name: DSN, Value: !Sub 'postgres://u:\${DbPassword}@host' }
            - { Name: SIZE, Value: !Ref Size }
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Environment:
        Variables:
          DSN: { 'Fn::Join': ['', [a, { Ref: DbPassword }]] }
          SIZE: !Ref Size
      Description: !If [Big, !Ref ApiToken, none]
`;

function masked(
  logicalId: string,
  property: Partial<PropertyChange> & { path: string },
  templates = [TEMPLATE],
) {
  const change = {
    logicalId,
    nesting: [],
    type: 'x',
    action: 'modify' as const,
    replacement: 'no' as const,
    properties: [{ requiresRecreation: 'never' as const, ...property }],
  };
  return maskChange(change, findSensitive(templates)).properties[0];
}

test('parameters with NoEcho or a secret-like name are masked', () => {
  expect([...findSensitive([TEMPLATE]).parameters]).toEqual(['DbPassword', 'ApiToken']);
});

describe('the value of a property', () => {
  test.each([
    ['from a NoEcho parameter', 'Db', { path: 'Properties.MasterUserPassword' }],
    [
      'that contains one, with Sub',
      'Task',
      { path: 'Properties.ContainerDefinitions.0.Environment.0.Value' },
    ],
    [
      'whose item moved in its list',
      'Task',
      { path: 'Properties.ContainerDefinitions.3.Environment.1.Value' },
    ],
    ['that contains one, with Join', 'Function', { path: 'Properties.Environment.Variables.DSN' }],
    ['that may have one, with If', 'Function', { path: 'Properties.Description' }],
    ['that changes because of one', 'Db', { path: 'Properties.Other', cause: 'Size, DbPassword' }],
    [
      'of an item named like a secret',
      'Other',
      { path: 'Properties.Environment.4.Value', label: 'API_TOKEN' },
    ],
    ['named like a secret', 'Other', { path: 'Properties.AuthToken' }],
  ])('%s is masked', (_name, logicalId, property) => {
    const drift = { expected: 'e', actual: 'a' };
    expect(masked(logicalId, { ...property, before: 'one', after: 'two', drift })).toMatchObject({
      before: '****',
      after: '****',
      drift: { expected: '****', actual: '****' },
    });
  });

  test.each([
    ['Db', 'Properties.DBInstanceClass'],
    ['Function', 'Properties.Environment.Variables.SIZE'],
    ['Db', 'Properties.MasterUserSecretArn'],
    ['Other', 'Properties.MasterUsername'],
  ])('%s %s is not masked', (logicalId, path) => {
    expect(masked(logicalId, { path, before: 'one', after: '{"a": 1}' })).toMatchObject({
      before: 'one',
      after: '{"a":1}',
    });
  });

  test('inside JSON only the secret parts are masked', () => {
    const after = JSON.stringify({ Variables: { DSN: 'x', SIZE: '3', DB_PASSWORD: 'y' } });
    expect(masked('Function', { path: 'Properties.Environment', after })?.after).toBe(
      '{"Variables":{"DSN":"****","SIZE":"3","DB_PASSWORD":"****"}}',
    );
  });

  test('an environment variable with a secret-like name is masked in a list', () => {
    const after = JSON.stringify([
      { Name: 'API_TOKEN', Value: 'x' },
      { Name: 'LEVEL', Value: 'info' },
    ]);
    expect(masked('Other', { path: 'Properties.Environment', after })?.after).toBe(
      '[{"Name":"API_TOKEN","Value":"****"},{"Name":"LEVEL","Value":"info"}]',
    );
  });

  test('a list of references to secrets is not masked', () => {
    const after = '[{"Name":"DB","ValueFrom":"arn:aws:ssm:eu-west-1:111111111111:parameter/db"}]';
    expect(masked('Other', { path: 'Properties.Secrets', after })?.after).toBe(after);
  });

  test('invalid JSON is masked completely', () => {
    expect(
      masked('Function', { path: 'Properties.Environment', after: '{"Variables": {"DSN": "x' })?.after,
    ).toBe('****');
  });

  test('resources created by a loop are masked whatever their name', () => {
    const loop = `Transform: AWS::LanguageExtensions
Parameters: { P: { Type: String, NoEcho: true } }
Resources:
  Fn::ForEach::Queues:
    - Name
    - [A, B]
    - Queue\${Name}:
        Type: AWS::SQS::Queue
        Properties: { QueueName: !Sub 'q-\${P}', DelaySeconds: 5 }
`;
    expect(masked('QueueA', { path: 'Properties.QueueName', after: 'q-x' }, [loop])?.after).toBe('****');
    expect(masked('QueueA', { path: 'Properties.DelaySeconds', after: '5' }, [loop])?.after).toBe('5');
  });

  test('the deployed template also masks old values', () => {
    const next =
      'Resources: { Db: { Type: "AWS::RDS::DBInstance", Properties: { MasterUserPassword: plain } } }';
    const path = 'Properties.Task';
    const old =
      'Parameters: { P: { NoEcho: true } }\nResources: { Db: { Type: x, Properties: { Task: !Ref P } } }';
    expect(masked('Db', { path, before: 'hunter2' }, [next])?.before).toBe('hunter2');
    expect(masked('Db', { path, before: 'hunter2' }, [next, old])?.before).toBe('****');
  });
});

describe('a change from CloudFormation', () => {
  const modify = (Details: object[], more: object = {}) =>
    resourceChange({ Action: 'Modify', LogicalResourceId: 'Vpc', ResourceType: 'T', Details, ...more }, [
      'Net',
    ]);

  test('one entry per path, with all causes and the worst recreation', () => {
    const target = (RequiresRecreation: string) => ({
      Attribute: 'Properties',
      Name: 'CidrBlock',
      RequiresRecreation,
      Path: '/Properties/CidrBlock',
      BeforeValue: '10.0.0.0/16',
      AfterValue: '10.1.0.0/16',
      AttributeChangeType: 'Modify',
    });
    const { properties } = modify([
      { Target: target('Conditionally'), Evaluation: 'Dynamic', ChangeSource: 'DirectModification' },
      {
        Target: target('Always'),
        Evaluation: 'Static',
        ChangeSource: 'ParameterReference',
        CausingEntity: 'VpcCidr',
      },
    ]);
    expect(properties).toEqual([
      {
        path: 'Properties.CidrBlock',
        before: '10.0.0.0/16',
        after: '10.1.0.0/16',
        requiresRecreation: 'always',
        cause: 'VpcCidr',
      },
    ]);
  });

  test.each([
    [{ Attribute: 'Properties', Name: 'CidrBlock' }, 'Properties.CidrBlock'],
    [{ Attribute: 'Tags', Path: '/Properties/Tags/0/Key' }, 'Properties.Tags.0.Key'],
    [{ Attribute: 'Tags' }, 'Tags'],
    [{ Attribute: 'Properties', Path: '/Properties/Map/a~1b~0c' }, 'Properties.Map.a/b~c'],
  ])('%o is at %s', (Target, path) => {
    expect(modify([{ Target }]).properties[0]?.path).toBe(path);
  });

  test.each([
    [{ Replacement: 'True' }, { replacement: 'yes', action: 'modify' }],
    [{ Replacement: 'Conditional' }, { replacement: 'maybe' }],
    [{ Replacement: 'False' }, { replacement: 'no' }],
    [
      { Action: 'Remove', PolicyAction: 'Delete' },
      { action: 'remove', policyAction: 'Delete', replacement: 'no' },
    ],
    [{ Action: 'SyncWithActual' }, { action: 'sync' }],
    [{ Action: 'Import' }, { action: 'import' }],
    [{ Action: 'SomethingNew' }, { action: 'dynamic' }],
  ])('%o', (given, expected) => {
    expect(modify([], given)).toMatchObject({ logicalId: 'Vpc', nesting: ['Net'], ...expected });
  });

  test('a list item is identified by its name', () => {
    const Target = (Path: string) => ({ Target: { Path } });
    const { properties } = modify(
      [
        Target('/Properties/Tags/1/Value'),
        Target('/Properties/Env/0/Value'),
        Target('/Properties/Tags/9/Value'),
      ],
      {
        AfterContext: '{"Properties":{"Tags":[{"Key":"a","Value":"1"},{"Key":"team","Value":"2"}]}}',
        BeforeContext: '{"Properties":{"Env":[{"Name":"LEVEL","Value":"info"}]}}',
      },
    );
    expect(properties.map(({ label }) => label)).toEqual(['team', 'LEVEL', undefined]);
  });

  test('live values of a drift-aware change set', () => {
    const Target = { Path: '/Properties/A', Drift: { PreviousValue: '1', ActualValue: '2' } };
    expect(modify([{ Target }]).properties[0]?.drift).toEqual({ expected: '1', actual: '2' });
  });

  test('the properties of a new resource', () => {
    const AfterContext = JSON.stringify({
      Properties: { CidrBlock: '10.0.0.0/16', Tags: [{ Key: 'a' }], Enabled: true },
    });
    const { properties } = modify([], { Action: 'Add', AfterContext });
    expect(properties.map(({ path, after }) => [path, after])).toEqual([
      ['Properties.CidrBlock', '10.0.0.0/16'],
      ['Properties.Tags', '[{"Key":"a"}]'],
      ['Properties.Enabled', 'true'],
    ]);
  });

  test.each([undefined, 'not json', '[]', '{"Properties": 3}'])(
    'a new resource without readable values: %s',
    (AfterContext) => {
      expect(modify([], { Action: 'Add', AfterContext }).properties).toEqual([]);
    },
  );
});
