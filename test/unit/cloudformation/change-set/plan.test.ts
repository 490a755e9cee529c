import { describe, expect, test } from '@jest/globals';
import { comparePlans } from '../../../../src/cloudformation/change-set/fingerprint.ts';
import { createPlan, type PlanRequest, readPlan } from '../../../../src/cloudformation/change-set/plan.ts';
import type { DeployStackInputs } from '../../../../src/cloudformation/context.ts';
import { CancelledError } from '../../../../src/core/errors.ts';
import {
  awsError,
  fail,
  fakeAws,
  type Handlers,
  type Input,
  noStack,
  notFound,
  stackOf,
  templateOf,
} from '../aws.ts';

const SET = 'arn:aws:cloudformation:eu-west-1:111111111111:changeSet/plan-1/a';
const STACK = stackOf().stackId;
const BODY = `Parameters:
  DbPassword: { Type: String, NoEcho: true }
  Size: { Type: String }
Resources:
  Db:
    Type: AWS::RDS::DBInstance
    Properties:
      MasterUserPassword: !Ref DbPassword
      DBInstanceClass: !Ref Size
`;
const INPUTS: DeployStackInputs = {
  command: 'deploy',
  stackName: 'app',
  parameters: {},
  parameterFiles: [],
  tags: {},
  capabilities: [],
  allowReplace: [],
  allowDelete: [],
  allowTrafficReset: [],
  importExisting: false,
  onFailure: 'rollback',
  failFast: true,
  mode: 'standard',
  notificationArns: [],
  revertDrift: false,
  continueRollback: false,
  timeoutMs: 60_000,
};

const newStack: PlanRequest = {
  inputs: INPUTS,
  template: templateOf(BODY),
  parameters: [
    { key: 'DbPassword', value: 'hunter2secret', noEcho: true, usePrevious: false, source: 'parameters' },
    { key: 'Size', value: 'db.t4g.large', noEcho: false, usePrevious: false, source: 'parameters' },
  ],
  tags: { team: 'core' },
  changeSetName: 'plan-1',
};
const request = (): PlanRequest => ({ ...newStack, stack: stackOf() });

const target = (name: string, before: string, after: string, cause: string) => ({
  Target: {
    Attribute: 'Properties',
    Name: name,
    Path: `/Properties/${name}`,
    RequiresRecreation: 'Never',
    BeforeValue: before,
    AfterValue: after,
  },
  Evaluation: 'Static',
  ChangeSource: 'ParameterReference',
  CausingEntity: cause,
});
const CHANGES = [
  {
    ResourceChange: {
      Action: 'Modify',
      LogicalResourceId: 'Db',
      PhysicalResourceId: 'db-1',
      ResourceType: 'AWS::RDS::DBInstance',
      Replacement: 'False',
      Details: [
        target('MasterUserPassword', 'old-secret-value', 'hunter2secret', 'DbPassword'),
        target('DBInstanceClass', 'db.t4g.small', 'db.t4g.large', 'Size'),
      ],
    },
  },
];

/** An endpoint that creates, describes and deletes one change set, which does not exist after DeleteChangeSet. */
function endpoint(set: object = {}, more: Handlers = {}) {
  let created: Input | undefined;
  let deleted = false;
  let shell = true;
  const aws = fakeAws({
    CreateChangeSet: (input) => {
      created = input;
      return { Id: SET, StackId: STACK };
    },
    DescribeChangeSet: () =>
      deleted || !created
        ? fail(notFound())
        : {
            ChangeSetId: SET,
            ChangeSetName: 'plan-1',
            StackId: STACK,
            StackName: 'app',
            Description: created['Description'],
            Status: 'CREATE_COMPLETE',
            ExecutionStatus: 'AVAILABLE',
            Parameters: [
              { ParameterKey: 'DbPassword', ParameterValue: 'hunter2secret' },
              { ParameterKey: 'Size', ParameterValue: '/sizes/db', ResolvedValue: 'db.t4g.large' },
            ],
            Tags: [{ Key: 'team', Value: 'core' }],
            Changes: CHANGES,
            ...set,
          },
    GetTemplate: () => ({ TemplateBody: BODY }),
    DeleteChangeSet: () => {
      deleted = true;
      return {};
    },
    DescribeStacks: () =>
      shell
        ? { Stacks: [{ StackName: 'app', StackId: STACK, StackStatus: 'REVIEW_IN_PROGRESS' }] }
        : fail(noStack()),
    ListChangeSets: () => ({}),
    DeleteStack: () => {
      shell = false;
      return {};
    },
    DescribeEvents: () => fail(awsError('InvalidAction')),
    ...more,
  });
  return aws;
}

