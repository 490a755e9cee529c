import {
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import { refusal } from '../../clients.ts';
import { Stacks } from '../stacks.ts';

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
  test("creation, with AWS's order and messages", async () => {
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

  test('resources that need a role start once it is configured, not stable', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy(
      's',
      `
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties: { AssumeRolePolicyDocument: { Statement: [] } }
  Queue: { Type: AWS::SQS::Queue, DependsOn: Role }
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  Topic: { Type: AWS::SNS::Topic, DependsOn: Vpc }`,
    );
    const story = (await stacks.events('s')).map(
      ({ LogicalResourceId, ResourceStatus, DetailedStatus = '' }) =>
        `${LogicalResourceId} ${DetailedStatus || ResourceStatus}`,
    );
    const at = (line: string) => story.indexOf(line);
    expect(at('Queue CREATE_IN_PROGRESS')).toBeGreaterThan(at('Role CONFIGURATION_COMPLETE'));
    expect(at('Queue CREATE_IN_PROGRESS')).toBeLessThan(at('Role CREATE_COMPLETE'));
    expect(at('Topic CREATE_IN_PROGRESS')).toBeGreaterThan(at('Vpc CREATE_COMPLETE'));
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

  test('deletion in reverse order; afterwards only its ARN identifies it', async () => {
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

  test('a stack that is deleted during its creation', async () => {
    const stacks = await Stacks.start({
      scenario: { resources: [{ match: { logicalId: 'Vpc' }, on: 'create', seconds: 20_000 }] },
    });
    await stacks.client.send(new CreateStackCommand({ StackName: 's', TemplateBody: NETWORK }));
    const { StackId } = (await stacks.find('s'))!;
    await stacks.until(
      () => stacks.story('s'),
      (story) => story.includes('Vpc CREATE_IN_PROGRESS (Resource creation Initiated)'),
    );
    await stacks.client.send(new DeleteStackCommand({ StackName: 's' }));
    expect(await stacks.settled(StackId!)).toMatchObject({ StackStatus: 'DELETE_COMPLETE' });
    const story = await stacks.story(StackId!);
    expect(story.filter((line) => !line.includes('Eventual'))).toEqual([
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
