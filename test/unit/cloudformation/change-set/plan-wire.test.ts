import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExecuteChangeSetCommand } from '@aws-sdk/client-cloudformation';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Sandbox, SandboxOptions } from '../../../../sandbox/index.ts';
import { cloudFormationClient } from '../../../../src/aws/clients.ts';
import { findDrift } from '../../../../src/cloudformation/drift/drift.ts';
import { guardPlan } from '../../../../src/cloudformation/change-set/guard.ts';
import { resolveParameters } from '../../../../src/cloudformation/parameters/resolve.ts';
import { createPlan, readPlan } from '../../../../src/cloudformation/change-set/plan.ts';
import { deleteChangeSet, removeShell } from '../../../../src/cloudformation/change-set/remove.ts';
import { PlanFailedError } from '../../../../src/cloudformation/change-set/failure.ts';
import { describeStack } from '../../../../src/cloudformation/stack.ts';
import { loadTemplate } from '../../../../src/cloudformation/template/template.ts';
import type { CloudFormationContext, DeployStackInputs } from '../../../../src/cloudformation/context.ts';
import type { Plan } from '../../../../src/cloudformation/change-set/changes.ts';
import { Annotations } from '../../../../src/core/log.ts';
import { Unstopped } from '../../../../src/core/cancellation.ts';
import { systemClock } from '../../../../src/core/clock.ts';
import { RateLimiter } from '../../../../src/core/network/rate-limiter.ts';
import { poll } from '../../../../src/core/poll.ts';
import { recordingLog } from '../../core/fakes.ts';
import { DEV, sandboxOf } from '../../sandbox/clients.ts';

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
  timeoutMs: 280_000,
};
const NOTHING = { allowReplace: [], allowDelete: [] };

let workspace: string;
let endpoint: string | undefined;
beforeAll(() => {
  workspace = mkdtempSync(join(tmpdir(), 'wire-'));
});
afterAll(() => {
  rmSync(workspace, { recursive: true });
});
beforeEach(() => {
  endpoint = process.env['AWS_ENDPOINT_URL'];
});
afterEach(() => {
  if (endpoint === undefined) delete process.env['AWS_ENDPOINT_URL'];
  else process.env['AWS_ENDPOINT_URL'] = endpoint;
});

/** Our clients, with a sandbox of this test. */
async function world(options: SandboxOptions = {}) {
  const sandbox = await sandboxOf({ timeScale: 1000, ...options });
  process.env['AWS_ENDPOINT_URL'] = sandbox.url;
  const env = sandbox.env(DEV);
  const { log, lines, redactor } = recordingLog();
  const clock = systemClock;
  const base = {
    log,
    redactor,
    clock,
    signal: new AbortController().signal,
    annotations: new Annotations(),
    unstopped: new Unstopped(),
    limiter: new RateLimiter({ perSecond: 100, burst: 100, clock }),
  };
  const session = {
    region: 'eu-west-1',
    credentials: { accessKeyId: env['AWS_ACCESS_KEY_ID']!, secretAccessKey: env['AWS_SECRET_ACCESS_KEY']! },
    accountId: () => Promise.resolve(DEV),
  };
  const context: CloudFormationContext = {
    ...base,
    session,
    client: await cloudFormationClient(session, base),
  };
  return { sandbox, context, lines, make: (body: string, given: Given = {}) => make(context, body, given) };
}

interface Given {
  parameters?: Record<string, string>;
  tags?: Record<string, string>;
  inputs?: Partial<DeployStackInputs>;
}

let made = 0;
async function make(context: CloudFormationContext, body: string, given: Given): Promise<Plan> {
  writeFileSync(join(workspace, 'app.yml'), body);
  const template = await loadTemplate(context, 'app.yml', workspace);
  const stack = await describeStack(context, 'app');
  const inline = given.parameters ?? {};
  return await createPlan(context, {
    inputs: { ...INPUTS, ...given.inputs },
    template,
    parameters: resolveParameters(template, { files: {}, inline }, stack, () => undefined),
    tags: given.tags ?? {},
    ...(stack && { stack }),
    changeSetName: `plan-${++made}`,
  });
}

