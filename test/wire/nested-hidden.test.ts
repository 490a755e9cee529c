import { afterEach, describe, expect, test } from '@jest/globals';
import { type Stand, stand } from './stand.ts';

/** Change sets that fail only with IncludeNestedStacks. */

const child = (tag: string, more = ''): string => `
Resources:
  Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: 10.0.0.0/16, Tags: [{ Key: Name, Value: ${tag} }] } }
${more}
Outputs:
  Names: { Value: 'left,right' }
`;
const TABLE = `  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
`;
const network = (key: string): string => `
Resources:
  Network:
    Type: AWS::CloudFormation::Stack
    Properties: { TemplateURL: 'https://templates.s3.eu-west-1.amazonaws.com/${key}' }
`;
const parent = (key: string): string => `${network(key)}
  Name:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: !Select [1, !Split [',', !GetAtt Network.Outputs.Names]]
`;

let at: Stand;
async function start(): Promise<void> {
  at = await stand();
  const objects = at.sandbox.objects('111111111111');
  objects.createBucket('templates');
  for (const tag of ['a', 'b']) {
    objects.put('templates', `${tag}.yml`, Buffer.from(child(tag)));
    objects.put('templates', `table-${tag}.yml`, Buffer.from(child(tag, TABLE)));
  }
}
afterEach(async () => {
  await at.close();
});

const HIDDEN = 'Nested stacks are not part of this plan';

test('are planned again without nested stacks, with a note', async () => {
  await start();
  const created = await at.run(parent('a.yml'));
  expect(created.verdict).toBe('created');
  const planned = await at.run(parent('b.yml'), { command: 'plan' });
  expect(planned.verdict).toBe('planned');
  const summary = JSON.stringify(planned.summary);
  expect(summary).toContain(HIDDEN);
  expect(summary).toContain('Fn::Select cannot select nonexistent value at index 1');
  const updated = await at.run(parent('b.yml'));
  expect(updated.verdict).toBe('updated');
  expect(at.sandbox.calls.of('CreateChangeSet')).toHaveLength(6);
});

describe('with data in a nested stack', () => {
  test('are blocked until the nested stack is allowed, because its changes are not visible', async () => {
    await start();
    expect((await at.run(parent('table-a.yml'))).verdict).toBe('created');
    const blocked = await at.run(parent('table-b.yml'));
    expect(blocked.verdict).toBe('blocked');
    expect(blocked.reason).toContain('Network/Table (AWS::DynamoDB::Table)');
    expect(blocked.reason).toContain('allow-replace: Network');
    expect((await at.run(parent('table-b.yml'), { command: 'plan' })).result['guard']).toHaveLength(1);
    expect((await at.run(parent('table-b.yml'), { allowReplace: ['Network'] })).verdict).toBe('updated');
  });

  test('a plan that is applied is blocked in the same way', async () => {
    await start();
    expect((await at.run(parent('table-a.yml'))).verdict).toBe('created');
    const { outputs } = await at.run(parent('table-b.yml'), { command: 'plan' });
    const approved = {
      command: 'apply',
      plan: outputs['plan'] ?? '',
      fingerprint: outputs['fingerprint'] ?? '',
    } as const;
    expect((await at.run(parent('table-b.yml'), approved)).verdict).toBe('blocked');
    expect((await at.run(parent('table-b.yml'), { ...approved, allowReplace: ['Network'] })).verdict).toBe(
      'updated',
    );
  });
});

test('any other failure of a nested stack fails the plan', async () => {
  await start();
  at.sandbox
    .objects('111111111111')
    .put('templates', 'bad.yml', Buffer.from('Resources: { X: { Type: AWS::No::Such } }'));
  const planned = await at.run(network('bad.yml'), { command: 'plan' });
  expect(planned.verdict).toBe('failed');
  expect(at.sandbox.calls.of('CreateChangeSet')).toHaveLength(1);
});
