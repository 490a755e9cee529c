import { expect, test } from '@jest/globals';
import { deployStack, useSandboxes, useWorkspaces } from '../../support/action.ts';

/** What a person reads when CloudFormation refuses something: where it is in the template, and why. */

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
    'a name that is not declared',
    'Policy:\n    Type: AWS::SNS::TopicPolicy\n    Properties:\n      PolicyDocument: { Statement: [] }\n      Topics:\n        - !Ref Topicc',
    9,
  ],
  [
    'an empty value',
    'Policy:\n    Type: AWS::SNS::Topic\n    Properties:\n      FifoTopic: true\n      DisplayName:',
    8,
  ],
])('%s is annotated on its line', async (_name, resource, line) => {
  const sandbox = await start();
  const workspace = workspaceOf({ 't.yml': `${HEAD}  ${resource}\n` });
  const run = await deployStack(sandbox, { template: 't.yml', command: 'plan' }, { workspace });
  expect(run.outputs['verdict']).toBe('failed');
  const [annotation] = run.log
    .split('\n')
    .filter((text) => text.startsWith('::error') && text.includes('file='));
  expect(annotation).toContain(`file=t.yml,line=${line}`);
});
