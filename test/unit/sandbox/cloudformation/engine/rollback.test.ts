import {
  CancelUpdateStackCommand,
  ContinueUpdateRollbackCommand,
  CreateStackCommand,
  DescribeEventsCommand,
  RollbackStackCommand,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import type { Scenario } from '../../../../../sandbox/scenario/scenario.ts';
import { refusal } from '../../clients.ts';
import { Stacks } from '../stacks.ts';

type Rule = NonNullable<Scenario['resources']>[number];
const fails = (logicalId: string, on: Rule['on'], more: Partial<Rule> = {}): Rule => ({
  match: { logicalId },
  on,
  fail: { message: `${logicalId} has had enough.` },
  ...more,
});
const startWith = (...resources: Rule[]) => Stacks.start({ scenario: { resources } });
const topics = (display: string, ids = ['A', 'B', 'C']): string =>
  `Resources:\n${ids
    .map((id) => `  ${id}: { Type: AWS::SNS::Topic, Properties: { DisplayName: ${id}-${display} } }`)
    .join('\n')}\n`;
/** B needs A, C needs B. */
const chain = (display: string): string => `
Resources:
  A: { Type: AWS::SNS::Topic, Properties: { DisplayName: ${display} } }
  B: { Type: AWS::SNS::Topic, DependsOn: A, Properties: { DisplayName: ${display} } }
  C: { Type: AWS::SNS::Topic, DependsOn: B, Properties: { DisplayName: ${display} } }
`;
const storyOf = async (stacks: Stacks, name: string, ...ids: string[]) =>
  (await stacks.story(name)).filter((line) => ids.some((id) => line.startsWith(`${id} `)));

describe('a failed creation', () => {
  test('rolls back, and resources in progress are cancelled', async () => {
    const stacks = await startWith(fails('B', 'create', { seconds: 150 }), {
      match: { logicalId: 'C' },
      on: 'create',
      seconds: 100_000,
    });
    const stack = await stacks.deploy('s', topics('x'));
    const failed = 'The following resource(s) failed to create: [B, C]. Rollback requested by user.';
    expect(stack).toMatchObject({ StackStatus: 'ROLLBACK_COMPLETE' });
    expect(await storyOf(stacks, 's', '*')).toEqual([
      '* REVIEW_IN_PROGRESS (User Initiated)',
      '* CREATE_IN_PROGRESS (User Initiated)',
      `* ROLLBACK_IN_PROGRESS (${failed})`,
      '* ROLLBACK_COMPLETE',
    ]);
    expect(await storyOf(stacks, 's', 'B')).toEqual([
      'B CREATE_IN_PROGRESS',
      'B CREATE_IN_PROGRESS (Resource creation Initiated)',
      'B CREATE_IN_PROGRESS (Eventual consistency check initiated)',
      'B CREATE_FAILED (B has had enough.)',
      'B DELETE_IN_PROGRESS',
      'B DELETE_COMPLETE',
    ]);
    expect(await storyOf(stacks, 's', 'C')).toContain('C CREATE_FAILED (Resource creation cancelled)');
    expect(await storyOf(stacks, 's', 'A')).toContain('A DELETE_COMPLETE');
    const operations = stack.LastOperations?.map(({ OperationType }) => OperationType);
    expect(operations).toEqual(['ROLLBACK', 'CREATE_STACK']);
    const update = new UpdateStackCommand({ StackName: 's', TemplateBody: topics('y') });
    expect(await refusal(stacks.client.send(update))).toEqual({
      name: 'ValidationError',
      message: `Stack:${stack.StackId!} is in ROLLBACK_COMPLETE state and can not be updated.`,
      status: 400,
    });
    expect(await stacks.delete('s')).toMatchObject({ StackStatus: 'DELETE_COMPLETE' });
  });

  test('of a resource that never existed has nothing to delete', async () => {
    const stacks = await startWith(
      fails('A', 'create', { fail: { message: 'a already exists', code: 'AlreadyExists' } }),
    );
    await stacks.deploy('s', topics('x', ['A']));
    const [begun, failed, gone] = await storyOf(stacks, 's', 'A');
    expect([begun, gone]).toEqual(['A CREATE_IN_PROGRESS', 'A DELETE_COMPLETE']);
    expect(failed).toMatch(
      /^A CREATE_FAILED \(Resource handler returned message: "a already exists" \(RequestToken: [0-9a-f-]{36}, HandlerErrorCode: AlreadyExists\)\)$/,
    );
  });

  test('rolls back, and the rollback fails too', async () => {
    const stacks = await startWith(fails('C', 'create'), fails('A', 'delete'));
    const stack = await stacks.deploy('s', chain('x'));
    expect(stack).toMatchObject({
      StackStatus: 'ROLLBACK_FAILED',
      StackStatusReason: 'The following resource(s) failed to delete: [A]. ',
    });
    expect(await storyOf(stacks, 's', 'A')).toContain('A DELETE_FAILED (A has had enough.)');
  });

  test('keeps its resources on request, and continues with the next update', async () => {
    const stacks = await startWith(fails('B', 'create', { fail: { message: 'Not yet.', times: 1 } }));
    const stack = await stacks.deploy('s', chain('x'), { execute: { DisableRollback: true } });
    expect(stack).toMatchObject({
      StackStatus: 'CREATE_FAILED',
      StackStatusReason: 'The following resource(s) failed to create: [B]. ',
      DisableRollback: true,
    });
    expect(await storyOf(stacks, 's', 'A', 'B', 'C')).toEqual([
      'A CREATE_IN_PROGRESS',
      'A CREATE_IN_PROGRESS (Resource creation Initiated)',
      'A CREATE_COMPLETE',
      'B CREATE_IN_PROGRESS',
      'B CREATE_FAILED (Not yet.)',
    ]);
    const again = await stacks.deploy('s', chain('x'));
    expect(again).toMatchObject({ StackStatus: 'UPDATE_COMPLETE' });
    expect(await storyOf(stacks, 's', 'C')).toContain('C CREATE_COMPLETE');
  });

  test('kept, and rolled back manually', async () => {
    const stacks = await startWith(fails('B', 'create'));
    await stacks.deploy('s', chain('x'), { OnStackFailure: 'DO_NOTHING' });
    const { OperationId } = await stacks.client.send(new RollbackStackCommand({ StackName: 's' }));
    const stack = await stacks.settled('s');
    expect(stack.StackStatus).toBe('ROLLBACK_COMPLETE');
    expect(stack.LastOperations?.[0]).toEqual({ OperationType: 'ROLLBACK', OperationId });
    expect(await refusal(stacks.client.send(new RollbackStackCommand({ StackName: 's' })))).toMatchObject({
      name: 'ValidationError',
    });
  });

  test('deletes the stack on request', async () => {
    const stacks = await startWith(fails('B', 'create'));
    const stack = await stacks.deploy('s', chain('x'), { OnStackFailure: 'DELETE' });
    expect(stack).toMatchObject({ StackStatus: 'DELETE_COMPLETE' });
    expect(await storyOf(stacks, stack.StackId!, '*')).toEqual([
      '* REVIEW_IN_PROGRESS (User Initiated)',
      '* CREATE_IN_PROGRESS (User Initiated)',
      '* DELETE_IN_PROGRESS (The following resource(s) failed to create: [B]. Delete requested by user.)',
      '* DELETE_COMPLETE',
    ]);
    expect(await stacks.find('s')).toBeUndefined();
  });

  test('that exceeds its timeout', async () => {
    const stacks = await startWith({ match: { logicalId: 'A' }, on: 'create', seconds: 100_000 });
    const { StackId } = await stacks.client.send(
      new CreateStackCommand({ StackName: 's', TemplateBody: topics('x', ['A']), TimeoutInMinutes: 1 }),
    );
    expect(await stacks.settled(StackId!)).toMatchObject({ StackStatus: 'ROLLBACK_COMPLETE' });
    expect((await storyOf(stacks, 's', '*'))[1]).toMatch(
      /Stack creation time exceeded the specified timeout\. /,
    );
  });
});

describe('a failed update', () => {
  test('rolls back to the previous state', async () => {
    const stacks = await startWith(fails('B', 'update'));
    await stacks.deploy('s', chain('x'));
    const before = (await stacks.events('s')).length;
    const body = `${chain('y')}  D: { Type: AWS::SNS::Topic, DependsOn: A }\n`;
    const stack = await stacks.deploy('s', body);
    expect(stack).toMatchObject({ StackStatus: 'UPDATE_ROLLBACK_COMPLETE' });
    const story = (await stacks.story('s')).slice(before);
    const of = (id: string) => story.filter((line) => line.startsWith(`${id} `));
    expect(of('*')).toEqual([
      '* UPDATE_IN_PROGRESS (User Initiated)',
      expect.stringMatching(
        /^\* UPDATE_ROLLBACK_IN_PROGRESS \(The following resource\(s\) failed to .*update: \[B\]\. \)$/,
      ),
      '* UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS',
      '* UPDATE_ROLLBACK_COMPLETE',
    ]);
    expect(of('A')).toEqual([
      'A UPDATE_IN_PROGRESS',
      'A UPDATE_COMPLETE',
      'A UPDATE_IN_PROGRESS',
      'A UPDATE_COMPLETE',
    ]);
    expect(of('C')).toEqual([]);
    expect(of('D').at(-1)).toBe('D DELETE_COMPLETE');
    expect(stack.LastOperations?.map(({ OperationType }) => OperationType)).toEqual([
      'ROLLBACK',
      'UPDATE_STACK',
    ]);
    const plan = await stacks.plan('s', chain('x'));
    expect(plan.Status).toBe('FAILED');
  });

  test('cannot roll back; continuing can skip failed resources', async () => {
    const stacks = await startWith(fails('C', 'update'), fails('B', 'rollback'));
    await stacks.deploy('s', chain('x'));
    const stack = await stacks.deploy('s', chain('y'));
    expect(stack).toMatchObject({
      StackStatus: 'UPDATE_ROLLBACK_FAILED',
      StackStatusReason: 'The following resource(s) failed to update: [B]. ',
    });
    const goOn = (ResourcesToSkip?: string[]) =>
      stacks.client.send(new ContinueUpdateRollbackCommand({ StackName: 's', ResourcesToSkip }));
    await goOn();
    expect((await stacks.settled('s')).StackStatus).toBe('UPDATE_ROLLBACK_FAILED');
    expect(await refusal(goOn(['A']))).toMatchObject({ name: 'ValidationError' });
    await goOn(['B']);
    expect(await stacks.settled('s')).toMatchObject({ StackStatus: 'UPDATE_ROLLBACK_COMPLETE' });
    expect((await stacks.find('s'))?.LastOperations?.[0]?.OperationType).toBe('CONTINUE_ROLLBACK');
    expect(await refusal(goOn())).toMatchObject({ name: 'ValidationError' });
  });

  test('is kept on request; then it is retried or rolled back', async () => {
    const stacks = await startWith(fails('B', 'update', { fail: { message: 'Not yet.', times: 2 } }));
    await stacks.deploy('s', chain('x'));
    const keep = { execute: { DisableRollback: true } };
    const stack = await stacks.deploy('s', chain('y'), keep);
    expect(stack).toMatchObject({
      StackStatus: 'UPDATE_FAILED',
      StackStatusReason: 'The following resource(s) failed to update: [B]. ',
    });
    await stacks.deploy('s', chain('z'), keep);
    await stacks.client.send(new RollbackStackCommand({ StackName: 's' }));
    expect((await stacks.settled('s')).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect((await stacks.plan('s', chain('x'))).Status).toBe('FAILED');
    expect((await stacks.deploy('s', chain('z'))).StackStatus).toBe('UPDATE_COMPLETE');
  });

  test('goes back to the old physical resource', async () => {
    const vpc = (cidr: string) => `
Resources:
  V: { Type: AWS::EC2::VPC, Properties: { CidrBlock: ${cidr} } }
  G: { Type: AWS::EC2::SecurityGroup, Properties: { GroupDescription: a, VpcId: !Ref V } }
Outputs: { V: { Value: !Ref V } }`;
    const stacks = await startWith(fails('G', 'create', { fail: { message: 'No.', times: 2 } }));
    await stacks.deploy('s', vpc('10.0.0.0/16'), { execute: { DisableRollback: true } });
    await stacks.deploy('s', vpc('10.0.0.0/16'), { execute: { DisableRollback: true } });
    const first = await stacks.deploy('s', vpc('10.0.0.0/16'), { execute: { DisableRollback: true } });
    stacks.sandbox.world.scenario.resources = [fails('G', 'create')];
    const stack = await stacks.deploy('s', vpc('10.1.0.0/16'));
    expect(stack).toMatchObject({ StackStatus: 'UPDATE_ROLLBACK_COMPLETE', Outputs: first.Outputs });
    const story = await storyOf(stacks, 's', 'V', 'G');
    expect(story.slice(-3)).toEqual(['G UPDATE_COMPLETE', 'V DELETE_IN_PROGRESS', 'V DELETE_COMPLETE']);
  });

  test('is a cancelled update', async () => {
    const stacks = await startWith({ match: { logicalId: 'B' }, on: 'update', seconds: 20_000 });
    await stacks.deploy('s', chain('x'));
    const plan = await stacks.plan('s', chain('y'));
    const applying = stacks.apply(plan);
    await stacks.until(
      () => stacks.story('s'),
      (story) => story.includes('B UPDATE_IN_PROGRESS'),
    );
    await stacks.client.send(new CancelUpdateStackCommand({ StackName: 's' }));
    expect(await applying).toMatchObject({ StackStatus: 'UPDATE_ROLLBACK_COMPLETE' });
    const story = await stacks.story('s');
    expect(story).toContain('* UPDATE_ROLLBACK_IN_PROGRESS (User Initiated)');
    expect(story).toContain('B UPDATE_FAILED (Resource update cancelled)');
    expect(await refusal(stacks.client.send(new CancelUpdateStackCommand({ StackName: 's' })))).toEqual({
      name: 'ValidationError',
      message: 'CancelUpdateStack cannot be called from current stack status',
      status: 400,
    });
  });

  test('has succeeded if only its clean-up fails', async () => {
    const stacks = await startWith(fails('C', 'delete'));
    await stacks.deploy('s', topics('x'));
    expect(await stacks.deploy('s', topics('x', ['A', 'B']))).toMatchObject({
      StackStatus: 'UPDATE_COMPLETE',
      StackStatusReason: 'Update successful. One or more resources could not be deleted.',
    });
  });

  test('is caused by replacing a resource with a custom name', async () => {
    const stacks = await Stacks.start();
    const queue = (fifo: string) =>
      `Resources: { Q: { Type: AWS::DynamoDB::Table, Properties: { TableName: orders, BillingMode: PAY_PER_REQUEST, KeySchema: [{ AttributeName: ${fifo}, KeyType: HASH }], AttributeDefinitions: [{ AttributeName: ${fifo}, AttributeType: S }] } } }`;
    await stacks.deploy('s', queue('a'));
    await stacks.deploy('s', queue('b'));
    expect(await storyOf(stacks, 's', 'Q')).toContain(
      'Q UPDATE_FAILED (CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename orders and update the stack again.)',
    );
  });
});

describe('a failed deletion', () => {
  test('and ways to delete the stack then', async () => {
    const stacks = await startWith(fails('A', 'delete'));
    const { StackId } = await stacks.deploy('s', chain('x'));
    expect(await refusal(stacks.delete('s', { RetainResources: ['A'] }))).toMatchObject({
      name: 'ValidationError',
      message: expect.stringMatching(/only when the stack is in the DELETE_FAILED state\.$/),
    });
    expect(await stacks.delete('s')).toMatchObject({
      StackStatus: 'DELETE_FAILED',
      StackStatusReason: 'The following resource(s) failed to delete: [A]. ',
    });
    expect(await storyOf(stacks, 's', 'B', 'C')).toContain('B DELETE_COMPLETE');
    expect(await stacks.delete('s', { RetainResources: ['A'] })).toMatchObject({
      StackStatus: 'DELETE_COMPLETE',
    });
    expect((await storyOf(stacks, StackId!, 'A')).at(-1)).toBe('A DELETE_SKIPPED');
  });

  test('unless it is forced', async () => {
    const stacks = await startWith(fails('A', 'delete'));
    await stacks.deploy('s', chain('x'));
    await stacks.delete('s');
    expect(await stacks.delete('s', { DeletionMode: 'FORCE_DELETE_STACK' })).toMatchObject({
      StackStatus: 'DELETE_COMPLETE',
      DeletionMode: 'FORCE_DELETE_STACK',
    });
  });
});

test('DescribeEvents lists the failures of an operation', async () => {
  const stacks = await startWith(fails('B', 'update'));
  await stacks.deploy('s', chain('x'));
  const stack = await stacks.deploy('s', chain('y'));
  const update = stack.LastOperations?.find(({ OperationType }) => OperationType === 'UPDATE_STACK');
  const { OperationEvents } = await stacks.client.send(
    new DescribeEventsCommand({ OperationId: update?.OperationId, Filters: { FailedEvents: true } }),
  );
  expect(OperationEvents).toMatchObject([
    {
      LogicalResourceId: 'B',
      EventType: 'PROVISIONING_ERROR',
      ResourceStatus: 'UPDATE_FAILED',
      ResourceStatusReason: 'B has had enough.',
      OperationId: update?.OperationId,
      OperationType: 'UPDATE_STACK',
    },
  ]);
});
