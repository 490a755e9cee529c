import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readTemplate } from '../../scripts/templates/template.ts';
import { ResponseUrl } from './response-url.ts';

/** The function in vpc.yml that removes the rules of the network's default group, run like Lambda. */
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
  ResourceProperties: { GroupId: 'sg-1' },
};

let responseUrl: ResponseUrl;
let ResponseURL: string;
beforeEach(async () => {
  responseUrl = new ResponseUrl();
  ResponseURL = await responseUrl.listen();
});
afterEach(() => responseUrl.close());

async function run(rules: Rule[], given: object = {}, ec2Fails = false) {
  const code = readTemplate('vpc').Resources.LockFunction?.Properties?.Code as { ZipFile: string };
  const sent: Sent[] = [];
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
  runInNewContext(code.ZipFile, { exports, fetch, require: () => ec2 });
  await exports.handler?.({ ...event, ResponseURL, ...given });
  return {
    sent: sent.map(({ command: name, input }) => ({ command: name, input: { ...input } })),
    answer: responseUrl.answers[0],
  };
}

const rules: Rule[] = [
  { SecurityGroupRuleId: 'sgr-in', IsEgress: false },
  { SecurityGroupRuleId: 'sgr-out', IsEgress: true },
];

describe('the default security group', () => {
  test('loses all its rules', async () => {
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

  test('is not changed if it has none', async () => {
    const { sent, answer } = await run([]);
    expect(sent.map(({ command }) => command)).toEqual(['describe']);
    expect(answer).toMatchObject({ Status: 'SUCCESS' });
  });

  test('stays locked when the stack is deleted', async () => {
    const { sent, answer } = await run(rules, { RequestType: 'Delete', PhysicalResourceId: 'sg-1-locked' });
    expect(sent).toEqual([]);
    expect(answer).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'sg-1-locked' });
  });

  test('reports why it could not be locked', async () => {
    const { answer } = await run(rules, {}, true);
    expect(answer).toMatchObject({ Status: 'FAILED', Reason: 'Error: no permission' });
  });

  test('is retried by Lambda if CloudFormation does not accept the response', async () => {
    responseUrl.fail();
    await expect(run([])).rejects.toThrow('CloudFormation did not accept the response: HTTP 503');
  });

  test('is reported to a URL that is signed without a content type', async () => {
    const body = '{}';
    const refused = await fetch(ResponseURL, { method: 'PUT', body });
    expect(refused.status).toBe(403);
    expect(await refused.text()).toContain('<Code>SignatureDoesNotMatch</Code>');
    expect(responseUrl.refusals).toEqual(['text/plain;charset=UTF-8']);
    await run([]);
    expect(responseUrl.answers).toHaveLength(1);
  });
});