async function execute(context: CloudFormationContext, plan: Plan): Promise<void> {
  await context.client.send(new ExecuteChangeSetCommand({ ChangeSetName: plan.changeSetId }));
  const what = 'the execution';
  await poll(
    context,
    { what, timeoutMs: 280_000, intervalMs: () => 20, isThrottle: () => false },
    async () => {
      const found = await readPlan(context, 'app', plan.changeSetName);
      return 'executed' in found && found.executed === 'complete' ? true : undefined;
    },
  );
}

const leftovers = async (sandbox: Sandbox, context: CloudFormationContext) => ({
  stack: (await describeStack(context, 'app'))?.status,
  created: sandbox.calls.of('CreateChangeSet').length,
});

const QUEUE = (delay: string, rest = ''): string => `Parameters:
  Token: { Type: String, NoEcho: true }
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      DelaySeconds: ${delay}
      Tags: [{ Key: token, Value: !Ref Token }]
${rest}`;

describe('a plan', () => {
  test('of a new stack is read in another job and discarded without a trace', async () => {
    const { context, make: plan, sandbox, lines } = await world();
    const first = await plan(QUEUE('5'), { parameters: { Token: 'hunter2secret' }, tags: { team: 'core' } });
    expect(first).toMatchObject({ kind: 'create', hasChanges: true, onStackFailure: 'ROLLBACK' });
    expect(await readPlan(context, 'app', first.changeSetName)).toEqual(first);
    expect(JSON.stringify(first)).not.toContain('hunter2secret');
    expect(lines.filter((line) => line.includes('hunter2secret'))).toEqual(['::add-mask::hunter2secret']);
    await deleteChangeSet(context, first, 60_000);
    expect(await removeShell(context, first.stackId, 60_000)).toBe(true);
    expect(await leftovers(sandbox, context)).toEqual({ stack: undefined, created: 1 });
  });

  test('of an update has the same fingerprint when repeated, and nothing to change once executed', async () => {
    const { context, make: plan } = await world();
    await execute(context, await plan(QUEUE('5'), { parameters: { Token: 'hunter2secret' } }));
    const update = await plan(QUEUE('9'));
    expect(update.kind).toBe('update');
    expect(update.changes).toMatchObject([
      {
        logicalId: 'Queue',
        replacement: 'no',
        properties: [{ path: 'Properties.DelaySeconds', before: '5', after: '9' }],
      },
    ]);
    const again = await plan(QUEUE('9'));
    expect([again.fingerprint, again.changeSetName === update.changeSetName]).toEqual([
      update.fingerprint,
      false,
    ]);
    expect((await plan(QUEUE('10'))).fingerprint).not.toBe(update.fingerprint);
    await execute(context, update);
    expect(await plan(QUEUE('9'))).toMatchObject({ hasChanges: false, changes: [] });
    expect(await readPlan(context, 'app', again.changeSetName)).toMatchObject({
      unavailable: expect.stringContaining(again.changeSetName),
    });
  });

  test('of outputs or tags only can be executed', async () => {
    const { context, make: plan } = await world();
    await execute(context, await plan(QUEUE('5'), { parameters: { Token: 'hunter2secret' } }));
    const outputs = await plan(QUEUE('5', 'Outputs: { Url: { Value: !Ref Queue } }\n'));
    expect(outputs).toMatchObject({ hasChanges: true, changes: [] });
  });

  test('that CloudFormation refuses is annotated on its line and leaves nothing behind', async () => {
    const { context, make: plan, sandbox } = await world();
    const bad = 'Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      Nope: 1\n';
    const error = await plan(bad).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(PlanFailedError);
    expect((error as PlanFailedError).findings).toMatchObject([
      {
        logicalId: 'Queue',
        file: 'app.yml',
        line: expect.any(Number),
        message: expect.stringContaining('Nope'),
      },
    ]);
    expect(await leftovers(sandbox, context)).toEqual({ stack: undefined, created: 1 });
  });

  test.each(['reset', 'malformed', 'status'] as const)(
    'recovers from a lost response (%s) without a second change set',
    async (kind) => {
      const { make: plan, sandbox, context } = await world();
      sandbox.addFault({ operation: 'CreateChangeSet', kind, status: 500, after: true });
      const first = await plan(QUEUE('5'), { parameters: { Token: 'hunter2secret' } });
      expect(first.hasChanges).toBe(true);
      await deleteChangeSet(context, first, 60_000);
      expect(await removeShell(context, first.stackId, 60_000)).toBe(true);
      expect(await describeStack(context, 'app')).toBeUndefined();
    },
  );
});

