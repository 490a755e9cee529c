import {
  GetStackPolicyCommand,
  ListExportsCommand,
  ListImportsCommand,
  SetStackPolicyCommand,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import { refusal, STAGING } from '../../clients.ts';
import { Stacks } from '../stacks.ts';

const exporting = (name: string, value = 'one'): string => `
Resources: { W: { Type: AWS::CloudFormation::WaitConditionHandle } }
Outputs: { O: { Value: ${value}, Export: { Name: ${name} } } }`;
const importing = (name: string): string =>
  `Resources: { T: { Type: AWS::SNS::Topic, Properties: { DisplayName: !ImportValue ${name} } } }`;
const reasons = async (stacks: Stacks, name: string) =>
  (await stacks.events(name)).map(({ ResourceStatusReason }) => ResourceStatusReason);

describe('exports', () => {
  test('are listed with the importing stacks', async () => {
    const stacks = await Stacks.start();
    const { StackId } = await stacks.deploy('from', exporting('x'));
    await stacks.deploy('into', importing('x'));
    const { Exports } = await stacks.client.send(new ListExportsCommand({}));
    expect(Exports).toEqual([{ ExportingStackId: StackId, Name: 'x', Value: 'one' }]);
    const { Imports } = await stacks.client.send(new ListImportsCommand({ ExportName: 'x' }));
    expect(Imports).toEqual(['into']);
    expect(await refusal(stacks.client.send(new ListImportsCommand({ ExportName: 'y' })))).toMatchObject({
      name: 'ValidationError',
      message: "Export 'y' is not imported by any stack.",
    });
    const others = new Stacks(stacks.sandbox, STAGING);
    expect((await others.client.send(new ListExportsCommand({}))).Exports).toEqual([]);
  });

  test('have one owner each', async () => {
    const stacks = await Stacks.start();
    const { StackId } = await stacks.deploy('one', exporting('x'));
    const stack = await stacks.deploy('two', exporting('x'));
    expect(stack.StackStatus).toBe('ROLLBACK_COMPLETE');
    expect((await reasons(stacks, 'two')).join()).toContain(
      `Export with name x is already exported by stack ${StackId!.split('/')[1]!}`,
    );
  });

  test('cannot be deleted or changed while they are imported', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('from', exporting('x'));
    await stacks.deploy('into', importing('x'));
    expect((await stacks.delete('from')).StackStatusReason).toBe(
      'Delete canceled. Cannot delete export x as it is in use by into.',
    );
    expect(await stacks.find('from')).toMatchObject({ StackStatus: 'CREATE_COMPLETE' });
    expect((await stacks.deploy('from', exporting('y'))).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect((await reasons(stacks, 'from')).join()).toMatch(
      /Export x cannot be deleted as it is in use by into/,
    );
    expect((await stacks.deploy('from', exporting('x', 'two'))).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect((await reasons(stacks, 'from')).join()).toMatch(
      /Export x cannot be updated as it is in use by into/,
    );
    await stacks.delete('into');
    expect((await stacks.deploy('from', exporting('x', 'two'))).StackStatus).toBe('UPDATE_COMPLETE');
  });

  test('that are missing fail the stack that imports them', async () => {
    const stacks = await Stacks.start();
    const plan = await stacks.plan('s', importing('nope'), { ChangeSetType: 'CREATE' });
    expect(plan.Status).toBe('CREATE_COMPLETE');
    expect(plan.StatusReason).toMatch(
      /^\[WARN\] --include-property-values option can return incomplete ChangeSet data because: /,
    );
    expect(await stacks.apply(plan)).toMatchObject({ StackStatus: 'ROLLBACK_COMPLETE' });
    expect((await reasons(stacks, 's')).join()).toContain('No export named nope found');
  });
});

describe('a stack policy', () => {
  const policy = (Action: string, Resource = 'LogicalResourceId/V') =>
    JSON.stringify({
      Statement: [
        { Effect: 'Allow', Action: 'Update:*', Principal: '*', Resource: '*' },
        { Effect: 'Deny', Action, Principal: '*', Resource },
      ],
    });
  const vpc = (cidr: string, dns = 'true') =>
    `Resources: { V: { Type: AWS::EC2::VPC, Properties: { CidrBlock: ${cidr}, EnableDnsSupport: ${dns} } }, W: { Type: AWS::SNS::Topic, Properties: { DisplayName: w${dns} } } }`;

  test.each([
    ['Update:Replace', vpc('10.1.0.0/16')],
    ['Update:Modify', vpc('10.0.0.0/16', 'false')],
    ['Update:Delete', 'Resources: { W: { Type: AWS::SNS::Topic } }'],
  ])('denies %s', async (action, body) => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', vpc('10.0.0.0/16'));
    await stacks.client.send(new SetStackPolicyCommand({ StackName: 's', StackPolicyBody: policy(action) }));
    expect((await stacks.client.send(new GetStackPolicyCommand({ StackName: 's' }))).StackPolicyBody).toBe(
      policy(action),
    );
    expect((await stacks.deploy('s', body)).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect((await reasons(stacks, 's')).join()).toMatch(
      /Action denied by stack policy: Statement \[#2\] does not allow \[Update:.*\] for resource \[LogicalResourceId\/V\]/,
    );
  });

  test('can be overridden for one update', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', vpc('10.0.0.0/16'));
    await stacks.client.send(
      new SetStackPolicyCommand({ StackName: 's', StackPolicyBody: policy('Update:*') }),
    );
    const update = async (dns: string, StackPolicyDuringUpdateBody?: string) => {
      await stacks.client.send(
        new UpdateStackCommand({
          StackName: 's',
          TemplateBody: vpc('10.0.0.0/16', dns),
          StackPolicyDuringUpdateBody,
        }),
      );
      return (await stacks.settled('s')).StackStatus;
    };
    expect(await update('false', policy('Update:Delete'))).toBe('UPDATE_COMPLETE');
    expect(await update('true')).toBe('UPDATE_ROLLBACK_COMPLETE');
  });

  test('denies what it does not allow', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', vpc('10.0.0.0/16'));
    const StackPolicyBody = JSON.stringify({
      Statement: [
        {
          Effect: 'Allow',
          Action: 'Update:*',
          Principal: '*',
          Resource: '*',
          Condition: { StringEquals: { ResourceType: ['AWS::SNS::*'] } },
        },
      ],
    });
    await stacks.client.send(new SetStackPolicyCommand({ StackName: 's', StackPolicyBody }));
    expect((await stacks.deploy('s', vpc('10.1.0.0/16'))).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect((await reasons(stacks, 's')).join()).toContain('Action not allowed by stack policy');
  });

  test.each([
    ['is not JSON', '{'],
    ['has no update action', policy('Create:*')],
    ['has a specific principal', policy('Update:*').replace('"Principal":"*"', '"Principal":"me"')],
  ])('is refused if it %s', async (_, StackPolicyBody) => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', vpc('10.0.0.0/16'));
    expect(
      await refusal(stacks.client.send(new SetStackPolicyCommand({ StackName: 's', StackPolicyBody }))),
    ).toEqual({
      name: 'ValidationError',
      message: 'Error validating stack policy: Invalid stack policy',
      status: 400,
    });
  });
});