describe('createPlan', () => {
  test('describes the changes without secrets', async () => {
    const aws = endpoint();
    const plan = await createPlan(aws.context, request());
    expect(plan).toMatchObject({
      stackName: 'app',
      stackId: STACK,
      changeSetName: 'plan-1',
      changeSetId: SET,
      kind: 'update',
      hasChanges: true,
      fingerprint: expect.stringMatching(/^v1:/),
      settings: {
        parameters: { DbPassword: '****', Size: '/sizes/db' },
        resolved: { Size: 'db.t4g.large' },
        tags: { team: 'core' },
      },
    });
    expect(plan.changes[0]?.properties).toMatchObject([
      { path: 'Properties.MasterUserPassword', before: '****', after: '****', cause: 'DbPassword' },
      { path: 'Properties.DBInstanceClass', before: 'db.t4g.small', after: 'db.t4g.large' },
    ]);
    expect(JSON.stringify(plan)).not.toMatch(/hunter2secret|old-secret-value/);
    expect(aws.lines).toContain('::add-mask::hunter2secret');
    expect(aws.inputs('DeleteChangeSet')).toEqual([]);
  });

  test('a secret in a plain SSM parameter is masked everywhere; references to secrets may be shown', async () => {
    const body = BODY.replace('Size:', "AppSecret: { Type: 'AWS::SSM::Parameter::Value<String>' }\n  Size:");
    const aws = endpoint(
      {
        Parameters: [
          { ParameterKey: 'AppSecret', ParameterValue: '/app/secret', ResolvedValue: 'plain-in-ssm' },
          { ParameterKey: 'DbSecret', ParameterValue: '/db', ResolvedValue: 'arn:aws:secretsmanager:x' },
        ],
        Changes: [
          {
            ResourceChange: {
              Action: 'Modify',
              Details: [target('Other', 'x', 'see plain-in-ssm', 'AppSecret')],
            },
          },
        ],
      },
      { GetTemplate: () => ({ TemplateBody: body }) },
    );
    const plan = await createPlan(aws.context, request());
    expect(plan.settings).toMatchObject({
      parameters: { AppSecret: '/app/secret' },
      resolved: { AppSecret: '****', DbSecret: 'arn:aws:secretsmanager:x' },
    });
    expect(plan.changes[0]?.properties[0]?.after).toBe('see ***');
  });

  test('a value that is a secret elsewhere in the job is masked too', async () => {
    const aws = endpoint();
    aws.context.log.secret('db.t4g.large');
    const plan = await createPlan(aws.context, request());
    expect(plan.changes[0]?.properties[1]?.after).toBe('***');
    expect(plan.fingerprint).toBe((await createPlan(endpoint().context, request())).fingerprint);
  });

  test.each([
    ['no stack', undefined, 'CREATE', 'create'],
    ['a shell', stackOf({ status: 'REVIEW_IN_PROGRESS' }), 'CREATE', 'create'],
    ['a stack', stackOf(), 'UPDATE', 'update'],
  ])('%s', async (_name, stack, type, kind) => {
    const aws = endpoint();
    const plan = await createPlan(aws.context, { ...newStack, ...(stack && { stack }) });
    expect(aws.inputs('CreateChangeSet')[0]).toMatchObject({ ChangeSetType: type, TemplateBody: BODY });
    expect(plan.kind).toBe(kind);
  });

  test('a change of outputs only can be executed', async () => {
    const plan = await createPlan(endpoint({ Changes: [] }).context, request());
    expect(plan).toMatchObject({ hasChanges: true, changes: [] });
  });

  test('a plan without changes is unchanged, and its change set is deleted', async () => {
    const aws = endpoint({
      Status: 'FAILED',
      ExecutionStatus: 'UNAVAILABLE',
      StatusReason: "The submitted information didn't contain changes. Submit different information",
      Changes: [],
    });
    expect(await createPlan(aws.context, request())).toMatchObject({ hasChanges: false, changes: [] });
    expect(aws.inputs('DeleteChangeSet')).toEqual([{ ChangeSetName: 'plan-1', StackName: 'app' }]);
    expect(aws.inputs('DeleteStack')).toEqual([]);
  });

  test('a refusal without a change set counts as unchanged for an existing stack only', async () => {
    const more = {
      CreateChangeSet: () => fail(awsError('ValidationError', 'No updates are to be performed.')),
      DescribeChangeSet: () => fail(notFound()),
    };
    expect(await createPlan(endpoint({}, more).context, request())).toMatchObject({
      kind: 'update',
      hasChanges: false,
      stackName: 'app',
      stackId: STACK,
    });
    await expect(createPlan(endpoint({}, more).context, newStack)).rejects.toMatchObject({
      name: 'PlanFailedError',
    });
  });

  test("CloudFormation's warnings about removed resources are shown", async () => {
    const removal = {
      ResourceChange: { Action: 'Remove', LogicalResourceId: 'Bucket', ResourceType: 'AWS::S3::Bucket' },
    };
    const warning = {
      LogicalResourceId: 'Bucket',
      ValidationName: 'S3_BUCKET_EMPTINESS',
      ValidationFailureMode: 'WARN',
      ValidationStatusReason: 'The bucket is not empty',
    };
    const aws = endpoint({ Changes: [removal] }, { DescribeEvents: () => ({ OperationEvents: [warning] }) });
    const plan = await createPlan(aws.context, request());
    expect(plan.warnings).toEqual(['Bucket: The bucket is not empty (S3_BUCKET_EMPTINESS)']);
    const harmless = endpoint();
    await createPlan(harmless.context, request());
    expect(harmless.inputs('DescribeEvents')).toEqual([]);
  });
});

