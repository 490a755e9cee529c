import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { ssmOf } from '../../unit/sandbox/clients.ts';
import type { RunReport } from '../rehearsal/report.ts';
import { callsOf, madeOf } from './scene.ts';
import { ACCOUNTS, type Shop } from './shop.ts';
import { logOf, reviewer, verdictsOf } from './stage.ts';

const hooks = { sandboxOf: useSandboxes(), workspaceOf: useWorkspaces() };
const RELEASE = '/shop/staging/api/release';

/** As if staging's latest release had been recorded some minutes earlier. */
async function age(shop: Shop, minutes: number): Promise<void> {
  const client = ssmOf(shop.sandbox, ACCOUNTS.staging);
  const { Parameter } = await client.send(new GetParameterCommand({ Name: RELEASE }));
  const release = JSON.parse(Parameter?.Value ?? '{}') as { at: string };
  const at = new Date(Date.parse(release.at) - minutes * 60_000).toISOString();
  const Value = JSON.stringify({ ...release, at });
  await client.send(new PutParameterCommand({ Name: RELEASE, Value, Type: 'String', Overwrite: true }));
}

/** The verdicts of prod's jobs, or the log if they are unexpected. */
function expectProd(report: RunReport, plan: string, apply: string): void {
  const verdicts = verdictsOf(report);
  const found = [verdicts['pipeline / prod / plan'], verdicts['pipeline / prod / apply']];
  if (found[0] !== plan || found[1] !== apply) console.error(logOf(report));
  expect(found).toEqual([plan, apply]);
}

test('with pushes more frequent than the soak, prod follows later, never too soon and never backwards', async () => {
  const { shop, v1, push } = await madeOf(hooks, reviewer());
  const file = join(shop.folder, 'platform.yml');
  const manifest = readFileSync(file, 'utf8');
  writeFileSync(file, manifest.replace('promote-from: staging', 'promote-from: staging\n    soak: 1h'));
  const executed = (): number => callsOf(shop, 'prod', 'ExecuteChangeSet');
  const before = executed();

  // The first push: its release still has to soak for an hour, so prod's stacks are not changed either.
  const v2 = shop.commit('v2');
  const first = await push('2');
  expectProd(first, 'planned, planned, unchanged', 'blocked');
  expect(logOf(first)).toMatch(
    /api must run in staging for 60 min before promotion; .* Fix: Re-run the failed jobs after \S+Z/,
  );
  expect(executed()).toBe(before);
  expect(await shop.runs()).toEqual({ dev: [v2], staging: [v2], prod: [v1] });

  // An hour later, the next push: prod gets the soaked release, not the latest one.
  await age(shop, 61);
  const v3 = shop.commit('v3');
  expectProd(await push('3'), 'planned, planned, unchanged', 'planned, deployed, promoted');
  expect(await shop.runs()).toEqual({ dev: [v3], staging: [v3], prod: [v2] });

  // A minute later: no newer release has soaked.
  const v4 = shop.commit('v4');
  expectProd(await push('4'), 'planned, planned, unchanged', 'blocked');
  expect(await shop.runs()).toEqual({ dev: [v4], staging: [v4], prod: [v2] });

  // An hour later: v4 has soaked, and v3, which it replaced, is skipped.
  await age(shop, 61);
  const v5 = shop.commit('v5');
  expectProd(await push('5'), 'planned, planned, unchanged', 'planned, deployed, promoted');
  expect(await shop.runs()).toEqual({ dev: [v5], staging: [v5], prod: [v4] });
}, 600_000);
