import { describe, expect, test } from '@jest/globals';
import {
  type ChangeSetRequest,
  createChangeSet,
  waitForChangeSet,
} from '../../../../src/cloudformation/change-set/create.ts';
import {
  deleteChangeSet,
  removeChangeSet,
  removeShell,
} from '../../../../src/cloudformation/change-set/remove.ts';
import { describeChangeSet, readChangeSetTree } from '../../../../src/cloudformation/change-set/read.ts';
import { CancelledError } from '../../../../src/core/errors.ts';
import { awsError, fail, fakeAws, noStack, notFound } from '../aws.ts';

const SET = 'arn:aws:cloudformation:eu-west-1:111111111111:changeSet/plan-1/a';
const STACK = 'arn:aws:cloudformation:eu-west-1:111111111111:stack/app/1';
const NONCE = '0b5f4f2e-1111-4222-8333-444455556666';
const made = { Id: SET, StackId: STACK };
const MADE = { changeSetId: SET, stackId: STACK };
/** With only its ARN, IAM could not determine the change set's stack. */
const ADDRESS = { ChangeSetName: 'plan-1', StackName: 'app' };
const described = { ChangeSetId: SET, StackId: STACK, ChangeSetName: 'plan-1', Description: `Plan ${NONCE}` };

function request(values: Partial<ChangeSetRequest> = {}): ChangeSetRequest {
  return {
    stackName: 'app',
    changeSetName: 'plan-1',
    kind: 'update',
    source: { TemplateBody: 'Resources: {}' },
    parameters: [],
    tags: {},
    inputs: {
      capabilities: ['CAPABILITY_IAM'],
      notificationArns: [],
      onFailure: 'rollback',
      mode: 'standard',
      importExisting: false,
    },
    revertDrift: false,
    nonce: NONCE,
    ...values,
  };
}

describe('the request', () => {
  const requested = async (values: Partial<ChangeSetRequest>) => {
    const aws = fakeAws({ CreateChangeSet: () => made });
    expect(await createChangeSet(aws.context, request(values))).toEqual({ changeSetId: SET, stackId: STACK });
    return aws.inputs('CreateChangeSet')[0];
  };

  test('has every given setting once, and no others', async () => {
    expect(await requested({})).toEqual({
      StackName: 'app',
      ChangeSetName: 'plan-1',
      ChangeSetType: 'UPDATE',
      ClientToken: NONCE,
      Description: `Plan ${NONCE}`,
      TemplateBody: 'Resources: {}',
      Parameters: [],
      Capabilities: ['CAPABILITY_IAM'],
      IncludeNestedStacks: true,
    });
  });

  test('has parameters by value, by previous value, or by default', async () => {
    const base = { noEcho: false, source: 'x' };
    const parameters = [
      { ...base, key: 'A', value: '', usePrevious: false },
      { ...base, key: 'B', usePrevious: true },
      { ...base, key: 'C', usePrevious: false },
    ];
    expect((await requested({ parameters }))?.['Parameters']).toEqual([
      { ParameterKey: 'A', ParameterValue: '' },
      { ParameterKey: 'B', UsePreviousValue: true },
    ]);
  });

  test('tags, role and notifications', async () => {
    const inputs = {
      ...request().inputs,
      roleArn: 'arn:aws:iam::111111111111:role/cfn',
      notificationArns: ['arn:t'],
    };
    expect(await requested({ tags: { team: 'core' }, inputs })).toMatchObject({
      Tags: [{ Key: 'team', Value: 'core' }],
      RoleARN: 'arn:aws:iam::111111111111:role/cfn',
      NotificationARNs: ['arn:t'],
    });
  });

  test('a change set that reverts drift has no nested stacks', async () => {
    const input = await requested({ revertDrift: true });
    expect(input).toMatchObject({ DeploymentMode: 'REVERT_DRIFT' });
    expect(input).not.toHaveProperty('IncludeNestedStacks');
  });

  test.each([
    ['create', 'standard', 'rollback', { OnStackFailure: 'ROLLBACK' }],
    ['create', 'standard', 'keep', { OnStackFailure: 'DO_NOTHING' }],
    ['create', 'standard', 'delete', { OnStackFailure: 'DELETE' }],
    ['update', 'standard', 'rollback', {}],
    ['update', 'standard', 'delete', {}],
    ['update', 'standard', 'keep', { DeploymentConfig: { Mode: 'STANDARD', DisableRollback: true } }],
    ['update', 'express', 'rollback', { DeploymentConfig: { Mode: 'EXPRESS', DisableRollback: false } }],
    ['update', 'express', 'keep', { DeploymentConfig: { Mode: 'EXPRESS', DisableRollback: true } }],
    ['create', 'express', 'rollback', { DeploymentConfig: { Mode: 'EXPRESS', DisableRollback: false } }],
    [
      'create',
      'express',
      'delete',
      { DeploymentConfig: { Mode: 'EXPRESS', DisableRollback: false }, OnStackFailure: 'DELETE' },
    ],
  ] as const)('%s in %s mode, on failure %s', async (kind, mode, onFailure, expected) => {
    const input = await requested({ kind, inputs: { ...request().inputs, mode, onFailure } });
    const { OnStackFailure, DeploymentConfig } = input ?? {};
    expect({ OnStackFailure, DeploymentConfig }).toEqual({
      OnStackFailure: undefined,
      DeploymentConfig: undefined,
      ...expected,
    });
  });
});

