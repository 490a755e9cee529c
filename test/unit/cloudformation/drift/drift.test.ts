import { describe, expect, test } from '@jest/globals';
import { findDrift } from '../../../../src/cloudformation/drift/drift.ts';
import { CancelledError } from '../../../../src/core/errors.ts';
import { awsError, fail, fakeAws, type Handlers, type Input, notFound, stackOf } from '../aws.ts';

const STACK = stackOf({
  parameters: { DbPassword: '****', Size: 'small' },
  capabilities: ['CAPABILITY_IAM'],
});
const OPTIONS = { changeSetName: 'drift-1', timeoutMs: 60_000 };
const TEMPLATE = `Parameters:
  DbPassword: { Type: String, NoEcho: true }
Resources:
  Queue: { Type: AWS::SQS::Queue, Properties: { Tag: !Ref DbPassword } }
`;
const NOTHING = "The submitted information didn't contain changes. Submit different information";

/** An endpoint with drift-aware change sets. */
function changeSets(set: object, more: Handlers = {}) {
  let created: Input | undefined;
  let deleted = false;
  return fakeAws({
    CreateChangeSet: (input) => {
      created = input;
      return { Id: 'arn:set', StackId: STACK.stackId };
    },
    DescribeChangeSet: () =>
      deleted || !created
        ? fail(notFound())
        : {
            ChangeSetId: 'arn:set',
            StackId: STACK.stackId,
            Description: created['Description'],
            DeploymentMode: 'REVERT_DRIFT',
            Status: 'CREATE_COMPLETE',
            ExecutionStatus: 'AVAILABLE',
            ...set,
          },
    DeleteChangeSet: () => {
      deleted = true;
      return {};
    },
    GetTemplate: () => ({ TemplateBody: TEMPLATE }),
    ListStackResources: () => ({}),
    DetectStackDrift: () => fail(awsError('AccessDenied', 'no', 403)),
    ...more,
  });
}

/** Drift detection in a stack and its nested stacks. */
function detection(drifts: Record<string, object[]>, status: object = {}): Handlers {
  return {
    DetectStackDrift: ({ StackName }) => ({ StackDriftDetectionId: `of ${String(StackName)}` }),
    DescribeStackDriftDetectionStatus: ({ StackDriftDetectionId: id }, nth) => {
      const found = drifts[String(id).replace('of ', '')] ?? [];
      if (nth === 1) return { DetectionStatus: 'DETECTION_IN_PROGRESS' };
      return {
        DetectionStatus: 'DETECTION_COMPLETE',
        StackDriftStatus: found.length > 0 ? 'DRIFTED' : 'IN_SYNC',
        ...status,
      };
    },
    DescribeStackResourceDrifts: ({ StackName, NextToken }) => {
      const all = drifts[String(StackName)] ?? [];
      return NextToken === undefined && all.length > 1
        ? { StackResourceDrifts: all.slice(0, 1), NextToken: 'more' }
        : { StackResourceDrifts: all.length > 1 ? all.slice(1) : all };
    },
  };
}
const changed = (LogicalResourceId: string, path: string, ExpectedValue: string, ActualValue: string) => ({
  LogicalResourceId,
  PhysicalResourceId: `${LogicalResourceId}-1`,
  ResourceType: 'AWS::SQS::Queue',
  StackResourceDriftStatus: 'MODIFIED',
  PropertyDifferences: [{ PropertyPath: path, ExpectedValue, ActualValue, DifferenceType: 'NOT_EQUAL' }],
});

