import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleOf } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import type { Measured } from './measured.ts';
import { measureTurns } from './turns.ts';

const LIMIT = 1.15;

/**
 * Whole-process time from spawn to the first AWS call: our bundle beside a bundle of nothing but
 * @actions/core and the CloudFormation client. The two take turns, so that both meet the same noise.
 */
export async function benchStartUp(): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const minimal = bundleMinimal(folder);
    const ours = bundleOf('deploy-stack');
    writeFileSync(join(folder, 't.yml'), 'Resources: { Topic: { Type: AWS::SNS::Topic } }\n');
    await firstCall(server, minimal, folder);
    await firstCall(server, ours, folder);
    const { oursMs, others, count } = await measureTurns(
      { atLeast: 21, atMost: 61, limit: LIMIT },
      () => firstCall(server, ours, folder),
      { minimal: () => firstCall(server, minimal, folder) },
    );
    const { ms, ratio } = others.minimal;
    return {
      lines: [
        `start-up to the first AWS call, median of ${count}: ours ${oursMs.toFixed(0)} ms, ` +
          `minimal bundle ${ms.toFixed(0)} ms, ratio ${ratio.toFixed(2)} (at most ${LIMIT})`,
      ],
      broken: ratio > LIMIT ? [`the start-up ratio is over ${LIMIT}`] : [],
    };
  } finally {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function bundleMinimal(folder: string): string {
  const ncc = createRequire(import.meta.url).resolve('@vercel/ncc/dist/ncc/cli.js');
  const entry = join(import.meta.dirname, 'minimal.js');
  execFileSync(process.execPath, [ncc, 'build', entry, '-o', folder, '--minify', '--no-cache', '--quiet']);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  return join(folder, 'index.js');
}

async function firstCall(server: Server, bundle: string, workspace: string): Promise<number> {
  const { port } = server.address() as AddressInfo;
  const started = performance.now();
  const child = spawn(node24(), [bundle], {
    stdio: 'ignore',
    env: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'example',
      AWS_REGION: 'eu-west-1',
      GITHUB_WORKSPACE: workspace,
      'INPUT_AWS-REGION': 'eu-west-1',
      'INPUT_STACK-NAME': 'app',
      INPUT_TEMPLATE: 't.yml',
    },
  });
  const exit = once(child, 'exit').then(() => {
    throw new Error(`${bundle} ended before it called AWS`);
  });
  await Promise.race([once(server, 'request'), exit]);
  const took = performance.now() - started;
  exit.catch(() => undefined);
  child.kill('SIGKILL');
  await once(child, 'close');
  server.closeAllConnections();
  return took;
}
