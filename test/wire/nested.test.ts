import { afterEach, expect, test } from '@jest/globals';
import type { Scenario } from '../../sandbox/index.ts';
import { type Stand, stand } from './stand.ts';

const CHILD = (tag: string): string => `
Parameters: { Cidr: { Type: String } }
Resources:
  Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: !Ref Cidr, Tags: [{ Key: Name, Value: ${tag} }] } }
  Subnet: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24 } }
`;
const parent = (key: string): string => `
Resources:
  Logs: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: /app } }
  Network:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://templates.s3.eu-west-1.amazonaws.com/${key}
      Parameters: { Cidr: 10.0.0.0/16 }
`;

let at: Stand;
async function start(scenario: Scenario = {}): Promise<void> {
  at = await stand(scenario);
  const objects = at.sandbox.objects('111111111111');
  objects.createBucket('templates');
  objects.put('templates', 'a.yml', Buffer.from(CHILD('a')));
  objects.put('templates', 'b.yml', Buffer.from(CHILD('b')));
}
afterEach(async () => {
  await at.close();
});

const stackLines = (): string[] => at.lines.filter((line) => /^\d\d:\d\d:\d\d/.test(line));

test('nested stacks are shown below their own line', async () => {
  await start();
  expect((await at.run(parent('a.yml'))).verdict).toBe('created');
  const lines = stackLines();
  const opening = lines.findIndex((line) =>
    /CREATE_IN_PROGRESS +AWS::CloudFormation::Stack +Network$/.test(line),
  );
  const inside = lines.findIndex((line) => /CREATE_COMPLETE +AWS::EC2::Subnet +Network\/Subnet$/.test(line));
  const closing = lines.findIndex((line) =>
    /CREATE_COMPLETE +AWS::CloudFormation::Stack +Network$/.test(line),
  );
  expect(opening).toBeGreaterThanOrEqual(0);
  expect(inside).toBeGreaterThan(opening);
  expect(closing).toBeGreaterThan(opening);
  expect((await at.run(parent('b.yml'))).verdict).toBe('updated');
});

test.each([{}, { eventTokens: false, describeEvents: false, lastOperations: false }])(
  'the root cause is found in a nested stack, with features %j',
  async (features) => {
    await start({
      features,
      resources: [{ match: { logicalId: 'Subnet' }, on: 'create', fail: { message: 'no room' } }],
    });
    const outcome = await at.run(parent('a.yml'));
    expect(outcome).toMatchObject({ verdict: 'rolled-back', ok: false });
    expect(outcome.reason).toContain('at Network/Subnet (AWS::EC2::Subnet): no room');
    expect(at.lines.join('\n')).toMatch(/::error title=Root cause%3A Network\/Subnet,file=app\.yml,line=4::/);
  },
);

test.each([{}, { describeEvents: false, lastOperations: false }])(
  'the root cause is found in a nested stack that cannot be found at first, with features %j',
  async (features) => {
    await start({
      features: { ...features, hiddenNestedReads: 6 },
      resources: [{ match: { logicalId: 'Subnet' }, on: 'create', fail: { message: 'no room' } }],
    });
    const outcome = await at.run(parent('a.yml'));
    expect(outcome).toMatchObject({ verdict: 'rolled-back', ok: false });
    expect(outcome.reason).toContain('at Network/Subnet (AWS::EC2::Subnet): no room');
  },
);
