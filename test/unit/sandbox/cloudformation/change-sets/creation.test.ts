import {
  CreateChangeSetCommand,
  DeleteChangeSetCommand,
  DescribeChangeSetCommand,
  ExecuteChangeSetCommand,
  GetTemplateCommand,
  ListChangeSetsCommand,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import { Stacks } from '../stacks.ts';

const parameter = (value: string): string =>
  `Resources: { P: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: ${value} } } }`;

describe('a change set without changes', () => {
  const noChanges =
    "The submitted information didn't contain changes. Submit different information to create a change set.";

  test('fails with the well-known message', async () => {
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

  test('with a transform fails with another message', async () => {
    const stacks = await Stacks.start();
    const body = `Transform: AWS::LanguageExtensions\n${parameter('a')}`;
    await stacks.deploy('s', body);
    expect((await stacks.plan('s', body)).StatusReason).toBe('No updates are to be performed.');
  });

  test('is not one that changes only outputs', async () => {
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
  test('executing one deletes the others, and it can still be described', async () => {
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

  test('another change of the stack makes it obsolete', async () => {
    const stacks = await Stacks.start();
    await stacks.deploy('s', parameter('a'));
    const plan = await stacks.plan('s', parameter('b'));
    await stacks.client.send(new UpdateStackCommand({ StackName: 's', TemplateBody: parameter('c') }));
    await stacks.settled('s');
    await expect(stacks.apply(plan)).rejects.toThrow(
      'cannot be executed in its current execution status of [OBSOLETE]',
    );
  });

  test('deleting the only one of a new stack leaves the empty stack', async () => {
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
    ['of a stack that does not exist', { StackName: 'none' }, 'Stack [none] does not exist'],
    [
      'of a new stack that already exists',
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
      'with an invalid name',
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
      'Parameter values specified for a template which does not require them.',
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
