import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { readTemplate } from '../../scripts/templates/template.ts';

/** The function in vpc.yml that takes the rules away from the network's default group, run as Lambda would. */
interface Answer {
  Status: string;
  PhysicalResourceId: string;
  Reason?: string;
  StackId: string;
  RequestId: string;
  LogicalResourceId: string;
}
interface Sent {
  command: string;
  input: Record<string, unknown>;
}
interface Rule {
  SecurityGroupRuleId: string;
  IsEgress: boolean;
}

const event = {
  RequestType: 'Create',
  StackId: 'stack',
  RequestId: 'request',
  LogicalResourceId: 'DefaultGroupLock',
  ResponseURL: 'https://answer.example.com/',
  ResourceProperties: { GroupId: 'sg-1' },
};

async function run(rules: Rule[], given: object = {}, ec2Fails = false, taken = true) {
  const code = readTemplate('vpc').Resources.LockFunction?.Properties?.Code as { ZipFile: string };
  const sent: Sent[] = [];
  const answers: Answer[] = [];
  const command = (name: string) =>
    function (this: Sent, input: Record<string, unknown>) {
      Object.assign(this, { command: name, input });
    };
  const ec2 = {
    EC2Client: class {
      send(request: Sent) {
        if (ec2Fails) return Promise.reject(new Error('no permission'));
        sent.push(request);
        return Promise.resolve({ SecurityGroupRules: rules });
      }
    },
    DescribeSecurityGroupRulesCommand: command('describe'),
    RevokeSecurityGroupIngressCommand: command('revoke ingress'),
    RevokeSecurityGroupEgressCommand: command('revoke egress'),
  };
  const exports: { handler?: (event: object) => Promise<void> } = {};
  const fetch = (_url: string, { body }: { body: string }) => {
    answers.push(JSON.parse(body) as Answer);
    return Promise.resolve({ ok: taken, status: taken ? 200 : 403 });
  };
  runInNewContext(code.ZipFile, { exports, fetch, require: () => ec2 });
  await exports.handler?.({ ...event, ...given });
  return {
    sent: sent.map(({ command: name, input }) => ({ command: name, input: { ...input } })),
    answer: answers[0],
  };
}

const rules: Rule[] = [
  { SecurityGroupRuleId: 'sgr-in', IsEgress: false },
  { SecurityGroupRuleId: 'sgr-out', IsEgress: true },
];

describe('the default security group', () => {
  test('loses every rule it has', async () => {
    const { sent, answer } = await run(rules);
    expect(sent).toEqual([
      { command: 'describe', input: { Filters: [{ Name: 'group-id', Values: ['sg-1'] }] } },
      { command: 'revoke ingress', input: { GroupId: 'sg-1', SecurityGroupRuleIds: ['sgr-in'] } },
      { command: 'revoke egress', input: { GroupId: 'sg-1', SecurityGroupRuleIds: ['sgr-out'] } },
    ]);
    expect(answer).toEqual({
      Status: 'SUCCESS',
      PhysicalResourceId: 'sg-1-locked',
      StackId: 'stack',
      RequestId: 'request',
      LogicalResourceId: 'DefaultGroupLock',
    });
  });

  test('is left alone when it has none', async () => {
    const { sent, answer } = await run([]);
    expect(sent.map(({ command }) => command)).toEqual(['describe']);
    expect(answer?.Status).toBe('SUCCESS');
  });

  test('stays locked when the stack is deleted', async () => {
    const { sent, answer } = await run(rules, { RequestType: 'Delete', PhysicalResourceId: 'sg-1-locked' });
    expect(sent).toEqual([]);
    expect(answer).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'sg-1-locked' });
  });

  test('says why it could not be locked', async () => {
    const { answer } = await run(rules, {}, true);
    expect(answer).toMatchObject({ Status: 'FAILED', Reason: 'Error: no permission' });
  });

  test('is tried again by Lambda when CloudFormation does not take the answer', async () => {
    await expect(run([], {}, false, false)).rejects.toThrow('The answer was not taken: HTTP 403');
  });
});
