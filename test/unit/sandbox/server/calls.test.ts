import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { startSandbox } from '../../../../sandbox/index.ts';
import { DEV, STAGING, refusal, sandboxOf, ssmOf, stsOf } from '../clients.ts';

const whoAmI = new GetCallerIdentityCommand();

test('every call is logged, with caller, endpoint, operation and result', async () => {
  const sandbox = await sandboxOf();
  await stsOf(sandbox, STAGING).send(whoAmI);
  await refusal(ssmOf(sandbox).send(new GetParameterCommand({ Name: '/no', WithDecryption: true })));
  const [first, second] = sandbox.calls.all;
  expect(first).toMatchObject({
    service: 'sts',
    operation: 'GetCallerIdentity',
    account: STAGING,
    status: 200,
  });
  expect(second).toMatchObject({
    time: expect.any(Date),
    service: 'ssm',
    operation: 'GetParameter',
    account: DEV,
    region: 'eu-west-1',
    input: { Name: '/no', WithDecryption: true },
    status: 400,
    code: 'ParameterNotFound',
  });
  expect(sandbox.calls.of('GetParameter')).toEqual([second]);
  expect(sandbox.calls.where({ account: STAGING })).toEqual([first]);
});

test('a call can be awaited, and is visible before its response', async () => {
  const sandbox = await sandboxOf({ scenario: { faults: [{ kind: 'delay', delayMs: 50, nth: 2 }] } });
  const second = sandbox.calls.arrival({ operation: 'GetCallerIdentity' }, 2);
  await stsOf(sandbox).send(whoAmI);
  const answer = stsOf(sandbox).send(whoAmI);
  const call = await second;
  expect([call.fault, call.status]).toEqual(['delay', undefined]);
  await answer;
  expect(call.status).toBe(200);
});

test('calls are written to a file, one line of JSON each', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
  try {
    const sandbox = await sandboxOf({ dataDir: join(folder, 'data') });
    await stsOf(sandbox).send(whoAmI);
    const lines = readFileSync(join(folder, 'data', 'calls.jsonl'), 'utf8')
      .trim()
      .split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { operation: 'GetCallerIdentity', status: 200 },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a closing sandbox releases a delayed call', async () => {
  const sandbox = await startSandbox({ scenario: { faults: [{ kind: 'delay', delayMs: 600_000 }] } });
  const answer = refusal(stsOf(sandbox).send(whoAmI));
  await sandbox.calls.arrival({ operation: 'GetCallerIdentity' });
  await sandbox.close();
  expect((await answer).message).toMatch(/ECONNRESET|socket hang up/);
});
