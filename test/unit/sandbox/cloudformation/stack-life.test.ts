import {
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStackResourceCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  ListStackResourcesCommand,
  ListStacksCommand,
  UpdateStackCommand,
  UpdateTerminationProtectionCommand,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import { refusal, STAGING } from '../clients.ts';
import { Stacks } from './stacks.ts';

const NETWORK = `
Parameters: { Cidr: { Type: String, Default: 10.0.0.0/16 } }
Resources:
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: !Ref Cidr } }
  Subnet: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24 } }
Outputs:
  Vpc: { Value: !Ref Vpc, Description: The network }
`;
const topic = (display: string, more = ''): string =>
  `Resources: { T: { Type: AWS::SNS::Topic, Properties: { DisplayName: ${display} }${more} } }`;

describe('the life of a stack', () => {
  test('creation, in the order and words of AWS', async () => {
    const stacks = await Stacks.start();
    const stack = await stacks.deploy('net', NETWORK);
    expect(await stacks.story('net')).toEqual([
      '* REVIEW_IN_PROGRESS (User Initiated)',
      '* CREATE_IN_PROGRESS (User Initiated)',
      'Vpc CREATE_IN_PROGRESS',
      'Vpc CREATE_IN_PROGRESS (Resource creation Initiated)',
      'Vpc CREATE_IN_PROGRESS (Eventual consistency check initiated)',
      'Vpc CREATE_COMPLETE',
      'Subnet CREATE_IN_PROGRESS',
      'Subnet CREATE_IN_PROGRESS (Resource creation Initiated)',
      'Subnet CREATE_COMPLETE',
      '* CREATE_COMPLETE',
    ]);
    expect(stack).toMatchObject({
      StackStatus: 'CREATE_COMPLETE',
      Parameters: [{ ParameterKey: 'Cidr', ParameterValue: '10.0.0.0/16' }],
      Outputs: [
        {
          OutputKey: 'Vpc',
          OutputValue: expect.stringMatching(/^vpc-[0-9a-f]{17}$/),
          Description: 'The network',
        },
      ],
    });
  });

  test('the fields of events', async () => {
    const stacks = await Stacks.start();
    const { StackId } = await stacks.deploy('net', NETWORK, { execute: { ClientRequestToken: 'run-1' } });
    const events = await stacks.events('net');
    const vpc = events.filter(({ LogicalResourceId }) => LogicalResourceId === 'Vpc');
    expect(vpc.map(({ PhysicalResourceId }) => PhysicalResourceId)).toEqual([
      '',
      ...Array.from({ length: 3 }, () => expect.stringMatching(/^vpc-/)),
    ]);
    expect(vpc[0]).toMatchObject({
      StackId,
      StackName: 'net',
      ResourceType: 'AWS::EC2::VPC',
      ResourceProperties: '{"CidrBlock":"10.0.0.0/16"}',
      ClientRequestToken: 'run-1',
      EventId: expect.stringMatching(/^Vpc-CREATE_IN_PROGRESS-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      Timestamp: expect.any(Date),
    });
    expect(vpc[2]).toMatchObject({ DetailedStatus: 'CONFIGURATION_COMPLETE' });
    expect(events.at(-1)).toMatchObject({
      EventId: expect.stringMatching(/^[0-9a-f]{8}-/),
      ResourceType: 'AWS::CloudFormation::Stack',
      LogicalResourceId: 'net',
      PhysicalResourceId: StackId,
    });
    expect(new Set(events.map(({ EventId }) => EventId)).size).toBe(events.length);
    const operations = new Set(events.slice(1).map(({ OperationId }) => OperationId));
    expect([...operations]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  });

  test('an update in place, a replacement and a removal', async () => {
    const stacks = await Stacks.start();
    const body = (cidr: string, more: string) => `
Resources:
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: ${cidr} } }
  Group: { Type: AWS::EC2::SecurityGroup, Properties: { GroupDescription: a, VpcId: !Ref Vpc } }
  ${more}`;
    await stacks.deploy('s', body('10.0.0.0/16', 'Old: { Type: AWS::SNS::Topic }'));
    const before = (await stacks.events('s')).length;
    const stack = await stacks.deploy('s', body('10.1.0.0/16', 'New: { Type: AWS::SQS::Queue }'));
    expect(stack.LastUpdatedTime).toBeInstanceOf(Date);
    const story = (await stacks.story('s')).slice(before);
    const of = (id: string) => story.filter((line) => line.startsWith(`${id} `));
    const replacing =
      'Requested update requires the creation of a new physical resource; hence creating one.';
    expect(of('*')).toEqual([
      '* UPDATE_IN_PROGRESS (User Initiated)',
      '* UPDATE_COMPLETE_CLEANUP_IN_PROGRESS',
      '* UPDATE_COMPLETE',
    ]);
    expect(of('Vpc')).toEqual([
      `Vpc UPDATE_IN_PROGRESS (${replacing})`,
      'Vpc UPDATE_IN_PROGRESS (Resource creation Initiated)',
      'Vpc UPDATE_IN_PROGRESS (Eventual consistency check initiated)',
      'Vpc UPDATE_COMPLETE',
      'Vpc DELETE_IN_PROGRESS',
      'Vpc DELETE_COMPLETE',
    ]);
    expect(of('Group').slice(-3)).toEqual([
      'Group UPDATE_COMPLETE',
      'Group DELETE_IN_PROGRESS',
      'Group DELETE_COMPLETE',
    ]);
    expect(of('Old')).toEqual(['Old DELETE_IN_PROGRESS', 'Old DELETE_COMPLETE']);
    expect(story.indexOf('Group DELETE_COMPLETE')).toBeLessThan(story.indexOf('Vpc DELETE_IN_PROGRESS'));
  });

  test('deletion, in reverse order; afterwards only its ARN finds it', async () => {
    const stacks = await Stacks.start();
    const { StackId } = await stacks.deploy('net', NETWORK);
    const before = (await stacks.events('net')).length;
    const gone = await stacks.delete('net');
    expect(gone).toMatchObject({ StackStatus: 'DELETE_COMPLETE', DeletionTime: expect.any(Date) });
    expect(gone.Outputs ?? []).toEqual([]);
    expect((await stacks.story(StackId!)).slice(before)).toEqual([
      '* DELETE_IN_PROGRESS (User Initiated)',
      'Subnet DELETE_IN_PROGRESS',
      'Subnet DELETE_COMPLETE',
      'Vpc DELETE_IN_PROGRESS',
      'Vpc DELETE_COMPLETE',
      '* DELETE_COMPLETE',
    ]);
    expect(await refusal(stacks.client.send(new DescribeStacksCommand({ StackName: 'net' })))).toEqual({
      name: 'ValidationError',
      message: 'Stack with id net does not exist',
      status: 400,
    });
    expect(await refusal(stacks.client.send(new DescribeStackEventsCommand({ StackName: 'net' })))).toEqual({
      name: 'ValidationError',
      message: 'Stack [net] does not exist',
      status: 400,
    });
    await stacks.client.send(new DeleteStackCommand({ StackName: 'net' }));
    const again = await stacks.deploy('net', NETWORK);
    expect(again.StackId).not.toBe(StackId);
  });

  test('a stack that is deleted while it is made', async () => {
    const stacks = await Stacks.start({ timeScale: 50 });
    await stacks.client.send(new CreateStackCommand({ StackName: 's', TemplateBody: NETWORK }));
    const { StackId } = (await stacks.find('s'))!;
    await stacks.until(
      () => stacks.story('s'),
      (story) => story.includes('Vpc CREATE_IN_PROGRESS (Resource creation Initiated)'),
    );
    await stacks.client.send(new DeleteStackCommand({ StackName: 's' }));
    expect(await stacks.settled(StackId!)).toMatchObject({ StackStatus: 'DELETE_COMPLETE' });
    const story = await stacks.story(StackId!);
    expect(story).toEqual([
      '* CREATE_IN_PROGRESS (User Initiated)',
      'Vpc CREATE_IN_PROGRESS',
      'Vpc CREATE_IN_PROGRESS (Resource creation Initiated)',
      '* DELETE_IN_PROGRESS (User Initiated)',
      'Vpc CREATE_FAILED (Resource creation cancelled)',
      'Vpc DELETE_IN_PROGRESS',
      'Vpc DELETE_COMPLETE',
      '* DELETE_COMPLETE',
    ]);
  });

  test('policies that keep resources', async () => {
    const stacks = await Stacks.start();
    const kept = (cidr: string) => `
Resources:
  Vpc: { Type: AWS::EC2::VPC, UpdateReplacePolicy: Retain, DeletionPolicy: Retain, Properties: { CidrBlock: ${cidr} } }
  Table:
    Type: AWS::RDS::DBCluster
    Properties: { Engine: aurora-postgresql, MasterUsername: a, MasterUserPassword: abcdefgh }
  Copied:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Snapshot
    Properties: { Engine: aurora-postgresql, MasterUsername: a, MasterUserPassword: abcdefgh }
`;
    const { StackId } = await stacks.deploy('s', kept('10.0.0.0/16'));
    await stacks.deploy('s', kept('10.1.0.0/16'));
    expect(await stacks.story('s')).toContain('Vpc DELETE_SKIPPED');
    await stacks.delete('s');
    const story = await stacks.story(StackId!);
    expect(story.slice(-1)).toEqual(['* DELETE_COMPLETE']);
    expect(story.filter((line) => line === 'Vpc DELETE_SKIPPED')).toHaveLength(2);
    expect(story).toContain('Copied DELETE_COMPLETE');
    expect(story).not.toContain('Vpc DELETE_IN_PROGRESS');
  });

  test('tags of the stack are tags of its resources', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', topic('a'), { Tags: [{ Key: 'team', Value: 'one' }] });
    const stack = await stacks.deploy('s', topic('a'), { Tags: [{ Key: 'team', Value: 'two' }] });
    expect(stack.Tags).toEqual([{ Key: 'team', Value: 'two' }]);
    expect((await stacks.story('s')).slice(-4)).toEqual([
      'T UPDATE_IN_PROGRESS',
      'T UPDATE_COMPLETE',
      '* UPDATE_COMPLETE_CLEANUP_IN_PROGRESS',
      '* UPDATE_COMPLETE',
    ]);
  });
});

describe('what is read of stacks', () => {
  test('events, newest first, 100 a page', async () => {
    const stacks = await Stacks.start();
    const resources = Array.from({ length: 60 }, (_, i) => `  T${i}: { Type: AWS::SNS::Topic }`).join('\n');
    await stacks.deploy('many', `Resources:\n${resources}`);
    const send = (NextToken?: string) =>
      stacks.client.send(new DescribeStackEventsCommand({ StackName: 'many', NextToken }));
    const first = await send();
    const second = await send(first.NextToken);
    expect([first.StackEvents?.length, second.StackEvents?.length, second.NextToken]).toEqual([
      100,
      83,
      undefined,
    ]);
    expect(first.StackEvents?.[0]).toMatchObject({
      ResourceStatus: 'CREATE_COMPLETE',
      LogicalResourceId: 'many',
    });
    expect(second.StackEvents?.at(-1)).toMatchObject({ ResourceStatus: 'REVIEW_IN_PROGRESS' });
  });

  test('pages stay as they are while events arrive', async () => {
    const stacks = await Stacks.start();
    const resources = (display: string) =>
      Array.from(
        { length: 40 },
        (_, i) => `  T${i}: { Type: AWS::SNS::Topic, Properties: { DisplayName: ${display} } }`,
      ).join('\n');
    await stacks.deploy('many', `Resources:\n${resources('a')}`);
    const send = (NextToken?: string) =>
      stacks.client.send(new DescribeStackEventsCommand({ StackName: 'many', NextToken }));
    const first = await send();
    await stacks.deploy('many', `Resources:\n${resources('b')}`);
    const second = await send(first.NextToken);
    const ids = [...first.StackEvents!, ...second.StackEvents!].map(({ EventId }) => EventId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(123);
  });

  test('resources', async () => {
    const stacks = await Stacks.start();
    const { StackId } = await stacks.deploy('net', NETWORK);
    const all = await stacks.client.send(new DescribeStackResourcesCommand({ StackName: 'net' }));
    expect(all.StackResources?.map(({ LogicalResourceId }) => LogicalResourceId)).toEqual(['Subnet', 'Vpc']);
    expect(all.StackResources?.[1]).toMatchObject({
      StackName: 'net',
      StackId,
      PhysicalResourceId: expect.stringMatching(/^vpc-/),
      ResourceType: 'AWS::EC2::VPC',
      ResourceStatus: 'CREATE_COMPLETE',
      DriftInformation: { StackResourceDriftStatus: 'NOT_CHECKED' },
    });
    const listed = await stacks.client.send(new ListStackResourcesCommand({ StackName: 'net' }));
    expect(listed.StackResourceSummaries).toHaveLength(2);
    const PhysicalResourceId = all.StackResources?.[1]?.PhysicalResourceId;
    const found = await stacks.client.send(new DescribeStackResourcesCommand({ PhysicalResourceId }));
    expect(found.StackResources).toHaveLength(2);
    const one = (LogicalResourceId: string) =>
      stacks.client.send(new DescribeStackResourceCommand({ StackName: 'net', LogicalResourceId }));
    expect((await one('Vpc')).StackResourceDetail).toMatchObject({ PhysicalResourceId, Metadata: '{}' });
    expect((await refusal(one('Nope'))).message).toBe('Resource Nope does not exist for stack net');
    expect(
      await refusal(stacks.client.send(new ListStackResourcesCommand({ StackName: 'x' }))),
    ).toMatchObject({
      name: 'ValidationError',
      message: 'Stack with id x does not exist',
    });
  });

  test('stacks of another account stay unseen', async () => {
    const stacks = await Stacks.start();
    const { StackId } = await stacks.deploy('net', NETWORK);
    const others = new Stacks(stacks.sandbox, STAGING);
    expect(await others.find('net')).toBeUndefined();
    expect(await others.find(StackId!)).toBeUndefined();
    expect((await others.client.send(new ListStacksCommand({}))).StackSummaries).toEqual([]);
    const listed = await stacks.client.send(
      new ListStacksCommand({ StackStatusFilter: ['CREATE_COMPLETE'] }),
    );
    expect(listed.StackSummaries).toMatchObject([{ StackName: 'net', StackId }]);
    const failed = await stacks.client.send(new ListStacksCommand({ StackStatusFilter: ['CREATE_FAILED'] }));
    expect(failed.StackSummaries).toEqual([]);
  });

  test('the last operations, newest first', async () => {
    const stacks = await Stacks.start();
    const created = await stacks.deploy('s', topic('a'));
    const updated = await stacks.deploy('s', topic('b'));
    expect(created.LastOperations).toEqual([
      { OperationType: 'CREATE_STACK', OperationId: expect.any(String) },
    ]);
    expect(updated.LastOperations).toEqual([
      { OperationType: 'UPDATE_STACK', OperationId: expect.any(String) },
    ]);
  });
});

describe('what is refused', () => {
  test('deleting a protected stack', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', topic('a'));
    const protect = (EnableTerminationProtection: boolean) =>
      stacks.client.send(
        new UpdateTerminationProtectionCommand({ StackName: 's', EnableTerminationProtection }),
      );
    await protect(true);
    expect((await stacks.find('s'))?.EnableTerminationProtection).toBe(true);
    expect(await refusal(stacks.client.send(new DeleteStackCommand({ StackName: 's' })))).toEqual({
      name: 'ValidationError',
      message: 'Stack [s] cannot be deleted while TerminationProtection is enabled',
      status: 400,
    });
    await protect(false);
    expect(await stacks.delete('s')).toMatchObject({ StackStatus: 'DELETE_COMPLETE' });
  });

  test('making a stack twice, changing none and changing one at work', async () => {
    const stacks = await Stacks.start({ timeScale: 20 });
    const create = (token?: string) =>
      stacks.client.send(
        new CreateStackCommand({ StackName: 's', TemplateBody: topic('a'), ClientRequestToken: token }),
      );
    const first = await create('one');
    expect((await create('one')).StackId).toBe(first.StackId);
    expect(await refusal(create('two'))).toEqual({
      name: 'AlreadyExistsException',
      message: 'Stack [s] already exists',
      status: 400,
    });
    const update = (StackName: string, token?: string) =>
      stacks.client.send(
        new UpdateStackCommand({ StackName, TemplateBody: topic('b'), ClientRequestToken: token }),
      );
    expect(await refusal(update('none'))).toEqual({
      name: 'ValidationError',
      message: 'Stack [none] does not exist',
      status: 400,
    });
    expect(await refusal(update('s'))).toMatchObject({
      name: 'ValidationError',
      message: `Stack:${first.StackId!} is in CREATE_IN_PROGRESS state and can not be updated.`,
    });
    await stacks.settled('s');
    expect(await refusal(update('s', 'one'))).toMatchObject({ name: 'TokenAlreadyExistsException' });
  });

  test.each([
    ['no name', { StackName: '' }, /stackName/],
    [
      'a name of bad characters',
      { StackName: '9a' },
      /'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern/,
    ],
    [
      'no template',
      { TemplateBody: undefined },
      /^Either Template URL or Template Body must be specified\.$/,
    ],
    ['two templates', { TemplateURL: 'https://b.s3.amazonaws.com/t' }, /./],
    [
      'an unknown parameter',
      { Parameters: [{ ParameterKey: 'X', ParameterValue: '1' }] },
      /^Parameters: \[X\] do not exist in the template$/,
    ],
    [
      'a missing parameter',
      { TemplateBody: `Parameters: { P: { Type: String } }\n${topic('a')}` },
      /^Parameters: \[P\] must have values$/,
    ],
    [
      'a template too long',
      { TemplateBody: `# ${'x'.repeat(51200)}\n${topic('a')}` },
      /at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200$/,
    ],
  ])('a creation with %s', async (_, input, message) => {
    const stacks = await Stacks.start();
    const answer = await refusal(
      stacks.client.send(new CreateStackCommand({ StackName: 's', TemplateBody: topic('a'), ...input })),
    );
    expect(answer).toMatchObject({ name: 'ValidationError', status: 400 });
    expect(answer.message).toMatch(message);
    expect(await stacks.find('s')).toBeUndefined();
  });

  test('roles without the capability to make them', async () => {
    const stacks = await Stacks.start();
    const role = (name: string) =>
      `Resources: { R: { Type: AWS::IAM::Role, Properties: { ${name}AssumeRolePolicyDocument: { Version: '2012-10-17' } } } }`;
    const create = (TemplateBody: string, Capabilities: 'CAPABILITY_IAM'[]) =>
      refusal(stacks.client.send(new CreateStackCommand({ StackName: 's', TemplateBody, Capabilities })));
    expect(await create(role(''), [])).toEqual({
      name: 'InsufficientCapabilitiesException',
      message: 'Requires capabilities : [CAPABILITY_IAM]',
      status: 400,
    });
    expect(await create(role('RoleName: r, '), ['CAPABILITY_IAM'])).toMatchObject({
      message: 'Requires capabilities : [CAPABILITY_NAMED_IAM]',
    });
  });
});
