import {
  CloudFormationClient,
  CreateChangeSetCommand,
  DescribeChangeSetCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { describe, expect, test } from '@jest/globals';
import { Readable } from 'node:stream';
import type { HttpRequest, Reply } from '../../../../sandbox/server/http.ts';
import { parseForm, query } from '../../../../sandbox/protocols/query.ts';
import { AwsError } from '../../../../sandbox/protocols/service.ts';
import type { Input, Service } from '../../../../sandbox/protocols/service.ts';

const SERVICE: Service = {
  name: 'cloudformation',
  protocol: 'query',
  apiVersion: '2010-05-15',
  operations: {},
};
const CALL = {
  service: 'cloudformation',
  account: '',
  region: '',
  principalArn: '',
  requestId: 'request-1',
  input: {},
};

/** CloudFormation's real client, whose only response is written by the codec; `sent` is what the codec parsed. */
function clientOf(answer: (operation: string) => Reply): { client: CloudFormationClient; sent: () => Input } {
  let input: Input = {};
  const client = new CloudFormationClient({
    region: 'eu-west-1',
    maxAttempts: 1,
    credentials: { accessKeyId: 'AKIA', secretAccessKey: 'secret' },
    requestHandler: {
      handle: (request: { body: string }) => {
        const form = { body: Buffer.from(request.body), query: new URLSearchParams() };
        const decoded = query.decode(form as unknown as HttpRequest, SERVICE);
        input = decoded.input;
        const { status, headers, body } = answer(decoded.operation);
        return Promise.resolve({ response: { statusCode: status, headers, body: Readable.from([body]) } });
      },
    },
  });
  return { client, sent: () => input };
}

const succeeding = (output: object) =>
  clientOf((operation) => query.succeed(output, { ...CALL, operation }, SERVICE));

describe('requests of the SDK', () => {
  test('parses lists, structures, maps, empty lists, numbers and booleans', async () => {
    const { client, sent } = succeeding({ Id: 'arn' });
    await client.send(
      new CreateChangeSetCommand({
        StackName: 'dev-platform-vpc',
        ChangeSetName: 'plan-1',
        Parameters: Array.from({ length: 11 }, (_, index) => ({
          ParameterKey: `P${index}`,
          ParameterValue: ` a=b&c, "d"\n'é' ${index} `,
        })),
        Capabilities: ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM'],
        Tags: [],
        NotificationARNs: undefined,
        IncludeNestedStacks: true,
        ResourcesToImport: [
          {
            ResourceType: 'AWS::S3::Bucket',
            LogicalResourceId: 'B',
            ResourceIdentifier: { BucketName: 'b', 'x.y': 'z' },
          },
        ],
        RollbackConfiguration: { MonitoringTimeInMinutes: 5, RollbackTriggers: [] },
      }),
    );
    expect(sent()).toMatchObject({
      StackName: 'dev-platform-vpc',
      ChangeSetName: 'plan-1',
      Parameters: Array.from({ length: 11 }, (_, index) => ({
        ParameterKey: `P${index}`,
        ParameterValue: ` a=b&c, "d"\n'é' ${index} `,
      })),
      Capabilities: ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM'],
      Tags: '',
      IncludeNestedStacks: 'true',
      ResourcesToImport: [{ ResourceIdentifier: { BucketName: 'b', 'x.y': 'z' } }],
      RollbackConfiguration: { MonitoringTimeInMinutes: '5', RollbackTriggers: '' },
    });
    expect(Object.keys(sent())).not.toContain('NotificationARNs');
  });

  test('accepts keys of any name', () => {
    const form = new URLSearchParams('__proto__.polluted=1&constructor=2&A.member.1=x');
    expect(parseForm(form).A).toEqual(['x']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('responses to the SDK', () => {
  test('nested lists, times, numbers, booleans, and text of any kind', async () => {
    const time = new Date('2026-01-02T03:04:05.678Z');
    const text = ' <a href="x">&amp; \r\n\t é 🚀 \u0001 ';
    const { client } = succeeding({
      Stacks: [
        {
          StackName: 'one',
          CreationTime: time,
          StackStatus: 'CREATE_COMPLETE',
          DisableRollback: false,
          TimeoutInMinutes: 7,
          Description: text,
          Tags: [],
          Outputs: [
            { OutputKey: 'A', OutputValue: '1' },
            { OutputKey: 'B', OutputValue: '' },
          ],
          RoleARN: undefined,
        },
        { StackName: '007', CreationTime: time, StackStatus: 'CREATE_COMPLETE' },
      ],
    });
    const { Stacks, $metadata } = await client.send(new DescribeStacksCommand());
    expect(Stacks).toEqual([
      {
        StackName: 'one',
        CreationTime: time,
        StackStatus: 'CREATE_COMPLETE',
        DisableRollback: false,
        TimeoutInMinutes: 7,
        Description: text,
        Tags: [],
        Outputs: [
          { OutputKey: 'A', OutputValue: '1' },
          { OutputKey: 'B', OutputValue: '' },
        ],
      },
      { StackName: '007', CreationTime: time, StackStatus: 'CREATE_COMPLETE' },
    ]);
    expect($metadata).toMatchObject({ httpStatusCode: 200, requestId: 'request-1' });
  });

  test('one change with its details, and no change at all', async () => {
    const changes = [
      {
        Type: 'Resource',
        ResourceChange: {
          Action: 'Modify',
          Scope: ['Properties'],
          Details: [{ Target: { Attribute: 'Properties', BeforeValue: '{"a": 1}' } }],
        },
      },
    ];
    const describe = async (Changes: object[]) =>
      (await succeeding({ Changes }).client.send(new DescribeChangeSetCommand({ ChangeSetName: 'x' })))
        .Changes;
    expect(await describe(changes)).toEqual(changes);
    expect(await describe([])).toEqual([]);
  });

  test('an error with its code, message and request id', async () => {
    const error = new AwsError('AlreadyExistsException', 'Stack [a<b>] already exists', 400);
    const { client } = clientOf((operation) => query.refuse(error, { ...CALL, operation }));
    await expect(client.send(new DescribeStacksCommand())).rejects.toMatchObject({
      Code: 'AlreadyExistsException',
      message: 'Stack [a<b>] already exists',
      $metadata: { httpStatusCode: 400, requestId: 'request-1' },
    });
  });
});
