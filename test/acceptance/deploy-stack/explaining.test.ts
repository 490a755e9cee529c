import { describe, expect, test } from '@jest/globals';
import { deployStack, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { expectExample } from '../../support/error-example.ts';

/** What a person reads if CloudFormation refuses something: the line in the template, and the reason. */

const start = useSandboxes();
const workspaceOf = useWorkspaces();

const HEAD = 'Resources:\n  Template: { Type: AWS::SNS::Topic }\n  Service: { Type: AWS::SNS::Topic }\n';

test.each([
  [
    'an attribute that a type does not have',
    'Policy:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName: !GetAtt Template.Arnn',
    7,
  ],
  [
    'an undeclared name',
    'Policy:\n    Type: AWS::SNS::TopicPolicy\n    Properties:\n      PolicyDocument: { Statement: [] }\n      Topics:\n        - !Ref Topicc',
    9,
  ],
  [
    'an empty value',
    'Policy:\n    Type: AWS::SNS::Topic\n    Properties:\n      FifoTopic: true\n      DisplayName:',
    8,
  ],
])('%s is annotated on its line', async (name, resource, line) => {
  const sandbox = await start();
  const workspace = workspaceOf({ 't.yml': `${HEAD}  ${resource}\n` });
  const run = await deployStack(sandbox, { template: 't.yml', command: 'plan' }, { workspace });
  expect(run.outputs['verdict']).toBe('failed');
  const [annotation] = run.log
    .split('\n')
    .filter((text) => text.startsWith('::error') && text.includes('file='));
  expect(annotation).toContain(`file=t.yml,line=${line}`);
  if (name === 'an undeclared name') expectExample('plan-failed', run);
});

describe('hooks', () => {
  const long = `S3 checks failed. ${'x'.repeat(1100)} the end`;
  const encrypted = {
    name: 'CT.S3.PR.7',
    status: 'FAILED' as const,
    message: 'Bucket is not encrypted with a key of the account',
    remedy: 'Set SSEAlgorithm to aws:kms.',
    link: 'https://example.com/s3',
  };
  const passed = { name: 'CT.S3.PR.1', status: 'PASSED' as const, message: 'Public access is blocked' };

  test('on a change set: lists all failed checks of all pages with their remedies', async () => {
    const hook = (name: string) => ({ name, target: 'CHANGE_SET' as const, reason: long });
    const sandbox = await start({
      scenario: {
        hooks: [
          hook('Org::A::Hook'),
          hook('Org::B::Hook'),
          { ...hook('Org::C::Hook'), annotations: [passed, encrypted] },
        ],
      },
    });
    const workspace = workspaceOf({ 't.yml': HEAD });
    const run = await deployStack(sandbox, { template: 't.yml', command: 'plan' }, { workspace });
    expect(run.outputs['verdict']).toBe('failed');
    expect(sandbox.calls.of('ListHookResults')).toHaveLength(2);
    expect(run.log).toContain('Hook Org::B::Hook rejected this: "S3 checks failed.');
    expect(run.log).toContain(
      'Hook Org::C::Hook rejected this: CT.S3.PR.7: "Bucket is not encrypted with a key of the account" ' +
        'Fix: Set SSEAlgorithm to aws:kms. https://example.com/s3',
    );
    expect(run.log).not.toContain('Public access is blocked');
    expect(run.log).toContain('::error title=Change set%3A refused by a hook');
  });

  const onResource = {
    name: 'Org::S3::Hook',
    target: 'RESOURCE' as const,
    match: { type: 'AWS::SNS::Topic', logicalId: 'Service' },
    reason: 'Hook failed with message: rules failed; full output is in a bucket',
    annotations: [encrypted],
  };

  test('on a resource: the check is the root cause and the remedy is its fix', async () => {
    const sandbox = await start({ scenario: { hooks: [onResource] } });
    const workspace = workspaceOf({ 't.yml': HEAD });
    const run = await deployStack(sandbox, { template: 't.yml' }, { workspace });
    expect(run.outputs['verdict']).toBe('rolled-back');
    expect(run.result).toMatchObject({
      rootCause: {
        logicalId: 'Service',
        reason:
          'Hook Org::S3::Hook rejected this: CT.S3.PR.7: "Bucket is not encrypted with a key of the account"',
      },
    });
    expect(run.log).toContain('Set SSEAlgorithm to aws:kms. https://example.com/s3');
  });

  test('without the permission, the short reason is shown and one note names the action', async () => {
    const sandbox = await start({
      scenario: {
        hooks: [onResource, { ...onResource, match: { logicalId: 'Template' } }],
        faults: [{ kind: 'error', operation: 'GetHookResult', code: 'AccessDenied', status: 403, times: 9 }],
      },
    });
    const workspace = workspaceOf({ 't.yml': HEAD });
    const run = await deployStack(sandbox, { template: 't.yml' }, { workspace });
    expect(run.outputs['verdict']).toBe('rolled-back');
    expect(run.outputs['reason']).toContain('rules failed; full output is in a bucket');
    const notes = run.log.split('\n').filter((line) => line.includes('cloudformation:GetHookResult'));
    expect(notes.filter((line) => line.startsWith('::notice'))).toHaveLength(1);
  });
});

test.each([
  [
    'a capability',
    { capabilities: 'CAPABILITY_AUTO_EXPAND' },
    'Role: { Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: { Statement: [] } } }',
    /::error title=Missing capability::.*CAPABILITY_IAM.* Fix: add CAPABILITY_IAM to the input capabilities/,
  ],
  ['a name', {}, 'Other: { Type: AWS::SNS::Topik }', /::error title=Other[^:]*,file=t\.yml,line=4::/],
])('the title names what refused: %s', async (_name, inputs, resource, annotation) => {
  const sandbox = await start();
  const workspace = workspaceOf({ 't.yml': `${HEAD}  ${resource}\n` });
  const run = await deployStack(sandbox, { template: 't.yml', command: 'plan', ...inputs }, { workspace });
  expect(run.log).toMatch(annotation);
  // The reason appears once.
  expect(run.summary).not.toContain('### Notes');
});

describe('drift', () => {
  const template = `${HEAD}  Wait: { Type: AWS::CloudFormation::WaitConditionHandle }\n`;

  test.each([
    ['with both', {}],
    ['with drift detection', { features: { revertDrift: false } }],
  ])('in-sync names what could not be compared: %s', async (_name, scenario) => {
    const sandbox = await start({ scenario });
    await deployStack(sandbox, { template: 't.yml' }, { workspace: workspaceOf({ 't.yml': template }) });
    const run = await deployStack(sandbox, { command: 'drift' });
    expect(run.outputs['verdict']).toBe('in-sync');
    expect(run.outputs['reason']).toContain(', but CloudFormation could not compare Wait.');
  });

  test('in-sync based only on a change set is reported', async () => {
    const sandbox = await start({
      scenario: {
        faults: [
          { kind: 'error', operation: 'DetectStackDrift', code: 'AccessDenied', status: 403, times: 9 },
        ],
      },
    });
    await deployStack(sandbox, { template: 't.yml' }, { workspace: workspaceOf({ 't.yml': template }) });
    const run = await deployStack(sandbox, { command: 'drift' });
    expect(run.outputs['verdict']).toBe('in-sync');
    expect(run.outputs['reason']).toContain('Drift detection failed');
  });

  test('a refused revert still reports the drift', async () => {
    const sandbox = await start({
      scenario: { drift: [{ stack: 'app', logicalId: 'Service', set: { DisplayName: 'by hand' } }] },
    });
    await deployStack(sandbox, { template: 't.yml' }, { workspace: workspaceOf({ 't.yml': template }) });
    // The first change set only detects drift; the second one would revert it.
    sandbox.addFault({
      kind: 'error',
      operation: 'CreateChangeSet',
      code: 'ValidationError',
      message: 'Refused',
      nth: 2,
      times: 1,
    });
    const run = await deployStack(sandbox, { command: 'drift', 'revert-drift': 'true' });
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.result).toMatchObject({ drift: { resources: [{ logicalId: 'Service' }] } });
    expect(run.summary).toContain('Drift of app');
  });
});
