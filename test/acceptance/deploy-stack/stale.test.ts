import { DeleteParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import { deployStack, DEV, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { ssmOf } from '../../unit/sandbox/clients.ts';

const start = useSandboxes();
const workspaceOf = useWorkspaces();

const NAME = '/shop/dev/api/image';
const SSM = 'AWS::SSM::Parameter::Value<String>';
const topic = (name: string, version: string): string =>
  `Topic: { Type: AWS::SNS::Topic, Properties: { TopicName: topic, DisplayName: ${name}, Tags: [{ Key: version, Value: v${version} }] } }`;
const typed = (type: string, version: string, more = ''): string => `
Parameters: { Image: { Type: '${type}', Default: ${NAME}${more} } }
Resources:
  ${topic(type.includes('List') ? "!Join ['-', !Ref Image]" : '!Ref Image', version)}
`;
const reference = (text: string, version: string): string => `
Resources:
  ${topic(`'${text}'`, version)}
`;
const nested = (version: string): string => `
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties: { TemplateURL: 'https://templates.s3.eu-west-1.amazonaws.com/${version}.yml' }
`;

interface Case {
  template: (version: string) => string;
  /** What Parameter Store gets after the plan; null: the parameter is deleted. */
  now: string | null;
  /** Of the parameter before; default `one`. */
  before?: string;
  type?: 'String' | 'StringList' | 'SecureString';
  /** The sentence about the difference; undefined: the plan is executed. */
  difference?: string;
  /** What the plan's summary warns of. */
  warning?: string;
  /** Texts that must be nowhere. */
  secrets?: string[];
}

const CHANGED = `The value of the parameter ${NAME} has changed since the plan was created`;
const CASES: Record<string, Case> = {
  'the same value': { template: (v) => typed(SSM, v), now: 'one' },
  'another value': {
    template: (v) => typed(SSM, v),
    now: 'two',
    difference: `${CHANGED}, from one to two.`,
  },
  'a deleted parameter': {
    template: (v) => typed(SSM, v),
    now: null,
    difference: `The parameter ${NAME} no longer exists; the plan was created with its value one.`,
  },
  'a list with different spaces': {
    template: (v) => typed('AWS::SSM::Parameter::Value<List<String>>', v),
    before: 'a,b',
    now: 'a, b',
    type: 'StringList',
  },
  'another list': {
    template: (v) => typed('AWS::SSM::Parameter::Value<CommaDelimitedList>', v),
    before: 'a,b',
    now: 'b,a',
    type: 'StringList',
    difference: `${CHANGED}, from a,b to b,a.`,
  },
  'a NoEcho parameter, whose name and value CloudFormation hides': {
    template: (v) => typed(SSM, v, ', NoEcho: true'),
    before: 'hidden-one',
    now: 'hidden-two',
    warning:
      'The value of Image cannot be compared with Parameter Store before this plan is executed, because the parameter is NoEcho',
    secrets: ['hidden-one', 'hidden-two'],
  },
  'a parameter named like a secret': {
    template: (v) => typed(SSM, v).replaceAll('Image', 'DatabasePassword'),
    before: 'hidden-one',
    now: 'hidden-two',
    difference: `${CHANGED}.`,
    secrets: ['hidden-two'],
  },
  'a dynamic reference without a version': {
    template: (v) => reference(`{{resolve:ssm:${NAME}}}`, v),
    now: 'two',
    difference: `${CHANGED}, from one to two.`,
  },
  'a dynamic reference, and a new version of the same value': {
    template: (v) => reference(`{{resolve:ssm:${NAME}}}`, v),
    now: 'one',
  },
  'a dynamic reference to a version': {
    template: (v) => reference(`{{resolve:ssm:${NAME}:1}}`, v),
    now: 'two',
  },
  'a nested stack': {
    template: nested,
    now: 'two',
    difference: `${CHANGED}, from one to two.`,
  },
};

async function store(sandbox: Sandbox, value: string | null, type: Case['type']): Promise<void> {
  const client = ssmOf(sandbox);
  if (value === null) await client.send(new DeleteParameterCommand({ Name: NAME }));
  else await client.send(new PutParameterCommand({ Name: NAME, Value: value, Type: type, Overwrite: true }));
}

test.each(Object.entries(CASES))(
  'a plan is executed only if its Parameter Store values are unchanged: %s',
  async (_, { template, now, before = 'one', type = 'String', difference, warning = '', secrets = [] }) => {
    const sandbox = await start();
    const objects = sandbox.objects(DEV);
    objects.createBucket('templates');
    for (const version of ['1', '2'])
      objects.put('templates', `${version}.yml`, Buffer.from(typed(SSM, version)));
    const workspace = workspaceOf({ '1.yml': template('1'), '2.yml': template('2') });
    const run = (inputs: Record<string, string>): ReturnType<typeof deployStack> =>
      deployStack(sandbox, inputs, { workspace });
    await store(sandbox, before, type);
    expect((await run({ template: '1.yml' })).outputs['verdict']).toBe('created');
    const planned = await run({ command: 'plan', template: '2.yml' });
    expect(planned.outputs['verdict']).toBe('planned');
    expect(planned.summary).toContain(warning);
    const approved = {
      plan: planned.outputs['plan'] ?? '',
      fingerprint: planned.outputs['fingerprint'] ?? '',
    };
    await store(sandbox, now, type);
    const executions = sandbox.calls.of('ExecuteChangeSet').length;

    const applied = await run({ command: 'apply', ...approved });
    const shown = JSON.stringify([applied.outputs, applied.summary, applied.log]);
    for (const secret of secrets) expect(shown).not.toContain(secret);
    if (difference === undefined) {
      expect(applied.outputs['verdict']).toBe('updated');
      return;
    }
    expect([applied.exitCode, applied.outputs['verdict']]).toEqual([1, 'plan-changed']);
    expect(applied.outputs['reason']).toBe(
      `Nothing was changed: the plan for stack app is stale. ${difference} Re-run all jobs to plan and approve again.`,
    );
    expect(sandbox.calls.of('ExecuteChangeSet')).toHaveLength(executions);
    if (now === null) return;
    // A plan that is made after the change has what is stored.
    const again = await run({ command: 'plan', template: '2.yml' });
    const { plan = '', fingerprint = '' } = again.outputs;
    expect((await run({ command: 'apply', plan, fingerprint })).outputs['verdict']).toBe('updated');
  },
);

test('without permission to read Parameter Store, nothing is executed', async () => {
  const sandbox = await start();
  await store(sandbox, 'one', 'String');
  const workspace = workspaceOf({ '1.yml': typed(SSM, '1') });
  const planned = await deployStack(sandbox, { command: 'plan', template: '1.yml' }, { workspace });
  const { plan = '', fingerprint = '' } = planned.outputs;
  const denied = { kind: 'error' as const, code: 'AccessDeniedException', status: 400, times: 9 };
  sandbox.addFault({ ...denied, operation: 'GetParameters' });
  const run = await deployStack(sandbox, { command: 'apply', plan, fingerprint }, { workspace });
  expect(run.outputs['reason']).toContain(
    'The plan of app could not be compared with Parameter Store: AccessDeniedException',
  );
  expect(run.result['error']).toMatchObject({
    code: 'access-denied',
    fix: 'Allow ssm:GetParameters on the parameters that the template reads.',
  });
  expect(sandbox.calls.of('ExecuteChangeSet')).toHaveLength(0);
});

test('a plan notes dynamic references that cannot be compared', async () => {
  const sandbox = await start();
  await store(sandbox, 'one', 'String');
  const workspace = workspaceOf({ '1.yml': reference(`{{resolve:ssm:${NAME}}}`, '1') });
  await deployStack(sandbox, { command: 'plan', template: '1.yml' }, { workspace });
  const nth =
    sandbox.calls.of('GetTemplate').findIndex(({ input }) => input['TemplateStage'] === 'Processed') + 1;
  expect(nth).toBeGreaterThan(0);
  sandbox.addFault({
    kind: 'error',
    operation: 'GetTemplate',
    code: 'ValidationError',
    status: 400,
    nth,
    times: 1,
  });
  const planned = await deployStack(sandbox, { command: 'plan', template: '1.yml' }, { workspace });
  expect(planned.summary).toContain(
    'The dynamic references of app cannot be compared with Parameter Store before this plan is executed',
  );
});
