import { describe, expect, test } from '@jest/globals';
import {
  findingsOf,
  PlanFailedError,
  reasonFinding,
} from '../../../../src/cloudformation/change-set/failure.ts';
import { CancelledError } from '../../../../src/core/errors.ts';
import { awsError, fail, fakeAws, templateOf } from '../aws.ts';

const TEMPLATE = templateOf(`Parameters:
  Size:
    Type: String
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: taken
      Tags:
        - Key: a
          Value: b
  Queue:
    Type: AWS::SQS::Queue
`);
const failure = (reason: string, nesting: string[] = []) => [{ changeSetId: 'arn:set', reason, nesting }];
const find = (events: object[] | Error, reason: string, more = {}) => {
  const aws = fakeAws({
    DescribeEvents: () => (events instanceof Error ? fail(events) : { OperationEvents: events }),
    ...more,
  });
  return { aws, found: findingsOf(aws.context, failure(reason), TEMPLATE) };
};

describe('early validation', () => {
  const IMPORT = expect.stringContaining('set import-existing-resources: true on the stack');
  const event = (values: object) => ({
    EventType: 'VALIDATION_ERROR',
    LogicalResourceId: 'Bucket',
    ValidationName: 'NAME_CONFLICT_VALIDATION',
    ValidationFailureMode: 'FAIL',
    ValidationStatusReason: 'A bucket with this name exists',
    ...values,
  });

  test.each([
    ['/Resources/Bucket/Properties/BucketName', 'Properties.BucketName', 8],
    ['/Properties/BucketName', 'Properties.BucketName', 8],
    ['BucketName', 'BucketName', 8],
    ['Tags.0.Value', 'Tags.0.Value', 11],
    ['/Resources/Bucket', undefined, 5],
    [undefined, undefined, 5],
  ])('the path %s is on its line', async (ValidationPath, path, line) => {
    const { found, aws } = find([event({ ValidationPath })], 'The following hook(s)/validation failed');
    expect(await found).toEqual([
      {
        level: 'error',
        message: 'A bucket with this name exists (NAME_CONFLICT_VALIDATION)',
        fix: IMPORT,
        logicalId: 'Bucket',
        ...(path !== undefined && { path }),
        file: 'app.yml',
        line,
      },
    ]);
    expect(aws.inputs('DescribeEvents')).toEqual([
      { ChangeSetName: 'arn:set', Filters: { FailedEvents: true } },
    ]);
  });

  test('reads all pages, separates warnings from errors, and ignores events without a reason', async () => {
    const aws = fakeAws({
      DescribeEvents: (_input, nth) =>
        nth === 1
          ? {
              OperationEvents: [event({ ValidationFailureMode: 'WARN' }), { EventType: 'STACK_EVENT' }],
              NextToken: 'n',
            }
          : { OperationEvents: [event({ LogicalResourceId: 'Queue' })] },
    });
    const found = await findingsOf(aws.context, failure('failed'), TEMPLATE);
    expect(found.map(({ level, logicalId, line }) => [level, logicalId, line])).toEqual([
      ['warning', 'Bucket', 5],
      ['error', 'Queue', 12],
    ]);
  });

  test('a hook that refuses', async () => {
    const hook = {
      HookType: 'Org::No::Queue',
      HookStatusReason: 'not encrypted',
      HookFailureMode: 'FAIL',
      LogicalResourceId: 'Queue',
    };
    expect(await find([hook], 'hook failed').found).toMatchObject([
      { level: 'error', message: 'not encrypted (Org::No::Queue)', logicalId: 'Queue', line: 12 },
    ]);
  });

  test('without a template there are no lines', async () => {
    const { context } = fakeAws({ DescribeEvents: () => ({ OperationEvents: [event({})] }) });
    expect(await findingsOf(context, failure('x'), undefined)).toEqual([
      { level: 'error', message: expect.stringContaining('exists'), fix: IMPORT, logicalId: 'Bucket' },
    ]);
  });
});

