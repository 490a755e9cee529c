import {
  ContinueUpdateRollbackCommand,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  DescribeStacksCommand,
  ListStacksCommand,
  UpdateTerminationProtectionCommand,
} from '@aws-sdk/client-cloudformation';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from '@jest/globals';
import type { Scenario } from '../../../../../sandbox/scenario/scenario.ts';
import { refusal, s3Of } from '../../clients.ts';
import { changesOf, Stacks } from '../stacks.ts';

const CHILD = `
Parameters: { Name: { Type: String }, Cidr: { Type: String, Default: 10.0.0.0/16 } }
Resources:
  T: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Ref Name } }
  V: { Type: AWS::EC2::VPC, Properties: { CidrBlock: !Ref Cidr } }
Outputs: { Id: { Value: !Ref V } }
`;
const parent = (name: string, more = '', file = 'child.yml') => `
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://templates.s3.eu-west-1.amazonaws.com/${file}
      Parameters: { Name: ${name}${more} }
  Q: { Type: AWS::SQS::Queue, Properties: { Tags: [{ Key: vpc, Value: !GetAtt Child.Outputs.Id }] } }
Outputs: { Id: { Value: !GetAtt Child.Outputs.Id } }
`;

async function upload(stacks: Stacks, Key: string, Body: string): Promise<void> {
  await s3Of(stacks.sandbox).send(new PutObjectCommand({ Bucket: 'templates', Key, Body }));
}

async function start(scenario: Scenario = {}): Promise<Stacks> {
  const stacks = await Stacks.start({ scenario });
  await s3Of(stacks.sandbox).send(
    new CreateBucketCommand({
      Bucket: 'templates',
      CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' },
    }),
  );
  await upload(stacks, 'child.yml', CHILD);
  return stacks;
}

const childOf = async (stacks: Stacks) =>
  (await stacks.client.send(new DescribeStacksCommand({}))).Stacks!.find(({ ParentId }) => ParentId)!;

