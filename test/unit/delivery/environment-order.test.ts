import { expect, test } from '@jest/globals';
import { findNewerRun, recordRun } from '../../../src/delivery/environment-order.ts';
import {
  type LedgerContext,
  ledgerNames,
  readEnvironmentRecord,
  recordRelease,
} from '../../../src/delivery/ledger.ts';
import { createOrderCheck } from '../../../src/delivery/order-check.ts';
import { readGitHubContext } from '../../../src/github/context.ts';
import type { Sandbox } from '../../../sandbox/index.ts';
import { contextOf } from '../images/registry/context.ts';
import { sandboxOf, ssmOf } from '../sandbox/clients.ts';

const place = { project: 'shop', environment: 'dev' };
const author = { run: '', actor: 'ada' };

const sourceOf = (runNumber: number) => ({
  repository: 'org/platform',
  workflow: '.github/workflows/pipeline.yml',
  ref: 'refs/heads/main',
  commit: String(runNumber).padEnd(40, '0'),
  runNumber,
  attempt: 1,
});

function ledgerOf(sandbox: Sandbox): LedgerContext & { lines: string[] } {
  const client = ssmOf(sandbox);
  return { ...contextOf(), ssm: () => Promise.resolve(client) };
}

function runOf(runNumber: number, services: string[] = []) {
  const context = contextOf();
  const check = createOrderCheck({ token: '', github: readGitHubContext({}), context });
  return { ...place, services, source: sourceOf(runNumber), order: { check, allowOlder: false } };
}

test('a run is compared with the environment and with the services it may change', async () => {
  const context = ledgerOf(await sandboxOf());
  expect(await findNewerRun(context, runOf(101, ['api']))).toBeUndefined();
  await recordRun(context, place, { ...sourceOf(102), ...author });
  expect((await findNewerRun(context, runOf(101)))?.message).toContain('released to dev at');
  expect(await findNewerRun(context, runOf(102))).toBeUndefined();

  const image = `registry.example.com/api@sha256:${'1'.repeat(64)}`;
  const release = { ...sourceOf(104), ...author, image, proven: true, at: '', from: '' };
  await recordRelease(context, ledgerNames({ ...place, service: 'api' }), release);
  expect(await findNewerRun(context, runOf(103))).toBeUndefined();
  expect((await findNewerRun(context, runOf(103, ['web', 'api'])))?.message).toMatch(
    /released to api in dev$/,
  );
});

test('without a token, a note reports that only run numbers were compared', async () => {
  const context = ledgerOf(await sandboxOf());
  await recordRun(context, place, { ...sourceOf(102), ...author });
  expect(await findNewerRun(context, runOf(103))).toBeUndefined();
  expect(context.lines.join('\n')).toContain('The commits 1020000 and 1030000 cannot be');
});

test.each([
  [
    'GetParameters',
    /Skipped the check of the release order: .*Fix: Allow ssm:GetParameters on \/shop\/dev\/\*/,
  ],
  ['PutParameter', /The run is not recorded.*Fix: Allow ssm:PutParameter on \/shop\/dev\/release/],
])('a role that may not %s is warned', async (operation, warning) => {
  const sandbox = await sandboxOf();
  const context = ledgerOf(sandbox);
  sandbox.addFault({ kind: 'error', operation, code: 'AccessDeniedException', status: 400, times: 9 });
  expect(await findNewerRun(context, runOf(101))).toBeUndefined();
  await recordRun(context, place, { ...sourceOf(101), ...author }).catch(() => undefined);
  expect(context.lines.join('\n')).toMatch(warning);
});

test('the record counts the runs', async () => {
  const context = ledgerOf(await sandboxOf());
  for (const number of [101, 102]) await recordRun(context, place, { ...sourceOf(number), ...author });
  expect(await readEnvironmentRecord(context, place)).toMatchObject({
    runNumber: 102,
    sequence: 2,
    actor: 'ada',
  });
});
