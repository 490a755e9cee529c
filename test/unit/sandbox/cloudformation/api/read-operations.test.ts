import {
  DescribeStackEventsCommand,
  DescribeStackResourceCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  ListStackResourcesCommand,
  ListStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import { refusal, STAGING } from '../../clients.ts';
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

describe('reads of stacks', () => {
  test('events, newest first, 100 per page', async () => {
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

  test('pages are stable while events arrive', async () => {
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

  test('all stacks, 1 MB per page', async () => {
    const stacks = await Stacks.start();
    const outputs = Array.from({ length: 15 }, (_, i) => `  O${i}: { Value: !Ref Text }`).join('\n');
    const template = `Parameters: { Text: { Type: String, Default: ${'x'.repeat(4000)} } }\n${topic('a')}\nOutputs:\n${outputs}`;
    const names = Array.from({ length: 20 }, (_, i) => `large-${i}`);
    for (const name of names) await stacks.deploy(name, template);
    const send = (NextToken?: string) => stacks.client.send(new DescribeStacksCommand({ NextToken }));
    const first = await send();
    expect(first.Stacks?.length).toBeGreaterThan(10);
    expect(first.Stacks?.length).toBeLessThan(20);
    const second = await send(first.NextToken);
    const listed = [...first.Stacks!, ...second.Stacks!].map(({ StackName }) => StackName);
    expect(listed).toEqual(names);
    expect(second.NextToken).toBeUndefined();
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

  test('stacks of another account are not visible', async () => {
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