describe('a failed plan', () => {
  const REFUSED = {
    Status: 'FAILED',
    StatusReason: 'Property DBInstanceClass of resource [Db] is wrong',
    Changes: [],
  };

  test("is an error on the template's line and leaves nothing behind", async () => {
    const aws = endpoint(REFUSED);
    await expect(createPlan(aws.context, newStack)).rejects.toMatchObject({
      name: 'PlanFailedError',
      message: 'The plan of app failed: Db: Property DBInstanceClass of resource [Db] is wrong (app.yml:5)',
      findings: [{ logicalId: 'Db', line: 5 }],
    });
    expect(aws.inputs('DeleteChangeSet')).toHaveLength(1);
    expect(aws.inputs('DeleteStack')).toEqual([{ StackName: STACK }]);
  });

  test('in an existing stack deletes only the change set', async () => {
    const aws = endpoint(REFUSED);
    await expect(createPlan(aws.context, request())).rejects.toMatchObject({ name: 'PlanFailedError' });
    expect(aws.inputs('DeleteChangeSet')).toHaveLength(1);
    expect(aws.inputs('DeleteStack')).toEqual([]);
  });

  test.each([
    ['ValidationError', 'Template format error: Unresolved resource dependencies [Db]'],
    ['InsufficientCapabilitiesException', 'Requires capabilities : [CAPABILITY_NAMED_IAM]'],
    ['LimitExceededException', 'too many change sets'],
  ])('at once, with %s', async (name, message) => {
    const aws = endpoint({}, { CreateChangeSet: () => fail(awsError(name, message)) });
    await expect(createPlan(aws.context, request())).rejects.toMatchObject({
      name: 'PlanFailedError',
      message: expect.stringContaining(message),
    });
    expect(aws.inputs('DeleteChangeSet')).toEqual([]);
  });

  test.each(['AccessDenied', 'ExpiredToken'])(
    'an error that is not about the plan is kept: %s',
    async (name) => {
      const error = awsError(name, name, 403);
      const aws = endpoint({}, { CreateChangeSet: () => fail(error) });
      await expect(createPlan(aws.context, request())).rejects.toMatchObject({ cause: error });
    },
  );

  test('a change set whose creation response was lost is deleted', async () => {
    let created: Input = {};
    let gone = false;
    const lost = fakeAws({
      CreateChangeSet: (input) => {
        created = input;
        return fail(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }));
      },
      DescribeChangeSet: () =>
        gone ? fail(notFound()) : { ChangeSetId: SET, StackId: STACK, Description: created['Description'] },
      DeleteChangeSet: () => {
        gone = true;
        return {};
      },
    });
    await expect(createPlan(lost.context, request())).rejects.toThrow('socket hang up');
    expect(lost.inputs('DeleteChangeSet')).toEqual([{ ChangeSetName: 'plan-1', StackName: 'app' }]);
  });

  test('a timeout is an error, and the change set is deleted', async () => {
    const aws = endpoint({ Status: 'CREATE_IN_PROGRESS', ExecutionStatus: 'UNAVAILABLE' });
    await expect(createPlan(aws.context, request())).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(aws.inputs('DeleteChangeSet')).toHaveLength(1);
  });

  test('a cancelled job deletes what it started, including the empty stack', async () => {
    const aws = endpoint({ Status: 'CREATE_IN_PROGRESS', ExecutionStatus: 'UNAVAILABLE' });
    aws.clock.onSleep = () => {
      aws.abort(new CancelledError('SIGINT'));
    };
    await expect(createPlan(aws.context, newStack)).rejects.toThrow('cancelled by SIGINT');
    expect(aws.inputs('DeleteChangeSet')).toHaveLength(1);
    expect(aws.inputs('DeleteStack')).toHaveLength(1);
  });
});