describe('the guard', () => {
  test('detects the replacement and deletion of resources with data', async () => {
    const { context, make: plan } = await world();
    const body = (name: string, bucket: string) =>
      `Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: { QueueName: ${name} }\n${bucket}`;
    await execute(context, await plan(body('one', '  Bucket:\n    Type: AWS::S3::Bucket\n')));
    const change = await plan(body('two', ''));
    expect(guardPlan(change, undefined, NOTHING).map(({ logicalId, harm }) => [logicalId, harm])).toEqual(
      expect.arrayContaining([
        ['Bucket', 'delete'],
        ['Queue', 'replace'],
      ]),
    );
    expect(
      guardPlan(change, undefined, { allowReplace: ['Queue'], allowDelete: ['AWS::S3::Bucket'] }),
    ).toEqual([]);
  });
});

describe('a template over 51,200 bytes', () => {
  const large = QUEUE('5', `Metadata: { Note: "${'x'.repeat(52_000)}" }\n`);

  test("is uploaded to the caller's bucket with a key from its content", async () => {
    const { make: plan, sandbox, context } = await world();
    sandbox.objects(DEV).createBucket('artifacts');
    const given = { parameters: { Token: 'hunter2secret' }, inputs: { artifactBucket: 'artifacts' } };
    const first = await plan(large, given);
    const [put] = sandbox.calls.of('PutObject');
    expect(JSON.stringify(put)).toMatch(/platform\/deployments\/app\/[0-9a-f]{64}\.yml/);
    expect(JSON.stringify(put?.input)).toContain(DEV);
    const [create] = sandbox.calls.of('CreateChangeSet');
    expect(create?.input).toMatchObject({
      TemplateURL: expect.stringMatching(
        /^https:\/\/artifacts\.s3\.eu-west-1\.amazonaws\.com\/platform\/deployments\/app\/[0-9a-f]{64}\.yml$/,
      ),
    });
    expect(await readPlan(context, 'app', first.changeSetName)).toEqual(first);
  });

  test('is not uploaded to a bucket of another account', async () => {
    const { make: plan, sandbox } = await world();
    sandbox.objects('222222222222').createBucket('artifacts');
    const given = { parameters: { Token: 'hunter2secret' }, inputs: { artifactBucket: 'artifacts' } };
    await expect(plan(large, given)).rejects.toThrow(
      /^artifact-bucket: .*a bucket in eu-west-1, owned by this account.*, got "artifacts"/,
    );
    await expect(plan(large, { ...given, inputs: { artifactBucket: 'missing' } })).rejects.toThrow(
      /^artifact-bucket: expected a bucket in eu-west-1, owned by this account, that the role may write to, got "missing"\. NoSuchBucket:/,
    );
    expect(sandbox.calls.of('CreateChangeSet')).toEqual([]);
  });
});