describe('with a drift-aware change set', () => {
  const change = (id: string, values: object, drift?: object) => ({
    ResourceChange: {
      LogicalResourceId: id,
      ResourceType: 'AWS::SQS::Queue',
      PhysicalResourceId: 'q-1',
      Action: 'Modify',
      Details: drift ? [{ Target: { Path: '/Properties/Delay', Drift: drift } }] : [],
      ...values,
    },
  });

  test('requests the current stack, and deletes the change set', async () => {
    const aws = changeSets({ Status: 'FAILED', StatusReason: NOTHING, StackDriftStatus: 'IN_SYNC' });
    expect(await findDrift(aws.context, STACK, OPTIONS)).toEqual({
      verdict: 'in-sync',
      resources: [],
      unchecked: [],
      ofEcs: [],
      disputed: [],
      byChangeSetOnly: true,
    });
    expect(aws.inputs('CreateChangeSet')).toMatchObject([
      {
        StackName: STACK.stackId,
        ChangeSetName: 'drift-1',
        ChangeSetType: 'UPDATE',
        UsePreviousTemplate: true,
        DeploymentMode: 'REVERT_DRIFT',
        Capabilities: ['CAPABILITY_IAM'],
        Parameters: [
          { ParameterKey: 'DbPassword', UsePreviousValue: true },
          { ParameterKey: 'Size', UsePreviousValue: true },
        ],
      },
    ]);
    expect(aws.inputs('DeleteChangeSet')).toHaveLength(1);
    expect(aws.inputs('DeleteStack')).toEqual([]);
  });

  test('reports the deployed and the actual value', async () => {
    const aws = changeSets({
      StackDriftStatus: 'DRIFTED',
      Changes: [
        change('Queue', { ResourceDriftStatus: 'MODIFIED' }, { PreviousValue: '5', ActualValue: '9' }),
        change('Lost', { Action: 'Add', ResourceDriftStatus: 'DELETED' }),
        change('Same', {}, { PreviousValue: '1', ActualValue: '1' }),
        change('ByParameter', {}),
        change('Unread', { ResourceDriftStatus: 'UNKNOWN' }),
      ],
    });
    expect(await findDrift(aws.context, STACK, OPTIONS)).toEqual({
      verdict: 'drifted',
      resources: [
        {
          logicalId: 'Queue',
          nesting: [],
          type: 'AWS::SQS::Queue',
          physicalId: 'q-1',
          status: 'modified',
          properties: [{ path: 'Properties.Delay', expected: '5', actual: '9' }],
        },
        expect.objectContaining({ logicalId: 'Lost', status: 'deleted' }),
      ],
      unchecked: ['Unread'],
      ofEcs: [],
      disputed: [],
      byChangeSetOnly: true,
    });
  });

  const inSync = { Status: 'FAILED', StatusReason: NOTHING, StackDriftStatus: 'IN_SYNC' };
  const drifted = {
    StackDriftStatus: 'DRIFTED',
    Changes: [change('Queue', { ResourceDriftStatus: 'MODIFIED' }, { PreviousValue: '5', ActualValue: '9' })],
  };
  test.each([
    ['in sync', inSync, 'drifted', [changed('Queue', '/Delay', '5', '9')], 'drifted', ['Queue']],
    ['drifted', drifted, 'in sync', [], 'in-sync', []],
    ['drifted', drifted, 'drifted', [changed('Queue', '/Delay', '5', '9')], 'drifted', []],
    ['in sync', inSync, 'in sync', [], 'in-sync', []],
  ])('%s by the change set, %s by detection: detection takes precedence', async (...situation) => {
    const [, set, , drifts, verdict, disputed] = situation;
    const aws = changeSets(set, detection({ [STACK.stackId]: drifts }));
    const report = await findDrift(aws.context, STACK, OPTIONS);
    expect([report.verdict, report.disputed, report.byChangeSetOnly]).toEqual([verdict, disputed, undefined]);
  });

  test('after an incomplete detection, the change set takes precedence', async () => {
    const aws = changeSets(inSync, detection({}, { DetectionStatus: 'DETECTION_FAILED' }));
    expect(await findDrift(aws.context, STACK, OPTIONS)).toMatchObject({
      verdict: 'in-sync',
      byChangeSetOnly: true,
    });
  });

  test.each([
    ['ignores the mode', { DeploymentMode: undefined, Status: 'FAILED', StatusReason: NOTHING }, {}],
    ['reports conflicting states', { StackDriftStatus: 'DRIFTED', Changes: [] }, {}],
    ['cannot tell', { StackDriftStatus: 'UNKNOWN', Changes: [] }, {}],
    ['fails for another reason', { Status: 'FAILED', StatusReason: 'internal' }, {}],
    [
      'refuses it',
      {},
      { CreateChangeSet: () => fail(awsError('ValidationError', 'unknown DeploymentMode')) },
    ],
    ['does not allow it', {}, { CreateChangeSet: () => fail(awsError('AccessDenied', 'no', 403)) }],
  ])('an endpoint that %s proves nothing: drift detection is used', async (_name, set, more) => {
    const drifts = { [STACK.stackId]: [changed('Queue', '/Delay', '5', '9')] };
    const aws = changeSets(set, { ...detection(drifts), ...more });
    expect(await findDrift(aws.context, STACK, OPTIONS)).toMatchObject({
      verdict: 'drifted',
      resources: [
        { logicalId: 'Queue', properties: [{ path: 'Properties.Delay', expected: '5', actual: '9' }] },
      ],
    });
  });

  test('a lost connection is an error', async () => {
    const error = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
    const aws = changeSets({}, { CreateChangeSet: () => fail(error) });
    await expect(findDrift(aws.context, STACK, OPTIONS)).rejects.toMatchObject({ cause: error });
  });

  test('a cancelled job leaves no change set', async () => {
    const aws = changeSets({ Status: 'CREATE_IN_PROGRESS' });
    aws.clock.onSleep = () => {
      aws.abort(new CancelledError('SIGTERM'));
    };
    await expect(findDrift(aws.context, STACK, OPTIONS)).rejects.toThrow('cancelled');
    expect(aws.inputs('DeleteChangeSet')).toHaveLength(1);
  });
});