describe('readPlan', () => {
  const read = async (set: object, status = 'UPDATE_COMPLETE', more: Handlers = {}) => {
    const aws = endpoint(set, {
      DescribeStacks: () => ({ Stacks: [{ StackName: 'app', StackId: STACK, StackStatus: status }] }),
      ...more,
    });
    const made = await createPlan(aws.context, request());
    return { made, found: await readPlan(aws.context, 'app', 'plan-1') };
  };

  test('returns the same plan in another job', async () => {
    const { made, found } = await read({});
    expect(found).toEqual(made);
  });

  test('recognizes a plan for a new stack', async () => {
    expect((await read({}, 'REVIEW_IN_PROGRESS')).found).toMatchObject({ kind: 'create', hasChanges: true });
  });

  test.each([
    ['EXECUTE_COMPLETE', 'CREATE_COMPLETE', { executed: 'complete', plan: { kind: 'create' } }],
    ['EXECUTE_COMPLETE', 'UPDATE_COMPLETE', { executed: 'complete', plan: { kind: 'update' } }],
    ['EXECUTE_FAILED', 'UPDATE_ROLLBACK_COMPLETE', { executed: 'failed' }],
    ['EXECUTE_IN_PROGRESS', 'UPDATE_IN_PROGRESS', { executed: 'in-progress' }],
    [
      'OBSOLETE',
      'UPDATE_COMPLETE',
      {
        unavailable: 'its execution status is OBSOLETE: the stack has changed since the plan was created',
        plan: {},
      },
    ],
  ])('%s in a stack that is %s', async (ExecutionStatus, status, expected) => {
    expect((await read({ ExecutionStatus }, status)).found).toMatchObject(expected);
  });

  test.each([
    ['the stack does not exist', { DescribeStacks: () => fail(noStack()) }, /^stack app does not exist$/],
    [
      'the change set does not exist',
      {
        DescribeStacks: () => ({
          Stacks: [{ StackName: 'app', StackId: STACK, StackStatus: 'UPDATE_COMPLETE' }],
        }),
        DescribeChangeSet: () => fail(notFound()),
      },
      /^change set plan-1 does not exist/,
    ],
  ])('%s', async (_name, handlers, reason) => {
    const { context } = fakeAws(handlers);
    expect(await readPlan(context, 'app', 'plan-1')).toEqual({ unavailable: expect.stringMatching(reason) });
  });

  test('a failed or deleted one counts as missing', async () => {
    const handlers = (Status: string) => ({
      DescribeStacks: () => ({
        Stacks: [{ StackName: 'app', StackId: STACK, StackStatus: 'UPDATE_COMPLETE' }],
      }),
      DescribeChangeSet: () => ({ ChangeSetId: SET, StackId: STACK, Status, StatusReason: 'why' }),
      GetTemplate: () => ({}),
    });
    expect(await readPlan(fakeAws(handlers('FAILED')).context, 'app', 'p')).toEqual({
      unavailable: 'its status is FAILED: why',
    });
    expect(await readPlan(fakeAws(handlers('DELETE_PENDING')).context, 'app', 'p')).toMatchObject({
      unavailable: expect.stringMatching(/DELETE_PENDING/),
    });
  });

  test('an invalid response is an error', async () => {
    const error = awsError('AccessDenied', 'no', 403);
    const { context } = fakeAws({ DescribeStacks: () => fail(error) });
    await expect(readPlan(context, 'app', 'plan-1')).rejects.toMatchObject({ cause: error });
  });
});