describe('nested stacks', () => {
  const inner = (delay: string) =>
    `Parameters:\n  Password: { Type: String, NoEcho: true }\nResources:\n  Table:\n    Type: AWS::DynamoDB::Table\n    Properties:\n      BillingMode: PAY_PER_REQUEST\n      KeySchema: [{ AttributeName: id, KeyType: HASH }]\n      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      DelaySeconds: ${delay}\n      Tags: [{ Key: password, Value: !Ref Password }]\n`;
  const outer = (key: string) =>
    `Resources:\n  Data:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: https://nested.s3.eu-west-1.amazonaws.com/${key}\n      Parameters: { Password: hunter2secret }\n  Topic: { Type: 'AWS::SNS::Topic' }\n`;
  const start = async () => {
    const started = await world();
    const store = started.sandbox.objects(DEV);
    store.createBucket('nested');
    for (const delay of ['5', '9']) store.put('nested', `${delay}.yml`, Buffer.from(inner(delay)));
    await execute(started.context, await started.make(outer('5.yml')));
    return started;
  };

  test('show their changes without secrets', async () => {
    const { make: plan, context } = await start();
    const change = await plan(outer('9.yml'));
    const queue = change.changes.find(({ logicalId }) => logicalId === 'Queue');
    expect(queue).toMatchObject({ nesting: ['Data'], properties: [{ before: '5', after: '9' }] });
    expect(Object.keys(change.settings?.templates ?? {}).sort()).toEqual(['', 'Data']);
    expect(JSON.stringify(change)).not.toContain('hunter2secret');
    expect(await readPlan(context, 'app', change.changeSetName)).toEqual(change);
  });

  test('without changes are unchanged', async () => {
    const { make: plan } = await start();
    expect(await plan(outer('5.yml'))).toMatchObject({ hasChanges: false });
  });

  test('that are removed show their resources and are guarded', async () => {
    const { make: plan } = await start();
    const change = await plan("Resources:\n  Topic: { Type: 'AWS::SNS::Topic' }\n");
    expect(change.changes.map(({ nesting, logicalId }) => [...nesting, logicalId].join('/')).sort()).toEqual([
      'Data',
      'Data/Queue',
      'Data/Table',
    ]);
    expect(
      guardPlan(change, undefined, NOTHING)
        .map(({ allow }) => allow?.value)
        .sort(),
    ).toEqual(['Data/Queue', 'Data/Table']);
  });
});

describe('drift', () => {
  const scenario = (features: object) => ({
    drift: [{ stack: 'app', logicalId: 'Queue', set: { DelaySeconds: 600 } }],
    features,
  });

  test.each([
    ['with a change set', {}],
    ['with detection, if such change sets are not supported', { revertDrift: false }],
  ])('is detected %s, and nothing is left behind or changed', async (_name, features) => {
    const { context, make: plan, sandbox } = await world({ scenario: scenario(features) });
    await execute(context, await plan(QUEUE('5'), { parameters: { Token: 'hunter2secret' } }));
    const stack = (await describeStack(context, 'app'))!;
    const report = await findDrift(context, stack, { changeSetName: 'drift-1', timeoutMs: 280_000 });
    expect(report).toMatchObject({
      verdict: 'drifted',
      resources: [
        {
          logicalId: 'Queue',
          properties: [{ path: 'Properties.DelaySeconds', expected: '5', actual: '600' }],
        },
      ],
    });
    expect(sandbox.calls.of('ExecuteChangeSet')).toHaveLength(1);
    expect(await readPlan(context, 'app', 'drift-1')).toHaveProperty('unavailable');
  });

  test('is not reported if there is none', async () => {
    const { context, make: plan } = await world();
    await execute(context, await plan(QUEUE('5'), { parameters: { Token: 'hunter2secret' } }));
    const stack = (await describeStack(context, 'app'))!;
    const report = await findDrift(context, stack, { changeSetName: 'drift-1', timeoutMs: 280_000 });
    expect(report).toEqual({ verdict: 'in-sync', resources: [], unchecked: [], ofEcs: [], disputed: [] });
  });
});

test('500 resources are planned within seconds', async () => {
  const { make: plan } = await world();
  const body = `Resources:\n${Array.from({ length: 500 }, (_, n) => `  Topic${n}: { Type: 'AWS::SNS::Topic' }\n`).join('')}`;
  const large = await plan(body);
  expect(large.changes).toHaveLength(500);
});
