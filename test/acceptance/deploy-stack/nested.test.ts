import { expect, test } from '@jest/globals';
import { deployStack, DEV, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { expectExample } from '../../support/error-example.ts';
import { EXECUTION_OF_ANY_TYPE } from '../../support/roles.ts';

const start = useSandboxes();
const workspaceOf = useWorkspaces();

const child = (tag: string): string => `
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      Tags: [{ Key: version, Value: ${tag} }]
Outputs:
  Names: { Value: 'left,right' }
`;
const parent = (tag: string): string => `
Resources:
  Data:
    Type: AWS::CloudFormation::Stack
    Properties: { TemplateURL: 'https://templates.s3.eu-west-1.amazonaws.com/${tag}.yml' }
  Name:
    Type: AWS::SSM::Parameter
    Properties: { Type: String, Value: !Select [1, !Split [',', !GetAtt Data.Outputs.Names]] }
`;

test('a stack that cannot be planned with its nested stacks is planned without them', async () => {
  const sandbox = await start();
  const objects = sandbox.objects(DEV);
  objects.createBucket('templates');
  for (const tag of ['a', 'b']) objects.put('templates', `${tag}.yml`, Buffer.from(child(tag)));
  const workspace = workspaceOf({ 'a.yml': parent('a'), 'b.yml': parent('b') });
  const run = (inputs: Record<string, string>): ReturnType<typeof deployStack> =>
    deployStack(sandbox, { 'role-arn': EXECUTION_OF_ANY_TYPE, ...inputs }, { workspace });

  expect((await run({ template: 'a.yml' })).outputs['verdict']).toBe('created');
  const planned = await run({ template: 'b.yml', command: 'plan' });
  expect(planned.outputs['verdict']).toBe('planned');
  expect(planned.summary).toContain('Nested stacks are not part of this plan');
  const blocked = await run({ template: 'b.yml' });
  expect([blocked.outputs['verdict'], blocked.outputs['reason']]).toEqual([
    'blocked',
    expect.stringContaining('Data/Table (AWS::DynamoDB::Table)'),
  ]);
  expect((await run({ template: 'b.yml', 'allow-replace': 'Data' })).outputs['verdict']).toBe('updated');
});

test('the drift of a nested stack that the role may not read is not known, and never in-sync', async () => {
  const sandbox = await start();
  const objects = sandbox.objects(DEV);
  objects.createBucket('templates');
  objects.put('templates', 'a.yml', Buffer.from(child('a')));
  const inputs = { template: 'a.yml', 'role-arn': EXECUTION_OF_ANY_TYPE };
  const created = await deployStack(sandbox, inputs, { workspace: workspaceOf({ 'a.yml': parent('a') }) });
  expect(created.outputs['verdict']).toBe('created');
  const run = await deployStack(sandbox, { command: 'drift' });
  expect(run.outputs['verdict']).toBe('failed');
  expectExample('outcome-unknown', run);
});