describe('a lost response', () => {
  const create = (description: string | undefined) =>
    fakeAws({
      CreateChangeSet: () => fail(awsError('AlreadyExistsException')),
      DescribeChangeSet: () => ({ ...described, Description: description }),
    });

  test('our own change set is reused', async () => {
    const { context } = create(`Plan ${NONCE}`);
    expect(await createChangeSet(context, request())).toEqual({ changeSetId: SET, stackId: STACK });
  });

  test.each(['Plan of another tool', undefined])(
    'a foreign one with the same name is not: %s',
    async (text) => {
      const { context } = create(text);
      await expect(createChangeSet(context, request())).rejects.toThrow('AlreadyExistsException');
    },
  );
});

describe('waiting', () => {
  const PENDING = { ...described, Status: 'CREATE_IN_PROGRESS', ExecutionStatus: 'UNAVAILABLE' };
  const DONE = { ...described, Status: 'CREATE_COMPLETE', ExecutionStatus: 'AVAILABLE' };

  test('polls after 0.5, then 1, then 2 seconds, until it can be executed', async () => {
    const aws = fakeAws({
      DescribeChangeSet: (_input, nth) =>
        nth < 30 ? PENDING : nth < 31 ? { ...DONE, ExecutionStatus: 'UNAVAILABLE' } : DONE,
    });
    expect(await waitForChangeSet(aws.context, MADE, 3_600_000)).toMatchObject(DONE);
    expect(aws.clock.sleeps.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 500));
    expect(aws.clock.sleeps.slice(10, 20)).toEqual(Array.from({ length: 10 }, () => 1000));
    expect(new Set(aws.clock.sleeps.slice(20))).toEqual(new Set([2000]));
    expect(aws.inputs('DescribeChangeSet')[0]).toEqual({ ...ADDRESS, IncludePropertyValues: true });
  });

  test('a failed change set ends the wait', async () => {
    const { context } = fakeAws({ DescribeChangeSet: () => ({ ...described, Status: 'FAILED' }) });
    expect(await waitForChangeSet(context, MADE, 1000)).toMatchObject({ Status: 'FAILED' });
  });

  test('throttling slows down polling but does not end it', async () => {
    const aws = fakeAws({
      DescribeChangeSet: (_input, nth) => (nth < 3 ? fail(awsError('Throttling', 'Rate exceeded')) : DONE),
    });
    await waitForChangeSet(aws.context, MADE, 60_000);
    expect(aws.clock.sleeps).toEqual([1000, 2000]);
  });

  test('a timeout is an error', async () => {
    const { context } = fakeAws({ DescribeChangeSet: () => PENDING });
    await expect(waitForChangeSet(context, MADE, 5000)).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  test('waits for a change set that is not visible yet; one that stays invisible was deleted', async () => {
    const late = fakeAws({ DescribeChangeSet: (_input, nth) => (nth < 4 ? fail(notFound()) : DONE) });
    expect(await waitForChangeSet(late.context, MADE, 60_000)).toMatchObject(DONE);
    const never = fakeAws({ DescribeChangeSet: () => fail(notFound()) });
    await expect(waitForChangeSet(never.context, MADE, 60_000)).rejects.toThrow(
      /was deleted by another caller/,
    );
  });

  test('one that is being deleted is an error', async () => {
    const { context } = fakeAws({
      DescribeChangeSet: () => ({ ...described, Status: 'DELETE_IN_PROGRESS' }),
    });
    await expect(waitForChangeSet(context, MADE, 1000)).rejects.toThrow(/being deleted/);
  });
});

describe('reading', () => {
  const change = (id: string, details: object[] = [], more: object = {}) => ({
    Type: 'Resource',
    ResourceChange: {
      Action: 'Modify',
      LogicalResourceId: id,
      ResourceType: 'AWS::SQS::Queue',
      Details: details,
      ...more,
    },
  });

  test('all pages, with values', async () => {
    const aws = fakeAws({
      DescribeChangeSet: (_input, nth) => ({
        ...described,
        Changes: [change(`R${nth}`)],
        ...(nth < 3 && { NextToken: `page-${nth}` }),
      }),
    });
    const set = await describeChangeSet(aws.context, { ChangeSetName: SET });
    expect(set.Changes?.map(({ ResourceChange }) => ResourceChange?.LogicalResourceId)).toEqual([
      'R1',
      'R2',
      'R3',
    ]);
    expect(aws.inputs('DescribeChangeSet')).toEqual([
      { ChangeSetName: SET, IncludePropertyValues: true },
      { ChangeSetName: SET, IncludePropertyValues: true, NextToken: 'page-1' },
      { ChangeSetName: SET, IncludePropertyValues: true, NextToken: 'page-2' },
    ]);
  });

  test('repeated pages do not cause an endless loop', async () => {
    const { context } = fakeAws({ DescribeChangeSet: () => ({ ...described, NextToken: 'again' }) });
    await expect(describeChangeSet(context, { ChangeSetName: SET })).rejects.toThrow(
      /returned a page of .* twice/,
    );
  });

  test('values missing in the response with values are completed from the plain one', async () => {
    const detail = (name: string, value?: string) => ({
      Target: {
        Attribute: 'Properties',
        Name: name,
        RequiresRecreation: 'Never',
        ...(value && { Path: `/Properties/${name}`, AfterValue: value }),
      },
      Evaluation: 'Static',
      ChangeSource: 'DirectModification',
    });
    const aws = fakeAws({
      DescribeChangeSet: ({ IncludePropertyValues: values }) =>
        values
          ? {
              ...described,
              Status: 'CREATE_COMPLETE',
              StatusReason:
                '[WARN] --include-property-values option can return incomplete ChangeSet data because: Logical Id: Dropped, failed property validation',
              Changes: [change('Kept', [detail('A', '1')])],
            }
          : {
              ...described,
              Status: 'CREATE_COMPLETE',
              Changes: [change('Dropped', [detail('C')]), change('Kept', [detail('A'), detail('B')])],
            },
    });
    const set = await describeChangeSet(aws.context, { ChangeSetName: SET });
    expect(set.StatusReason).toBeUndefined();
    expect(set.Changes).toEqual([
      change('Dropped', [detail('C')]),
      change('Kept', [detail('A', '1'), detail('B')]),
    ]);
  });

  test('nested change sets are followed, with their templates', async () => {
    const nested = `${SET}-nested`;
    const aws = fakeAws({
      DescribeChangeSet: ({ ChangeSetName: id }) =>
        id === nested
          ? { ...described, ChangeSetName: 'plan-1-Db-1', ChangeSetId: nested, Changes: [change('Inner')] }
          : {
              ...described,
              Changes: [
                change('Db', [], { ResourceType: 'AWS::CloudFormation::Stack', ChangeSetId: nested }),
              ],
            },
      GetTemplate: ({ ChangeSetName: id }) => ({ TemplateBody: `template of ${String(id)}` }),
    });
    const tree = await readChangeSetTree(aws.context, { ChangeSetName: 'plan-1', StackName: STACK });
    expect(tree.template).toBe('template of plan-1');
    expect(tree.nested.map(({ logicalId }) => logicalId)).toEqual(['Db']);
    expect(tree.nested[0]?.tree).toMatchObject({ template: 'template of plan-1-Db-1' });
    expect(tree.nested[0]?.tree.changes[0]?.LogicalResourceId).toBe('Inner');
    expect(aws.inputs('DescribeChangeSet')[0]).toMatchObject({ ChangeSetName: 'plan-1', StackName: STACK });
  });

  test.each([
    ['InternalFailure', 500, true],
    ['ValidationError', 400, true],
    ['AccessDenied', 403, false],
  ])('an unavailable template (%s, %d) is left out: %s', async (name, status, leftOut) => {
    const error = awsError(name, name, status);
    const { context } = fakeAws({ DescribeChangeSet: () => described, GetTemplate: () => fail(error) });
    const reading = readChangeSetTree(context, { ChangeSetName: SET });
    if (leftOut) expect(await reading).not.toHaveProperty('template');
    else await expect(reading).rejects.toMatchObject({ cause: error });
  });

  test('nested change sets of an executed one may not exist any more', async () => {
    const nestedChange = change('Db', [], {
      ResourceType: 'AWS::CloudFormation::Stack',
      ChangeSetId: 'gone',
    });
    const aws = fakeAws({
      DescribeChangeSet: ({ ChangeSetName: id }) =>
        id === 'gone' ? fail(notFound()) : { ...described, Changes: [nestedChange] },
      GetTemplate: () => ({ TemplateBody: 'x' }),
    });
    expect((await readChangeSetTree(aws.context, { ChangeSetName: SET }, { executed: true })).nested).toEqual(
      [],
    );
    await expect(readChangeSetTree(aws.context, { ChangeSetName: SET })).rejects.toThrow('does not exist');
  });
});

describe('deleting', () => {
  test('waits until the change set is deleted', async () => {
    const aws = fakeAws({
      DeleteChangeSet: () => ({}),
      DescribeChangeSet: (_input, nth) =>
        nth < 3 ? { ...described, Status: 'DELETE_IN_PROGRESS' } : fail(notFound()),
    });
    await deleteChangeSet(aws.context, MADE, 60_000);
    expect(aws.inputs('DescribeChangeSet')).toHaveLength(3);
  });

  test('accepts one that is already deleted', async () => {
    const aws = fakeAws({ DeleteChangeSet: () => fail(notFound()) });
    await deleteChangeSet(aws.context, MADE, 60_000);
    expect(aws.calls).toHaveLength(1);
  });

  test('deletes one that is still being created as soon as CloudFormation allows it', async () => {
    const aws = fakeAws({
      DeleteChangeSet: (_input, nth) => (nth < 3 ? fail(awsError('InvalidChangeSetStatusException')) : {}),
      DescribeChangeSet: (_input, nth) =>
        nth < 3 ? { ...described, Status: 'CREATE_IN_PROGRESS' } : fail(notFound()),
    });
    await deleteChangeSet(aws.context, MADE, 60_000);
    expect(aws.inputs('DeleteChangeSet')).toHaveLength(3);
  });

  test('a deletion that fails is an error', async () => {
    const { context } = fakeAws({
      DeleteChangeSet: () => ({}),
      DescribeChangeSet: () => ({ ...described, Status: 'DELETE_FAILED', StatusReason: 'nested' }),
    });
    await expect(deleteChangeSet(context, MADE, 60_000)).rejects.toThrow(/could not be deleted: nested/);
  });
});

describe('the empty stack of a CREATE change set', () => {
  const stack = (StackStatus: string) => ({ Stacks: [{ StackName: 'app', StackId: STACK, StackStatus }] });

  test('is deleted, and the deletion is awaited', async () => {
    const aws = fakeAws({
      DescribeStacks: (_input, nth) =>
        stack(nth === 1 ? 'REVIEW_IN_PROGRESS' : nth === 2 ? 'DELETE_IN_PROGRESS' : 'DELETE_COMPLETE'),
      ListChangeSets: () => ({ Summaries: [{ Status: 'DELETE_COMPLETE' }] }),
      DeleteStack: () => ({}),
    });
    expect(await removeShell(aws.context, STACK, 60_000)).toBe(true);
    expect(aws.inputs('DeleteStack')).toEqual([{ StackName: STACK }]);
  });

  test.each(['CREATE_IN_PROGRESS', 'CREATE_COMPLETE', 'UPDATE_COMPLETE'])(
    'a stack that is %s is not changed',
    async (status) => {
      const aws = fakeAws({ DescribeStacks: () => stack(status) });
      expect(await removeShell(aws.context, STACK, 60_000)).toBe(false);
    },
  );

  test('one with another change set is not deleted', async () => {
    const { context } = fakeAws({
      DescribeStacks: () => stack('REVIEW_IN_PROGRESS'),
      ListChangeSets: () => ({ Summaries: [{ Status: 'CREATE_COMPLETE' }] }),
    });
    expect(await removeShell(context, STACK, 60_000)).toBe(false);
  });

  test('accepts one that is already deleted', async () => {
    expect(await removeShell(fakeAws({ DescribeStacks: () => fail(noStack()) }).context, STACK, 1)).toBe(
      true,
    );
    expect(
      await removeShell(fakeAws({ DescribeStacks: () => stack('DELETE_COMPLETE') }).context, STACK, 1),
    ).toBe(true);
  });

  test('one that cannot be deleted is an error', async () => {
    const { context } = fakeAws({
      DescribeStacks: (_input, nth) => stack(nth === 1 ? 'REVIEW_IN_PROGRESS' : 'DELETE_FAILED'),
      ListChangeSets: () => ({}),
      DeleteStack: () => ({}),
    });
    await expect(removeShell(context, STACK, 60_000)).rejects.toThrow(/could not be deleted/);
  });
});

describe('clean-up', () => {
  const handlers = {
    DescribeChangeSet: (_input: object, nth: number) =>
      nth === 1 ? { ...described, Status: 'CREATE_COMPLETE' } : fail(notFound()),
    DeleteChangeSet: () => ({}),
    DescribeStacks: (_input: object, nth: number) =>
      nth === 1
        ? { Stacks: [{ StackName: 'app', StackId: STACK, StackStatus: 'REVIEW_IN_PROGRESS' }] }
        : fail(noStack()),
    ListChangeSets: () => ({}),
    DeleteStack: () => ({}),
  };

  test('also when the job was cancelled', async () => {
    const aws = fakeAws(handlers);
    aws.abort(new CancelledError('SIGTERM'));
    await removeChangeSet(aws.context, request({ kind: 'create' }));
    expect(aws.inputs('DeleteChangeSet')).toEqual([ADDRESS]);
    expect(aws.inputs('DeleteStack')).toEqual([{ StackName: STACK }]);
  });

  test('an existing stack is never deleted', async () => {
    const aws = fakeAws(handlers);
    await removeChangeSet(aws.context, request({ kind: 'update' }));
    expect(aws.inputs('DeleteStack')).toEqual([]);
  });

  test('a foreign change set of that name is kept', async () => {
    const aws = fakeAws({ DescribeChangeSet: () => ({ ...described, Description: 'mine' }) });
    await removeChangeSet(aws.context, request());
    expect(aws.inputs('DeleteChangeSet')).toEqual([]);
  });

  test('names what cannot be removed', async () => {
    const aws = fakeAws({ DescribeChangeSet: () => fail(awsError('AccessDenied', 'not allowed', 403)) });
    await removeChangeSet(aws.context, request());
    expect(aws.lines.join('\n')).toMatch(
      /^::warning::The change set plan-1 of app may not have been deleted: .*not allowed/,
    );
  });

  test('names only the empty stack if its change set was deleted', async () => {
    const aws = fakeAws({
      ...handlers,
      DeleteStack: () => fail(awsError('AccessDenied', 'not allowed', 403)),
    });
    await removeChangeSet(aws.context, request({ kind: 'create' }));
    const log = aws.lines.join('\n');
    expect(log).toMatch(/^::warning::The empty stack app may not have been deleted: .*not allowed/);
    expect(log).not.toContain('plan-1 of app may');
  });
});