describe('a nested stack', () => {
  test('is created with outputs, events and a parent', async () => {
    const stacks = await start();
    const root = await stacks.deploy('root', parent('one'));
    const child = await childOf(stacks);
    expect(root).toMatchObject({ StackStatus: 'CREATE_COMPLETE', Outputs: child.Outputs });
    expect(child).toMatchObject({
      StackName: expect.stringMatching(/^root-Child-[A-Z0-9]{12,13}$/),
      StackStatus: 'CREATE_COMPLETE',
      ParentId: root.StackId,
      RootId: root.StackId,
      Parameters: expect.arrayContaining([{ ParameterKey: 'Name', ParameterValue: 'one' }]),
    });
    expect((await stacks.story(child.StackId!)).at(-1)).toBe('* CREATE_COMPLETE');
    expect(
      (await stacks.events('root')).find(({ LogicalResourceId }) => LogicalResourceId === 'Child'),
    ).toMatchObject({
      ResourceType: 'AWS::CloudFormation::Stack',
    });
    expect(await stacks.story('root')).toEqual([
      '* REVIEW_IN_PROGRESS (User Initiated)',
      '* CREATE_IN_PROGRESS (User Initiated)',
      'Child CREATE_IN_PROGRESS',
      'Child CREATE_IN_PROGRESS (Resource creation Initiated)',
      'Child CREATE_COMPLETE',
      'Q CREATE_IN_PROGRESS',
      'Q CREATE_IN_PROGRESS (Resource creation Initiated)',
      'Q CREATE_COMPLETE',
      '* CREATE_COMPLETE',
    ]);
  });

  test('changes with its parameters or its template', async () => {
    const stacks = await start();
    await stacks.deploy('root', parent('one'));
    const child = (await childOf(stacks)).StackId!;
    await stacks.deploy('root', parent('two'));
    expect(await stacks.story(child)).toContain('T UPDATE_COMPLETE');
    expect((await stacks.find(child))?.StackStatus).toBe('UPDATE_COMPLETE');
    const before = (await stacks.events(child)).length;
    await stacks.deploy('root', parent('two').replace('Q:', 'Q2:'));
    expect((await stacks.events(child)).length).toBe(before);
    await upload(stacks, 'child.yml', CHILD.replace('Outputs:', '  W: { Type: AWS::SQS::Queue }\nOutputs:'));
    const plan = await stacks.plan('root', parent('two').replace('Q:', 'Q2:'));
    expect(changesOf(plan).Child).toMatchObject({
      Action: 'Modify',
      Replacement: 'False',
      Details: [{ Evaluation: 'Dynamic', ChangeSource: 'Automatic' }],
    });
    await stacks.apply(plan);
    expect(await stacks.story(child)).toContain('W CREATE_COMPLETE');
  });

  test('cleans up only after its root has succeeded', async () => {
    const stacks = await start();
    await stacks.deploy('root', parent('one'));
    const child = (await childOf(stacks)).StackId!;
    const root = await stacks.deploy('root', parent('one', ', Cidr: 10.1.0.0/16'));
    const story = await stacks.story(child);
    expect(story.slice(-5)).toEqual([
      'V UPDATE_COMPLETE',
      '* UPDATE_COMPLETE_CLEANUP_IN_PROGRESS',
      'V DELETE_IN_PROGRESS',
      'V DELETE_COMPLETE',
      '* UPDATE_COMPLETE',
    ]);
    expect(root.Outputs).toEqual((await stacks.find(child))?.Outputs);
  });

  test('that fails rolls back its root', async () => {
    const stacks = await start({
      resources: [
        { match: { logicalId: 'V' }, on: 'create', seconds: 150, fail: { message: 'Too many VPCs.' } },
      ],
    });
    const root = await stacks.deploy('root', parent('one'));
    expect(root.StackStatus).toBe('ROLLBACK_COMPLETE');
    const [, child] = (await stacks.client.send(new ListStacksCommand({}))).StackSummaries!.reverse();
    expect(await stacks.story('root')).toContain(
      `Child CREATE_FAILED (Embedded stack ${child!.StackId!} was not successfully created: The following resource(s) failed to create: [V]. )`,
    );
    expect(await stacks.story(child!.StackId!)).toContain('V CREATE_FAILED (Too many VPCs.)');
    expect((await stacks.find(child!.StackId!))?.StackStatus).toBe('DELETE_COMPLETE');
  });

  test('is rolled back if another resource fails', async () => {
    const stacks = await start({
      resources: [{ match: { logicalId: 'Q' }, on: 'update', fail: { message: 'No.' } }],
    });
    await stacks.deploy('root', parent('one'));
    const child = (await childOf(stacks)).StackId!;
    const root = await stacks.deploy('root', parent('two').replace('Key: vpc', 'Key: net'));
    expect(root.StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    const story = (await stacks.story(child)).filter((line) => line.startsWith('* '));
    expect(story.at(-1)).toBe('* UPDATE_ROLLBACK_COMPLETE');
    expect((await stacks.find(child))?.Parameters).toContainEqual({
      ParameterKey: 'Name',
      ParameterValue: 'one',
    });
    expect((await stacks.deploy('root', parent('three'))).StackStatus).toBe('UPDATE_COMPLETE');
    expect((await stacks.find(child))?.StackStatus).toBe('UPDATE_COMPLETE');
  });

  test('that fails to update is reported in its root', async () => {
    const stacks = await start({
      resources: [{ match: { logicalId: 'T' }, on: 'update', fail: { message: 'No.' } }],
    });
    await stacks.deploy('root', parent('one'));
    const child = (await childOf(stacks)).StackId!;
    await stacks.deploy('root', parent('two'));
    expect((await stacks.story('root')).join('\n')).toContain(
      `Child UPDATE_FAILED (Embedded stack ${child} was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: The following resource(s) failed to update: [T]. )`,
    );
    expect((await stacks.find('root'))?.StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect((await stacks.find(child))?.StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
  });

  test.each([[false], [true]])(
    'whose rollback fails blocks its root until it is skipped (forced: %s)',
    async (ForceRollback) => {
      const stacks = await start({
        resources: [
          { match: { logicalId: 'T' }, on: 'rollback', fail: { message: 'Stuck.' } },
          { match: { logicalId: 'Q' }, on: 'update', fail: { message: 'No.' } },
        ],
      });
      await stacks.deploy('root', parent('one'));
      const { StackId: child, StackName } = await childOf(stacks);
      const root = await stacks.deploy('root', parent('two').replace('Key: vpc', 'Key: net'));
      expect(root).toMatchObject({
        StackStatus: 'UPDATE_ROLLBACK_FAILED',
        StackStatusReason: 'The following resource(s) failed to update: [Child]. ',
      });
      expect((await stacks.find(child!))?.StackStatus).toBe('UPDATE_ROLLBACK_FAILED');
      const goOn = (skip: object) =>
        stacks.client.send(new ContinueUpdateRollbackCommand({ StackName: 'root', ...skip }));
      expect(await refusal(goOn({ ResourcesToSkip: ['T'] }))).toMatchObject({ name: 'ValidationError' });
      await goOn(ForceRollback ? { ForceRollback } : { ResourcesToSkip: [`${StackName!}.T`] });
      expect((await stacks.settled('root')).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
      expect((await stacks.find(child!))?.StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    },
  );

  test('is deleted only with its root', async () => {
    const stacks = await start();
    await stacks.deploy('root', parent('one'));
    const child = (await childOf(stacks)).StackId!;
    expect(
      await refusal(
        stacks.client.send(
          new UpdateTerminationProtectionCommand({ StackName: child, EnableTerminationProtection: true }),
        ),
      ),
    ).toMatchObject({
      message: 'Termination protection cannot be updated on a nested stack. Update it on the root stack.',
    });
    await stacks.delete('root');
    expect((await stacks.find(child))?.StackStatus).toBe('DELETE_COMPLETE');
    expect((await stacks.story(child)).slice(-1)).toEqual(['* DELETE_COMPLETE']);
  });

  test('with an unreadable template fails its parent stack', async () => {
    const stacks = await start();
    const root = await stacks.deploy('root', parent('one', '', 'nope.yml')).catch(String);
    expect(`${JSON.stringify(root)}${(await stacks.story('root')).join()}`).toMatch(/S3/);
    await stacks.client.send(
      new CreateStackCommand({ StackName: 'direct', TemplateBody: parent('one', ', Nope: 1') }),
    );
    expect((await stacks.settled('direct')).StackStatus).toBe('ROLLBACK_COMPLETE');
    expect((await stacks.story('direct')).join('\n')).toContain(
      'Parameters: [Nope] do not exist in the template',
    );
    await stacks.client.send(new DeleteStackCommand({ StackName: 'direct' }));
  });
});

describe('change sets of nested stacks', () => {
  const nestedOf = async (stacks: Stacks, id: string | undefined) =>
    stacks.client.send(new DescribeChangeSetCommand({ ChangeSetName: id, IncludePropertyValues: true }));

  test('one for each stack, root to leaf; all are executed with the root', async () => {
    const stacks = await start();
    const created = await stacks.plan('root', parent('one'), {
      ChangeSetType: 'CREATE',
      IncludeNestedStacks: true,
    });
    expect(created.IncludeNestedStacks).toBe(true);
    const { ChangeSetId } = changesOf(created).Child!;
    const nested = await nestedOf(stacks, ChangeSetId);
    expect(nested).toMatchObject({
      Status: 'CREATE_COMPLETE',
      ExecutionStatus: 'AVAILABLE',
      ParentChangeSetId: created.ChangeSetId,
      RootChangeSetId: created.ChangeSetId,
      StackName: expect.stringMatching(/^root-Child-/),
    });
    expect(Object.keys(changesOf(nested))).toEqual(['T', 'V']);
    expect((await stacks.apply(created)).StackStatus).toBe('CREATE_COMPLETE');
    expect((await childOf(stacks)).StackId).toBe(nested.StackId);
    const plan = await stacks.plan('root', parent('two'), { IncludeNestedStacks: true });
    const change = changesOf(plan).Child!;
    expect(change).toMatchObject({ Action: 'Modify', ResourceType: 'AWS::CloudFormation::Stack' });
    const leaf = await nestedOf(stacks, change.ChangeSetId);
    expect(changesOf(leaf).T).toMatchObject({
      Action: 'Modify',
      Details: [
        {
          Evaluation: 'Static',
          CausingEntity: 'Name',
          Target: { Path: '/Properties/DisplayName', BeforeValue: 'one', AfterValue: 'two' },
        },
        { Evaluation: 'Dynamic', ChangeSource: 'DirectModification' },
      ],
    });
    await stacks.apply(plan);
    expect((await nestedOf(stacks, change.ChangeSetId)).ExecutionStatus).toBe('EXECUTE_COMPLETE');
  });

  test('without changes, neither change set is created', async () => {
    const stacks = await start();
    await stacks.deploy('root', parent('one'));
    const plan = await stacks.plan('root', parent('one'), { IncludeNestedStacks: true });
    expect(plan).toMatchObject({
      Status: 'FAILED',
      ExecutionStatus: 'UNAVAILABLE',
      StatusReason: expect.stringMatching(
        /^The submitted information didn't contain changes\.|^No updates are to be performed\./,
      ),
    });
  });

  test('a change set that cannot be created fails the root', async () => {
    const stacks = await start();
    const plan = await stacks.plan('root', parent('one', ', Nope: 1'), {
      ChangeSetType: 'CREATE',
      IncludeNestedStacks: true,
    });
    expect(plan.Status).toBe('FAILED');
    expect(plan.StatusReason).toMatch(
      /^Nested change set arn:aws:cloudformation:.*:changeSet\/.* was not successfully created: Currently in FAILED\.$/,
    );
    const id = /arn:\S+/.exec(plan.StatusReason!)![0];
    expect(await nestedOf(stacks, id)).toMatchObject({
      Status: 'FAILED',
      StatusReason: 'Parameters: [Nope] do not exist in the template',
      RootChangeSetId: plan.ChangeSetId,
    });
  });
});
