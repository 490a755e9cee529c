import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { runAction } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import { answeredNow, readDifferences, split, unexplained } from '../situations/differences.ts';
import { endpointOf, type Endpoint, type RunOnEndpoint } from '../situations/endpoint.ts';
import { playAll } from '../situations/play-all.ts';
import { readSituations } from '../situations/situation.ts';
import { DEV, useWorkspaces } from '../support/action.ts';
import type { Emulator } from '../support/emulator.ts';
import { startMinistack } from '../support/ministack.ts';
import { startMoto } from '../support/moto.ts';
import { canRun, runsWith } from '../support/software.ts';

/**
 * The same situations on three AWS endpoints: the sandbox and two third-party emulators. A mistake that we made in both
 * the product and the sandbox fails on the others. Differences are explained in test/situations/differences.yml.
 */
const situations = ['deploy-stack', 'deploy-environment', 'update-service'].flatMap(readSituations);
const differences = readDifferences();
const workspaceOf = useWorkspaces();
const others = { ministack: canRun('ministack'), moto: runsWith('moto_server') };
if (!others.moto)
  process.stderr.write('\nNOT RUN: situations on moto: moto_server is not on this machine.\n\n');
/** Situations played in parallel: each waits most of the time. */
const AT_ONCE = 6;

let sandbox: Sandbox | undefined;
const emulators: Emulator[] = [];
const endpoints = new Map<string, Endpoint>();

beforeAll(async () => {
  sandbox = await startSandbox({ timeScale: 200 });
  endpoints.set('sandbox', endpointOf('sandbox', sandbox.env(DEV), runIn(sandbox.env(DEV))));
  if (others.ministack) await startEmulator('ministack', startMinistack(DEV));
  if (others.moto) await startEmulator('moto', startMoto({ MOTO_ACCOUNT_ID: DEV }));
});

afterAll(async () => {
  await sandbox?.close();
  await Promise.all(emulators.map((each) => each.stop()));
});

async function startEmulator(name: string, starting: Promise<Emulator>): Promise<void> {
  const emulator = await starting;
  emulators.push(emulator);
  endpoints.set(name, endpointOf(name, emulator.env, runIn(emulator.env)));
}

/** Runs committed bundles with this environment. */
function runIn(env: Record<string, string>): RunOnEndpoint {
  return async (action, inputs, workspace) => {
    const { exitCode, outputs, log } = await runAction(action, { node: [node24()], inputs, env, workspace });
    return { ok: exitCode === 0, outputs, log };
  };
}

describe('every situation', () => {
  let explained = 0;
  const complete = new Set<string>();

  test.each(['sandbox', 'ministack', 'moto'])(
    'on %s',
    async (name) => {
      const endpoint = endpoints.get(name);
      if (endpoint === undefined) return;
      const { played, skipped } = split(situations, differences, name);
      for (const [situation, why] of skipped) process.stderr.write(`skipped: ${situation}: ${why}\n`);
      const wrong = await playAll(played, endpoint, { workspaceOf, most: AT_ONCE });
      process.stderr.write(`${name}: ${played.length - wrong.size} of ${played.length} situations passed\n`);
      expect(unexplained(differences, name, played, wrong)).toEqual([]);
      expect(await answeredNow(differences, endpoint)).toEqual([]);
      explained += wrong.size;
      complete.add(name);
    },
    600_000,
  );

  test('every difference is explained', () => {
    const counted = `${situations.length} situations on ${endpoints.size} endpoints`;
    process.stderr.write(`${counted}, ${explained} differences explained\n`);
    expect([...endpoints.keys()].filter((name) => !complete.has(name))).toEqual([]);
  });
});
