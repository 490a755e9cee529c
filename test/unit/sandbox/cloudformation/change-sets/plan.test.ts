import { DescribeChangeSetCommand } from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import { changesOf, Stacks } from '../stacks.ts';

const topics = (first: string, second: string): string => `
Resources:
  Topic1: { Type: AWS::SNS::Topic, Properties: ${first} }
  Topic2: { Type: AWS::SNS::Topic, Properties: ${second} }
`;

describe('the content of a change set', () => {
  test('of a new stack', async () => {
    const stacks = await Stacks.start();
    const plan = await stacks.plan(
      'new',
      topics('{ TopicName: a }', '{ TopicName: b, DisplayName: !GetAtt Topic1.TopicArn }'),
      {
        ChangeSetType: 'CREATE',
      },
    );
    expect(plan).toMatchObject({
      Status: 'CREATE_COMPLETE',
      ExecutionStatus: 'AVAILABLE',
      IncludeNestedStacks: false,
    });
    expect(plan.Changes).toEqual([
      {
        Type: 'Resource',
        ResourceChange: {
          Action: 'Add',
          LogicalResourceId: 'Topic1',
          ResourceType: 'AWS::SNS::Topic',
          Scope: [],
          Details: [],
          AfterContext: '{"Properties":{"TopicName":"a"}}',
        },
      },
      {
        Type: 'Resource',
        ResourceChange: {
          Action: 'Add',
          LogicalResourceId: 'Topic2',
          ResourceType: 'AWS::SNS::Topic',
          Scope: [],
          Details: [],
          AfterContext: '{"Properties":{"TopicName":"b","DisplayName":"{{changeSet:KNOWN_AFTER_APPLY}}"}}',
        },
      },
    ]);
    expect(await stacks.find('new')).toMatchObject({
      StackStatus: 'REVIEW_IN_PROGRESS',
      StackStatusReason: 'User Initiated',
    });
  });

  /** The next three responses were recorded from AWS. */
  test('of an attribute of a changed resource: a guess, omitted with property values', async () => {
    const stacks = await Stacks.start();
    const body = (display: string) =>
      topics(
        `{ TopicName: a, DisplayName: ${display} }`,
        '{ TopicName: b, DisplayName: !GetAtt Topic1.DisplayName }',
      );
    await stacks.deploy('s', body('one'));
    const plan = await stacks.plan('s', body('two'));
    expect(Object.keys(changesOf(plan))).toEqual(['Topic1']);
    expect(changesOf(plan).Topic1).toEqual({
      Action: 'Modify',
      LogicalResourceId: 'Topic1',
      PhysicalResourceId: 'arn:aws:sns:eu-west-1:111111111111:a',
      ResourceType: 'AWS::SNS::Topic',
      Replacement: 'False',
      Scope: ['Properties'],
      BeforeContext: '{"Properties":{"TopicName":"a","DisplayName":"one"}}',
      AfterContext: '{"Properties":{"TopicName":"a","DisplayName":"two"}}',
      Details: [
        {
          Evaluation: 'Static',
          ChangeSource: 'DirectModification',
          Target: {
            Attribute: 'Properties',
            Name: 'DisplayName',
            Path: '/Properties/DisplayName',
            RequiresRecreation: 'Never',
            BeforeValue: 'one',
            AfterValue: 'two',
            AttributeChangeType: 'Modify',
          },
        },
      ],
    });
    const plain = await stacks.client.send(new DescribeChangeSetCommand({ ChangeSetName: plan.ChangeSetId }));
    expect(changesOf(plain).Topic2).toMatchObject({
      Replacement: 'False',
      Details: [
        {
          Evaluation: 'Dynamic',
          ChangeSource: 'ResourceAttribute',
          CausingEntity: 'Topic1.DisplayName',
          Target: { Attribute: 'Properties', Name: 'DisplayName', RequiresRecreation: 'Never' },
        },
      ],
    });
  });

  test('of references to a replaced resource', async () => {
    const stacks = await Stacks.start();
    const body = (name: string, display: string) =>
      topics(
        `{ TopicName: ${name}, DisplayName: ${display} }`,
        '{ TopicName: b, DisplayName: !GetAtt Topic1.DisplayName }',
      );
    await stacks.deploy('s', body('a', 'one'));
    const plan = await stacks.plan('s', body('a2', 'two'));
    expect(changesOf(plan).Topic1).toMatchObject({ Replacement: 'True', PolicyAction: 'ReplaceAndDelete' });
    const values = {
      BeforeValue: 'one',
      AfterValue: '{{changeSet:KNOWN_AFTER_APPLY}}',
      Path: '/Properties/DisplayName',
    };
    expect(changesOf(plan).Topic2?.Details).toEqual([
      expect.objectContaining({
        Evaluation: 'Static',
        ChangeSource: 'ResourceAttribute',
        CausingEntity: 'Topic1.DisplayName',
        Target: expect.objectContaining(values),
      }),
      expect.objectContaining({
        Evaluation: 'Dynamic',
        ChangeSource: 'DirectModification',
        Target: expect.objectContaining(values),
      }),
    ]);
    const plain = await stacks.client.send(new DescribeChangeSetCommand({ ChangeSetName: plan.ChangeSetId }));
    expect(changesOf(plain).Topic2?.Details).toEqual([
      expect.objectContaining({ Evaluation: 'Static', ChangeSource: 'ResourceAttribute' }),
    ]);
  });

  test('of a changed parameter', async () => {
    const stacks = await Stacks.start();
    const body = `
Parameters: { Name: { Type: String } }
Resources: { Foo: { Type: AWS::SNS::Topic, Properties: { TopicName: !Ref Name } } }`;
    await stacks.deploy('s', body, { params: { Name: 'one' } });
    const plan = await stacks.plan('s', body, { params: { Name: 'two' } });
    const target = {
      Attribute: 'Properties',
      Name: 'TopicName',
      Path: '/Properties/TopicName',
      RequiresRecreation: 'Always',
      BeforeValue: 'one',
      AfterValue: 'two',
      AttributeChangeType: 'Modify',
    };
    expect(changesOf(plan).Foo).toMatchObject({
      Replacement: 'True',
      PolicyAction: 'ReplaceAndDelete',
      Scope: ['Properties'],
    });
    expect(changesOf(plan).Foo?.Details).toEqual([
      { Evaluation: 'Static', ChangeSource: 'ParameterReference', CausingEntity: 'Name', Target: target },
      { Evaluation: 'Dynamic', ChangeSource: 'DirectModification', Target: target },
    ]);
  });

  test('of a reference that would replace its resource if it changed', async () => {
    const stacks = await Stacks.start();
    const body = (display: string) => `
Resources:
  Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: ${display} } }
  Policy: { Type: AWS::SNS::Subscription, Properties: { Protocol: email, Endpoint: a@b.c, TopicArn: !GetAtt Topic.TopicArn } }`;
    await stacks.deploy('s', body('one'));
    const plan = await stacks.plan('s', body('two'));
    const plain = await stacks.client.send(new DescribeChangeSetCommand({ ChangeSetName: plan.ChangeSetId }));
    expect(changesOf(plain).Policy).toMatchObject({
      Replacement: 'Conditional',
      Details: [
        { Evaluation: 'Dynamic', Target: { RequiresRecreation: 'Always' }, CausingEntity: 'Topic.TopicArn' },
      ],
    });
  });

  test('of removed, retained and snapshotted resources', async () => {
    const stacks = await Stacks.start();
    const body = `
Resources:
  Keep: { Type: AWS::SNS::Topic }
  Gone: { Type: AWS::SNS::Topic }
  Kept: { Type: AWS::SNS::Topic, DeletionPolicy: Retain }
  Volume: { Type: AWS::EC2::Volume, DeletionPolicy: Snapshot, Properties: { AvailabilityZone: eu-west-1a, Size: 8 } }
  Database: { Type: AWS::RDS::DBCluster, Properties: { Engine: aurora-postgresql } }`;
    await stacks.deploy('s', body);
    const plan = await stacks.plan('s', 'Resources: { Keep: { Type: AWS::SNS::Topic } }');
    const actions = Object.values(changesOf(plan)).map(
      (change) => `${change.LogicalResourceId} ${change.Action} ${change.PolicyAction}`,
    );
    expect(actions).toEqual([
      'Gone Remove Delete',
      'Kept Remove Retain',
      'Volume Remove Snapshot',
      'Database Remove Snapshot',
    ]);
    expect(changesOf(plan).Gone).toMatchObject({
      BeforeContext: '{"Properties":{}}',
      Details: [],
      Scope: [],
    });
  });

  test('of attributes other than properties', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', 'Resources: { T: { Type: AWS::SNS::Topic, Metadata: { A: 1 } } }');
    const plan = await stacks.plan(
      's',
      'Resources: { T: { Type: AWS::SNS::Topic, Metadata: { A: 2 }, DeletionPolicy: Retain } }',
    );
    expect(changesOf(plan).T?.Details?.map(({ Target }) => Target)).toEqual([
      {
        Attribute: 'Metadata',
        RequiresRecreation: 'Never',
        Path: '/Metadata',
        BeforeValue: '{"A":"1"}',
        AfterValue: '{"A":"2"}',
        AttributeChangeType: 'Modify',
      },
      {
        Attribute: 'DeletionPolicy',
        RequiresRecreation: 'Never',
        Path: '/DeletionPolicy',
        AfterValue: 'Retain',
        AttributeChangeType: 'Add',
      },
    ]);
    expect(changesOf(plan).T?.Scope).toEqual(['Metadata', 'DeletionPolicy']);
  });

  test('of a stack tag, which is added to every taggable resource', async () => {
    const stacks = await Stacks.start();
    const body =
      'Resources: { T: { Type: AWS::SNS::Topic }, P: { Type: AWS::SNS::TopicPolicy, Properties: { Topics: [!Ref T], PolicyDocument: {} } } }';
    await stacks.deploy('s', body, { Tags: [{ Key: 'team', Value: 'a' }] });
    const plan = await stacks.plan('s', body, { Tags: [{ Key: 'team', Value: 'b' }] });
    expect(Object.keys(changesOf(plan))).toEqual(['T']);
    expect(changesOf(plan).T).toMatchObject({
      Scope: ['Tags'],
      Details: [
        {
          Target: {
            Attribute: 'Tags',
            BeforeValue: '[{"Key":"team","Value":"a"}]',
            AfterValue: '[{"Key":"team","Value":"b"}]',
          },
        },
      ],
    });
    await stacks.apply(plan);
    expect(await stacks.story('s')).toContain('T UPDATE_COMPLETE');
    expect((await stacks.find('s'))?.Tags).toEqual([{ Key: 'team', Value: 'b' }]);
  });

  test('of a secret: that it changes, but not its value', async () => {
    const stacks = await Stacks.start();
    const body = `
Parameters: { Secret: { Type: String, NoEcho: true } }
Resources: { P: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: !Sub 'db:\${Secret}' } } }`;
    await stacks.deploy('s', body, { params: { Secret: 'hunter2' } });
    const plan = await stacks.plan('s', body, { params: { Secret: 'hunter3' } });
    expect(changesOf(plan).P?.Details?.[0]?.Target).toMatchObject({
      BeforeValue: 'db:****',
      AfterValue: 'db:****',
    });
    await stacks.apply(plan);
    const everything = JSON.stringify([plan, await stacks.events('s'), await stacks.find('s')]);
    expect(everything).not.toMatch(/hunter/);
  });

  test('of an export that does not exist yet', async () => {
    const stacks = await Stacks.start();
    const body =
      'Resources: { T: { Type: AWS::SNS::Topic, Properties: { DisplayName: !ImportValue later } } }';
    const plan = await stacks.plan('s', body, { ChangeSetType: 'CREATE' });
    expect(plan).toMatchObject({
      Status: 'CREATE_COMPLETE',
      StatusReason:
        '[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet creation failed for resource [T] because: No export named later found',
    });
    expect(changesOf(plan).T?.AfterContext).toContain('KNOWN_AFTER_APPLY');
    const stack = await stacks.apply(plan);
    expect(stack).toMatchObject({ StackStatus: 'ROLLBACK_COMPLETE' });
    expect(await stacks.story('s')).toContain(
      '* ROLLBACK_IN_PROGRESS (No export named later found. Rollback requested by user.)',
    );
  });

  test('page by page', async () => {
    const stacks = await Stacks.start();
    const resources = Array.from(
      { length: 230 },
      (_, index) => `  T${index}: { Type: AWS::SNS::Topic }`,
    ).join('\n');
    const plan = await stacks.plan('s', `Resources:\n${resources}`, { ChangeSetType: 'CREATE' });
    const sizes = [];
    for (let NextToken = plan.NextToken, page = plan; ;) {
      sizes.push(page.Changes?.length);
      if (!NextToken) break;
      page = await stacks.client.send(
        new DescribeChangeSetCommand({ ChangeSetName: plan.ChangeSetId, NextToken }),
      );
      NextToken = page.NextToken;
    }
    expect(sizes).toEqual([100, 100, 30]);
  });
});