describe('with drift detection', () => {
  const only = (drifts: Record<string, object[]>, status: object = {}, more: Handlers = {}) =>
    fakeAws({
      CreateChangeSet: () => fail(awsError('ValidationError', 'unknown')),
      DescribeChangeSet: () => fail(notFound()),
      GetTemplate: () => ({ TemplateBody: TEMPLATE }),
      ListStackResources: () => ({}),
      ...detection(drifts, status),
      ...more,
    });

  test('reads all pages, reports resources that cannot be compared, and masks secrets', async () => {
    const { context } = only({
      [STACK.stackId]: [
        changed('Queue', '/Tag', 'hunter2secret', 'other'),
        { LogicalResourceId: 'Custom', StackResourceDriftStatus: 'NOT_CHECKED' },
        { LogicalResourceId: 'Bucket', ResourceType: 'AWS::S3::Bucket', StackResourceDriftStatus: 'DELETED' },
      ],
    });
    const report = await findDrift(context, STACK, OPTIONS);
    expect(report.resources).toMatchObject([
      { logicalId: 'Queue', properties: [{ path: 'Properties.Tag', expected: '****', actual: '****' }] },
      { logicalId: 'Bucket', status: 'deleted', properties: [] },
    ]);
    expect(report.unchecked).toEqual(['Custom']);
  });

  test('resources missing in the detection were not compared', async () => {
    const resource = (
      LogicalResourceId: string,
      ResourceType: string,
      ResourceStatus = 'CREATE_COMPLETE',
    ) => ({
      LogicalResourceId,
      ResourceType,
      ResourceStatus,
      PhysicalResourceId: '1',
    });
    const { context } = only(
      { [STACK.stackId]: [{ LogicalResourceId: 'Queue', StackResourceDriftStatus: 'IN_SYNC' }] },
      { StackDriftStatus: 'IN_SYNC' },
      {
        ListStackResources: () => ({
          StackResourceSummaries: [
            resource('Queue', 'AWS::SQS::Queue'),
            resource('Task', 'Custom::Task'),
            resource('Gone', 'Custom::Task', 'DELETE_COMPLETE'),
          ],
        }),
      },
    );
    expect(await findDrift(context, STACK, OPTIONS)).toMatchObject({
      verdict: 'in-sync',
      unchecked: ['Task'],
    });
  });

  test('nested stacks are compared too', async () => {
    const nested = (stackId: string) => ({
      StackResourceSummaries: [
        {
          ResourceType: 'AWS::CloudFormation::Stack',
          LogicalResourceId: 'Data',
          PhysicalResourceId: stackId,
        },
      ],
    });
    const { context } = only(
      {
        'arn:inner': [
          changed('Queue', '/Delay', '5', '9'),
          { LogicalResourceId: 'X', StackResourceDriftStatus: 'UNKNOWN' },
        ],
      },
      {},
      {
        ListStackResources: ({ StackName }) =>
          StackName === STACK.stackId
            ? nested('arn:data')
            : StackName === 'arn:data'
              ? nested('arn:inner')
              : {},
      },
    );
    expect(await findDrift(context, STACK, OPTIONS)).toMatchObject({
      verdict: 'drifted',
      resources: [{ logicalId: 'Queue', nesting: ['Data', 'Data'] }],
      unchecked: ['Data/Data/X'],
      ofEcs: [],
    });
  });

  test('is in sync only if CloudFormation reports it', async () => {
    expect(await findDrift(only({}).context, STACK, OPTIONS)).toMatchObject({ verdict: 'in-sync' });
    for (const status of [
      { StackDriftStatus: 'UNKNOWN' },
      { StackDriftStatus: undefined },
      { StackDriftStatus: 'DRIFTED' },
      { DetectionStatus: 'DETECTION_FAILED', DetectionStatusReason: 'no permission for sqs' },
    ]) {
      await expect(findDrift(only({}, status).context, STACK, OPTIONS)).rejects.toThrow(
        /could not be determined/,
      );
    }
  });

  test.each([
    ['{"Summary":"Failed to detect drift on resources [Token]","Failures":[]}', ['Token']],
    ['Failed to detect drift on resource [Token]. User is not authorized', ['Token']],
    ['Failed to detect drift on resources [Token, Queue]', undefined],
    ['Failed to detect drift on resource [Gone]', undefined],
    ['Rate exceeded', undefined],
  ])('a detection that could not read secrets alone has them as unchecked: %s', async (reason, unchecked) => {
    const resource = (LogicalResourceId: string, ResourceType: string) => ({
      LogicalResourceId,
      ResourceType,
      ResourceStatus: 'CREATE_COMPLETE',
    });
    const StackResourceSummaries = [
      resource('Token', 'AWS::SecretsManager::Secret'),
      resource('Queue', 'AWS::SQS::Queue'),
    ];
    const inSync = { ...changed('Queue', '/Delay', '5', '5'), StackResourceDriftStatus: 'IN_SYNC' };
    const { context } = only(
      { [STACK.stackId]: [inSync] },
      { DetectionStatus: 'DETECTION_FAILED', StackDriftStatus: 'IN_SYNC', DetectionStatusReason: reason },
      { ListStackResources: () => ({ StackResourceSummaries }) },
    );
    const found = findDrift(context, STACK, OPTIONS);
    if (unchecked) expect(await found).toMatchObject({ verdict: 'in-sync', unchecked });
    else await expect(found).rejects.toThrow(/could not be determined/);
  });

  test('a partly failed detection still reports the drift found', async () => {
    const drifts = { [STACK.stackId]: [changed('Queue', '/Delay', '5', '9')] };
    const { context } = only(drifts, { DetectionStatus: 'DETECTION_FAILED' });
    expect(await findDrift(context, STACK, OPTIONS)).toMatchObject({ verdict: 'drifted' });
  });

  test('waits for a detection started by another caller', async () => {
    const aws = only(
      {},
      {},
      {
        DetectStackDrift: (_input, nth) =>
          nth < 3
            ? fail(awsError('ValidationError', 'Drift detection is already in progress'))
            : { StackDriftDetectionId: 'd' },
      },
    );
    expect(await findDrift(aws.context, STACK, OPTIONS)).toMatchObject({ verdict: 'in-sync' });
    expect(aws.inputs('DetectStackDrift')).toHaveLength(3);
  });

  test('a timeout is an error', async () => {
    const { context } = only({}, { DetectionStatus: 'DETECTION_IN_PROGRESS' });
    await expect(findDrift(context, STACK, OPTIONS)).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