describe('comparePlans', () => {
  const base = async (set: object = {}, more: Handlers = {}) =>
    await createPlan(endpoint(set, more).context, request());
  const changed = (change: object) => ({
    Changes: [{ ResourceChange: { ...CHANGES[0]?.ResourceChange, ...change } }],
  });

  test.each<[string, object, Handlers, string[]]>([
    ['nothing', {}, {}, []],
    [
      'the template',
      {},
      { GetTemplate: () => ({ TemplateBody: `${BODY}Outputs: {}\n` }) },
      ['The template has changed'],
    ],
    ['a tag', { Tags: [] }, {}, ['Tag team: was core, is not set']],
    ['a mode', { DeploymentConfig: { Mode: 'EXPRESS' } }, {}, ['Setting mode: was not set, is "EXPRESS"']],
    [
      'a resolved parameter',
      { Parameters: [{ ParameterKey: 'Size', ParameterValue: '/sizes/db', ResolvedValue: 'db.r6g' }] },
      {},
      ['Parameter DbPassword: was ****, is not set', 'Resolved value of Size: was db.t4g.large, is db.r6g'],
    ],
    ['a replacement', changed({ Replacement: 'True' }), {}, ['Db: was modify, is modify, replaced']],
    ['no change any more', { Changes: [] }, {}, ['Db: was modify, is not changed']],
    [
      'a value',
      changed({ Details: [target('DBInstanceClass', 'db.t4g.small', 'db.r6g', 'Size')] }),
      {},
      [
        'Db Properties.DBInstanceClass: was db.t4g.small → db.t4g.large, is db.t4g.small → db.r6g',
        'Db Properties.MasterUserPassword: was **** → ****, is not set',
      ],
    ],
    [
      'what CloudFormation does not show as a value',
      changed({ PhysicalResourceId: 'db-2' }),
      {},
      ['The plans differ in details that CloudFormation does not report as resource changes'],
    ],
  ])('%s', async (_name, set, more, lines) => {
    expect(comparePlans(await base(), await base(set, more))).toEqual(lines);
  });
});
