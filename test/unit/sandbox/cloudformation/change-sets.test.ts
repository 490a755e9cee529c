import {
  CreateChangeSetCommand,
  DeleteChangeSetCommand,
  DescribeChangeSetCommand,
  DescribeEventsCommand,
  ExecuteChangeSetCommand,
  GetTemplateCommand,
  ListChangeSetsCommand,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import { changesOf, Stacks } from './stacks.ts';

const topics = (first: string, second: string): string => `
Resources:
  Topic1: { Type: AWS::SNS::Topic, Properties: ${first} }
  Topic2: { Type: AWS::SNS::Topic, Properties: ${second} }
`;
const parameter = (value: string): string =>
  `Resources: { P: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: ${value} } } }`;

describe('what a change set says', () => {
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

  /** The next three answers of AWS are on record. */
  test('of an attribute of a resource that changes: a guess, which is left out beside values', async () => {
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

  test('of what refers to a resource that is replaced', async () => {
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

  test('of a parameter that changes', async () => {
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

  test('of attributes beside the properties', async () => {
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

  test('of a tag of the stack, which is one of every resource that can have tags', async () => {
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

  test('of a secret: that it changes, and not what it is', async () => {
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

describe('a change set without changes', () => {
  const noChanges =
    "The submitted information didn't contain changes. Submit different information to create a change set.";

  test('fails in the words that everybody looks for', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', parameter('a'));
    const plan = await stacks.plan('s', parameter('"a"'));
    expect(plan).toMatchObject({
      Status: 'FAILED',
      ExecutionStatus: 'UNAVAILABLE',
      StatusReason: noChanges,
      Changes: [],
    });
    await expect(stacks.apply(plan)).rejects.toMatchObject({
      name: 'InvalidChangeSetStatusException',
      message: `ChangeSet [${plan.ChangeSetId}] cannot be executed in its current status of [FAILED]`,
    });
    await expect(
      stacks.client.send(new UpdateStackCommand({ StackName: 's', TemplateBody: parameter('a') })),
    ).rejects.toMatchObject({
      name: 'ValidationError',
      message: 'No updates are to be performed.',
    });
  });

  test('is one with a transform, in other words', async () => {
    const stacks = await Stacks.start();
    const body = `Transform: AWS::LanguageExtensions\n${parameter('a')}`;
    await stacks.deploy('s', body);
    expect((await stacks.plan('s', body)).StatusReason).toBe('No updates are to be performed.');
  });

  test('is not one that changes outputs alone', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', parameter('a'));
    const plan = await stacks.plan(
      's',
      `${parameter('a')}\nOutputs: { Name: { Value: !Ref P, Export: { Name: p } } }`,
    );
    expect(plan).toMatchObject({ Status: 'CREATE_COMPLETE', Changes: [] });
    expect(await stacks.apply(plan)).toMatchObject({
      StackStatus: 'UPDATE_COMPLETE',
      Outputs: [{ ExportName: 'p' }],
    });
  });
});

describe('the life of a change set', () => {
  test('executing one deletes the others, and it stays to be described', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', parameter('a'));
    const [first, second] = [await stacks.plan('s', parameter('b')), await stacks.plan('s', parameter('c'))];
    await stacks.apply(first);
    const described = await stacks.client.send(
      new DescribeChangeSetCommand({ ChangeSetName: first.ChangeSetId }),
    );
    expect(described).toMatchObject({ ExecutionStatus: 'EXECUTE_COMPLETE', Status: 'CREATE_COMPLETE' });
    const gone = stacks.client.send(new DescribeChangeSetCommand({ ChangeSetName: second.ChangeSetId }));
    await expect(gone).rejects.toMatchObject({
      name: 'ChangeSetNotFoundException',
      message: `ChangeSet [${second.ChangeSetId}] does not exist`,
    });
    expect((await stacks.client.send(new ListChangeSetsCommand({ StackName: 's' }))).Summaries).toEqual([]);
    expect((await stacks.find('s'))?.ChangeSetId).toBe(first.ChangeSetId);
    await expect(stacks.apply(first)).rejects.toThrow(
      'cannot be executed in its current execution status of [EXECUTE_COMPLETE]',
    );
  });

  test('a stack that goes another way makes it obsolete', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', parameter('a'));
    const plan = await stacks.plan('s', parameter('b'));
    await stacks.client.send(new UpdateStackCommand({ StackName: 's', TemplateBody: parameter('c') }));
    await stacks.settled('s');
    await expect(stacks.apply(plan)).rejects.toThrow(
      'cannot be executed in its current execution status of [OBSOLETE]',
    );
  });

  test('deleting the only one of a new stack leaves the shell', async () => {
    const stacks = await Stacks.start();
    const plan = await stacks.plan('s', parameter('a'), { ChangeSetType: 'CREATE' });
    await stacks.client.send(new DeleteChangeSetCommand({ ChangeSetName: plan.ChangeSetId }));
    expect(await stacks.find('s')).toMatchObject({ StackStatus: 'REVIEW_IN_PROGRESS' });
    await expect(stacks.plan('s', parameter('a'))).rejects.toThrow(
      `Stack:${plan.StackId} is in REVIEW_IN_PROGRESS state and can not be updated.`,
    );
    const second = await stacks.plan('s', parameter('a'), { ChangeSetType: 'CREATE' });
    expect(second.StackId).toBe(plan.StackId);
    expect(await stacks.delete('s')).toMatchObject({ StackStatus: 'DELETE_COMPLETE' });
  });

  test('the same request with the same tokens is done once', async () => {
    const stacks = await Stacks.start();
    const request = {
      StackName: 's',
      ChangeSetName: 'one',
      ChangeSetType: 'CREATE',
      TemplateBody: parameter('a'),
      ClientToken: 't',
    } as const;
    const [first, again] = [
      await stacks.client.send(new CreateChangeSetCommand(request)),
      await stacks.client.send(new CreateChangeSetCommand(request)),
    ];
    expect(again.Id).toBe(first.Id);
    const other = stacks.client.send(new CreateChangeSetCommand({ ...request, ClientToken: 'u' }));
    await expect(other).rejects.toMatchObject({ name: 'AlreadyExistsException' });
    await stacks.until(
      () => stacks.client.send(new DescribeChangeSetCommand({ ChangeSetName: first.Id })),
      ({ Status }) => Status === 'CREATE_COMPLETE',
    );
    const execute = { ChangeSetName: first.Id, ClientRequestToken: 'run-1' };
    await stacks.client.send(new ExecuteChangeSetCommand(execute));
    await stacks.client.send(new ExecuteChangeSetCommand(execute));
    await stacks.settled('s');
    await stacks.client.send(new ExecuteChangeSetCommand(execute));
    const story = await stacks.story('s');
    expect(story.filter((line) => line.startsWith('* CREATE_IN_PROGRESS'))).toHaveLength(1);
    const events = await stacks.events('s');
    expect(new Set(events.slice(1).map(({ ClientRequestToken }) => ClientRequestToken))).toEqual(
      new Set(['run-1']),
    );
    expect(new Set(events.map(({ EventId }) => EventId)).size).toBe(events.length);
  });

  test('its template can be read', async () => {
    const stacks = await Stacks.start();
    const plan = await stacks.plan('s', parameter('a'), { ChangeSetType: 'CREATE' });
    const { TemplateBody } = await stacks.client.send(
      new GetTemplateCommand({ ChangeSetName: plan.ChangeSetId, TemplateStage: 'Original' }),
    );
    expect(TemplateBody).toBe(parameter('a'));
  });

  test.each([
    ['of a stack that is not there', { StackName: 'none' }, 'Stack [none] does not exist'],
    [
      'of a new stack that is there',
      { StackName: 's', ChangeSetType: 'CREATE' },
      'Stack [s] already exists and cannot be created again with the changeSet [x].',
    ],
    [
      'by import',
      { StackName: 's', ChangeSetType: 'IMPORT' },
      'The sandbox does not import resources: ChangeSetType IMPORT is not supported.',
    ],
    [
      'without a template',
      { StackName: 's', TemplateBody: undefined },
      'Either Template URL or Template Body must be specified.',
    ],
    [
      'with a strange name',
      { StackName: 's', ChangeSetName: '1x' },
      "1 validation error detected: Value '1x' at 'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*",
    ],
    [
      'of nested stacks and of drift',
      { StackName: 's', IncludeNestedStacks: true, DeploymentMode: 'REVERT_DRIFT' },
      'IncludeNestedStacks cannot be used with DeploymentMode REVERT_DRIFT.',
    ],
    [
      'with an unknown parameter',
      { StackName: 's', Parameters: [{ ParameterKey: 'Q', ParameterValue: '1' }] },
      'Parameters: [Q] do not exist in the template',
    ],
    [
      'without capabilities',
      {
        StackName: 's',
        Capabilities: [],
        TemplateBody:
          'Resources: { R: { Type: AWS::IAM::Role, Properties: { RoleName: r, AssumeRolePolicyDocument: {} } } }',
      },
      'Requires capabilities : [CAPABILITY_NAMED_IAM]',
    ],
    [
      'with another type for a resource',
      { StackName: 's', TemplateBody: 'Resources: { P: { Type: AWS::SNS::Topic } }' },
      'Update of resource type is not permitted. The new template modifies resource type of the following resources: [P]',
    ],
  ])('one %s is refused', async (_, request, message) => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', parameter('a'));
    const command = new CreateChangeSetCommand({
      ChangeSetName: 'x',
      TemplateBody: parameter('b'),
      ...request,
    } as never);
    await expect(stacks.client.send(command)).rejects.toThrow(message);
  });

  test('a template that is too long for a request is refused', async () => {
    const stacks = await Stacks.start();
    const body = `Description: ${'x'.repeat(51_200)}`;
    await expect(stacks.plan('s', body, { ChangeSetType: 'CREATE' })).rejects.toThrow(
      "' at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200",
    );
  });
});

describe('early validation', () => {
  test('finds unknown, missing and wrong properties, with their places', async () => {
    const stacks = await Stacks.start();
    const body = `
Resources:
  Subnet: { Type: AWS::EC2::Subnet, Properties: { CidrBlok: 10.0.0.0/24, MapPublicIpOnLaunch: maybe } }
  Service: { Type: AWS::ECS::Service, Properties: { TaskDefinition: x, LaunchType: LAMBDA, NetworkConfiguration: { AwsvpcConfiguration: { Subnet: [a] } } } }`;
    const plan = await stacks.plan('s', body, { ChangeSetType: 'CREATE' });
    expect(plan).toMatchObject({
      Status: 'FAILED',
      ExecutionStatus: 'UNAVAILABLE',
      StatusReason:
        'The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information.',
    });
    expect(plan.Changes).toHaveLength(2);
    const { OperationEvents = [] } = await stacks.client.send(
      new DescribeEventsCommand({ ChangeSetName: plan.ChangeSetId, Filters: { FailedEvents: true } }),
    );
    expect(
      OperationEvents.every(
        ({ EventType, OperationType }) =>
          EventType === 'VALIDATION_ERROR' && OperationType === 'CREATE_CHANGESET',
      ),
    ).toBe(true);
    const found = OperationEvents.map(
      (event) => `${event.ValidationPath}: ${event.ValidationStatusReason}`,
    ).sort();
    expect(found).toEqual([
      '/Resources/Service/Properties/LaunchType: #/LaunchType: LAMBDA is not a valid enum value',
      '/Resources/Service/Properties/NetworkConfiguration/AwsvpcConfiguration: Unsupported property [Subnet]',
      '/Resources/Subnet/Properties/MapPublicIpOnLaunch: #/MapPublicIpOnLaunch: expected type: Boolean, found: String',
      '/Resources/Subnet/Properties: Required property [VpcId] not found',
      '/Resources/Subnet/Properties: Unsupported property [CidrBlok]',
    ]);
  });

  test('finds names that are taken', async () => {
    const stacks = await Stacks.start();
    const body = 'Resources: { B: { Type: AWS::S3::Bucket, Properties: { BucketName: taken } } }';
    await stacks.deploy('one', body);
    const other = new Stacks(stacks.sandbox, '222222222222');
    const plan = await other.plan('two', body, { ChangeSetType: 'CREATE' });
    expect(plan.StatusReason).toContain('[AWS::EarlyValidation::ResourceExistenceCheck]');
    const { OperationEvents } = await other.client.send(
      new DescribeEventsCommand({ StackName: 'two', Filters: { FailedEvents: true } }),
    );
    expect(OperationEvents?.[0]).toMatchObject({
      ValidationName: 'NAME_CONFLICT_VALIDATION',
      ValidationStatusReason: "Resource of type 'AWS::S3::Bucket' with identifier 'taken' already exists.",
      ValidationPath: '/Resources/B',
      ValidationFailureMode: 'FAIL',
      LogicalResourceId: 'B',
    });
  });

  test('switched off, the resource fails instead', async () => {
    const stacks = await Stacks.start();
    const body = 'Resources: { V: { Type: AWS::EC2::VPC, Properties: { Cidr: 10.0.0.0/16 } } }';
    const plan = await stacks.plan('s', body, { ChangeSetType: 'CREATE', DisableValidation: true });
    expect(plan.Status).toBe('CREATE_COMPLETE');
    expect(await stacks.apply(plan)).toMatchObject({ StackStatus: 'ROLLBACK_COMPLETE' });
    expect(await stacks.story('s')).toContain(
      'V CREATE_FAILED (Properties validation failed for resource V with message:\n[#: extraneous key [Cidr] is not permitted])',
    );
  });
});
