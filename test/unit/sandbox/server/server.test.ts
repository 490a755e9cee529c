import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { S3Client, ListBucketsCommand } from '@aws-sdk/client-s3';
import { SSMClient, GetParameterCommand } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, GetSessionTokenCommand } from '@aws-sdk/client-sts';
import { describe, expect, test } from '@jest/globals';
import { credentialStore } from '../../../../sandbox/iam/credentials.ts';
import { DEV, configOf, refusal, sandboxOf, ssmOf, stsOf } from '../clients.ts';

const signed = (service: string, sandbox: { env(): Record<string, string> }) => ({
  authorization: `AWS4-HMAC-SHA256 Credential=${sandbox.env().AWS_ACCESS_KEY_ID!}/20260101/eu-west-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
});

describe('authentication', () => {
  test('an unknown key is refused in each protocol', async () => {
    const sandbox = await sandboxOf();
    const credentials = { accessKeyId: 'AKIANOBODY', secretAccessKey: 'x' };
    const ssm = new SSMClient({ ...configOf(sandbox), credentials });
    const s3 = new S3Client({ ...configOf(sandbox), credentials });
    expect((await refusal(ssm.send(new GetParameterCommand({ Name: 'a' })))).name).toBe(
      'UnrecognizedClientException',
    );
    expect((await refusal(s3.send(new ListBucketsCommand()))).name).toBe('InvalidAccessKeyId');
  });

  test('an expired session is refused in each protocol', async () => {
    const sandbox = await sandboxOf();
    const session = credentialStore(sandbox.world).issue({ arn: 'arn:aws:sts::x', account: DEV }, -1);
    const config = { ...configOf(sandbox), credentials: session };
    const ssm = new SSMClient(config);
    const s3 = new S3Client(config);
    expect((await refusal(ssm.send(new GetParameterCommand({ Name: 'a' })))).name).toBe(
      'ExpiredTokenException',
    );
    expect((await refusal(s3.send(new ListBucketsCommand()))).name).toBe('ExpiredToken');
  });

  test('an unsigned call is refused in each protocol', async () => {
    const { url } = await sandboxOf();
    const json = await fetch(url, {
      method: 'POST',
      headers: { 'x-amz-target': 'AmazonSSM.GetParameter' },
      body: '{}',
    });
    expect([json.status, await json.json()]).toMatchObject([
      400,
      { __type: 'MissingAuthenticationTokenException' },
    ]);
    const s3 = await fetch(`${url}/bucket/key`);
    expect([s3.status, await s3.text()]).toEqual([403, expect.stringContaining('<Code>AccessDenied</Code>')]);
  });
});

describe('unsupported', () => {
  test('an operation', async () => {
    const refused = await refusal(stsOf(await sandboxOf()).send(new GetSessionTokenCommand()));
    expect([refused.name, refused.message]).toEqual([
      'InvalidAction',
      expect.stringContaining('no sts GetSessionToken'),
    ]);
  });

  test('a service', async () => {
    const sandbox = await sandboxOf();
    const headers = { ...signed('quantum', sandbox), 'x-amz-target': 'Quantum.Leap' };
    const response = await fetch(sandbox.url, { method: 'POST', headers, body: '{}' });
    expect(response.status).toBe(501);
    expect(await response.json()).toMatchObject({ message: 'the sandbox has no service "quantum"' });
  });

  test('a body that is not JSON', async () => {
    const sandbox = await sandboxOf();
    const headers = { ...signed('ssm', sandbox), 'x-amz-target': 'AmazonSSM.GetParameter' };
    const response = await fetch(sandbox.url, { method: 'POST', headers, body: '[]' });
    expect(await response.json()).toMatchObject({ __type: 'SerializationException' });
  });
});

test('concurrent calls of many accounts are separate', async () => {
  const sandbox = await sandboxOf();
  const accounts = Array.from({ length: 30 }, (_, index) => sandbox.world.accounts[index % 3]!);
  const asked = accounts.map((account) => stsOf(sandbox, account).send(new GetCallerIdentityCommand()));
  expect((await Promise.all(asked)).map(({ Account }) => Account)).toEqual(accounts);
});

test('two sandboxes share nothing', async () => {
  const [one, two] = [await sandboxOf(), await sandboxOf()];
  one.objects(DEV).createBucket('mine');
  expect([one.objects(DEV).bucketExists('mine'), two.objects(DEV).bucketExists('mine')]).toEqual([
    true,
    false,
  ]);
  await expect(sandboxOf({ port: Number(new URL(one.url).port) })).rejects.toThrow('EADDRINUSE');
});

describe('the command line', () => {
  const run = (...args: string[]) =>
    spawn(process.execPath, ['--import', 'tsx', resolve('sandbox/main.ts'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  test('prints the variables to export, serves, and stops on SIGTERM', async () => {
    const child = run('--time-scale', '5', '--account', DEV);
    const env: Record<string, string> = {};
    for await (const line of createInterface(child.stdout)) {
      const [, name, value] = /^export (\w+)='(.*)'$/.exec(line) ?? [];
      if (name !== undefined) env[name] = value!;
      if (name === 'ACTIONS_ID_TOKEN_REQUEST_TOKEN') break;
    }
    const credentials = { accessKeyId: env.AWS_ACCESS_KEY_ID!, secretAccessKey: env.AWS_SECRET_ACCESS_KEY! };
    const ssm = new SSMClient({
      region: env.AWS_REGION!,
      endpoint: env.AWS_ENDPOINT_URL!,
      credentials,
      maxAttempts: 1,
    });
    expect((await refusal(ssm.send(new GetParameterCommand({ Name: '/a' })))).name).toBe('ParameterNotFound');
    ssm.destroy();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test.each([
    [['--port', 'x'], '--port: expected a port from 0 to 65535, got "x"'],
    [['--time-scale', '0'], '--time-scale: expected a number above 0, got "0"'],
    [['--account', '12'], '--account: expected 12 digits, got "12"'],
    [['--prot', '1'], "Unknown option '--prot'"],
    [['--scenario', '/nowhere.yml'], '/nowhere.yml'],
  ])('%j is refused', async (args, message) => {
    const child = run(...args);
    const [code, said] = await Promise.all([once(child, 'exit'), text(child.stderr)]);
    expect([code, said]).toEqual([[1, null], expect.stringContaining(message)]);
  });
});

test('a closed sandbox no longer responds, and can be closed again', async () => {
  const sandbox = await sandboxOf();
  const ssm = ssmOf(sandbox);
  await refusal(ssm.send(new GetParameterCommand({ Name: '/no' })));
  await expect(sandbox.close()).resolves.toBeUndefined();
  await expect(ssm.send(new GetParameterCommand({ Name: '/no' }))).rejects.toThrow(
    /ECONNREFUSED|socket hang up/,
  );
});