describe('without events', () => {
  test.each([
    [awsError('InternalFailure', 'boom', 500)],
    [awsError('InvalidAction', 'no such action')],
    [awsError('AccessDenied', 'no', 403)],
  ])("uses the change set's reason", async (error) => {
    const { found } = find(error, 'Property X of resource [Queue] is wrong');
    expect(await found).toEqual([
      {
        level: 'error',
        message: 'Property X of resource [Queue] is wrong',
        logicalId: 'Queue',
        file: 'app.yml',
        line: 12,
      },
    ]);
  });

  test('warnings alone are not the reason of a failure', async () => {
    const warning = { ValidationFailureMode: 'WARN', ValidationStatusReason: 'quota is near' };
    expect(
      (await find([warning], 'the real reason').found).map(({ level, message }) => [level, message]),
    ).toEqual([
      ['warning', 'quota is near'],
      ['error', 'the real reason'],
    ]);
  });

  test('hook results are read if the reason mentions them', async () => {
    const ListHookResults = () => ({
      HookResults: [
        {
          Status: 'HOOK_COMPLETE_FAILED',
          TypeName: 'Org::A::B',
          HookStatusReason: 'because',
          FailureMode: 'FAIL',
        },
        { Status: 'HOOK_COMPLETE_SUCCEEDED', TypeName: 'Org::C::D' },
      ],
    });
    const { found, aws } = find(awsError('InvalidAction'), 'The following hook(s) failed', {
      ListHookResults,
    });
    expect(await found).toEqual([
      { level: 'error', refusedBy: 'hook', message: 'Hook Org::A::B rejected this: "because"' },
    ]);
    expect(aws.inputs('ListHookResults')).toEqual([{ TargetType: 'CHANGE_SET', TargetId: 'arn:set' }]);
  });

  test('a cancellation is not ignored', async () => {
    const aws = fakeAws({
      DescribeEvents: () => {
        aws.abort(new CancelledError('SIGTERM'));
        return fail(awsError('AbortError'));
      },
    });
    await expect(findingsOf(aws.context, failure('x'), TEMPLATE)).rejects.toThrow('cancelled by SIGTERM');
  });
});

test.each([
  ['Unresolved resource dependencies [Queue] in the Resources block of the template', 'Queue', 12],
  ['Template error: instance of Fn::GetAtt references undefined resource Missing', undefined, undefined],
  ['Parameters: [Size] must have values', undefined, 2],
  ['Circular dependency between resources: [Bucket, Queue]', 'Bucket', 5],
  ['', undefined, undefined],
])('the reason %j is about %s', (reason, logicalId, line) => {
  const finding = reasonFinding(reason, TEMPLATE);
  expect([finding.logicalId, finding.line]).toEqual([logicalId, line]);
  expect(finding.message).not.toBe('');
});

test('a finding in a nested template has the line of the nested stack', async () => {
  const { context } = fakeAws({ DescribeEvents: () => fail(awsError('InvalidAction')) });
  expect(
    await findingsOf(context, failure('Property of Inner is wrong', ['Queue', 'Deep']), TEMPLATE),
  ).toEqual([
    {
      level: 'error',
      message: 'Property of Inner is wrong',
      nesting: ['Queue', 'Deep'],
      file: 'app.yml',
      line: 12,
    },
  ]);
});

test('the error names the first finding and counts the others', () => {
  const finding = {
    level: 'error' as const,
    message: 'is wrong',
    logicalId: 'A',
    path: 'P',
    file: 'f.yml',
    line: 3,
  };
  const warning = { level: 'warning' as const, message: 'is odd' };
  expect(new PlanFailedError('app', [warning, finding, finding]).message).toBe(
    'The plan of app failed: A.P: is wrong (f.yml:3) (and 1 more)',
  );
  const nested = { level: 'error' as const, message: 'is wrong', nesting: ['Data'], logicalId: 'Queue' };
  expect(new PlanFailedError('app', [nested]).message).toBe('The plan of app failed: Data/Queue: is wrong');
});
