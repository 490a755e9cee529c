import { expect, test } from '@jest/globals';
import { deployStack, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { EXECUTION_OF_ANY_TYPE } from '../../support/roles.ts';

/** Templates that CloudFormation accepts and other parsers do not, with the bundle. */

const start = useSandboxes();
const workspaceOf = useWorkspaces();

const ODD = `
Parameters:
  N: { Type: Number }
  Size: { Type: Number, Description: a, Description: b }
Resources:
  Y:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{
        AttributeName: id, AttributeType: N
      }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
  Value:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: !Sub '{
        "n": "\${N}\${Size}."
      }'
      Description: 054676820928
`;

test('reads names and scalars like SnakeYAML, at any column, and warns about ambiguous ones', async () => {
  const sandbox = await start();
  const workspace = workspaceOf({ 't.yml': ODD });
  const { outputs, log } = await deployStack(
    sandbox,
    { template: 't.yml', parameters: 'N=3\nSize=1', 'role-arn': EXECUTION_OF_ANY_TYPE },
    { workspace },
  );
  expect([outputs['verdict'], outputs['reason']]).toEqual(['created', expect.any(String)]);
  expect(log).toMatch(/::warning [^\n]*file=t.yml,line=4::Duplicate key Description, also defined on line 4/);
  expect(log).toMatch(
    /::warning [^\n]*file=t.yml,line=21::CloudFormation may read the unquoted 054676820928/,
  );
});

test('refuses an unreadable template with both reasons, and a missing value before any call', async () => {
  const sandbox = await start();
  const workspace = workspaceOf({ 'broken.yml': 'Resources:\n  A: [1, 2\nOutputs: {}\n', 't.yml': ODD });
  const broken = await deployStack(sandbox, { template: 'broken.yml' }, { workspace });
  expect(broken.outputs['verdict']).toBe('failed');
  expect(broken.log).toMatch(
    /template: expected YAML or JSON \(broken\.yml:\d+\)\..*CloudFormation: .*YAML not well-formed/,
  );
  const empty = await deployStack(sandbox, { template: 't.yml', parameters: 'N:\nSize: 1' }, { workspace });
  expect(empty.log).toContain('line 1: expected a value');
});
