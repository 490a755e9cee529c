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
import { LayoutWriter } from '../support/oci.ts';
import type { Measured } from './measured.ts';
import { measureTurns } from './turns.ts';

type Inputs = Readonly<Record<string, string>>;

const MANIFEST = `
project: shop
region: eu-west-1
environments: { dev: { account: '111111111111' } }
stacks: { topic: { template: t.yml } }
services: {}
`;

/**
 * Inputs for each action that lead to an early first call of AWS or GitHub, and the maximum time as a multiple of the
 * minimal bundle's. deploy-stack's first call is the same as the minimal bundle's; the others read and load more before
 * theirs.
 */
const actions: Readonly<Record<string, { limit: number; inputs: Inputs }>> = {
  'deploy-stack': { limit: 1.15, inputs: { 'stack-name': 'app', template: 't.yml' } },
  'build-push-image': { limit: 1.15, inputs: { repository: 'shop/web', tags: 'v1', 'oci-layout': 'image' } },
  'update-service': { limit: 1.15, inputs: { command: 'status', cluster: 'shop', service: 'web' } },
  'deploy-environment': { limit: 1.75, inputs: { command: 'status', environment: 'dev' } },
  'promote-environment': { limit: 1.6, inputs: { command: 'status' } },
  'preview-environment': { limit: 1.5, inputs: { command: 'sweep', environment: 'dev', template: 't.yml' } },
  'supersede-runs': { limit: 1.15, inputs: { environment: 'dev' } },
};

/**
 * Time from spawn to the first call: each of our bundles compared with a bundle of only @actions/core and the
 * CloudFormation client. They alternate, so that both are subject to the same noise.
 */
export async function benchStartUp(): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const minimal = bundleMinimal(folder);
    writeWorkspace(folder);
    const lines: string[] = [];
    const broken: string[] = [];
    for (const [name, { limit, inputs }] of Object.entries(actions)) {
      const ours = () => firstCall(server, bundleOf(name), folder, inputs);
      const theirs = () => firstCall(server, minimal, folder, { 'stack-name': 'app' });
      await theirs();
      await ours();
      const turns = await measureTurns({ atLeast: 9, atMost: 61, limit }, ours, { minimal: theirs });
      const { ms, ratio } = turns.others.minimal;
      lines.push(
        `${name}, start-up to the first call, median of ${turns.count}: ${turns.oursMs.toFixed(0)} ms, ` +
          `minimal bundle ${ms.toFixed(0)} ms, ratio ${ratio.toFixed(2)} (at most ${limit})`,
      );
      if (ratio > limit) broken.push(`the start-up ratio of ${name} is over ${limit}`);
    }
    return { lines, broken };
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

function writeWorkspace(folder: string): void {
  writeFileSync(join(folder, 't.yml'), 'Resources: { Topic: { Type: AWS::SNS::Topic } }\n');
  writeFileSync(join(folder, 'platform.yml'), MANIFEST);
  const layout = new LayoutWriter(join(folder, 'image'));
  layout.finish(layout.image(['a layer']));
}

async function firstCall(server: Server, bundle: string, workspace: string, inputs: Inputs): Promise<number> {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const started = performance.now();
  const child = spawn(node24(), [bundle], {
    stdio: 'ignore',
    env: {
      AWS_ENDPOINT_URL: url,
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'example',
      AWS_REGION: 'eu-west-1',
      GITHUB_API_URL: url,
      GITHUB_REPOSITORY: 'org/shop',
      GITHUB_RUN_ID: '7',
      GITHUB_WORKSPACE: workspace,
      'INPUT_AWS-REGION': 'eu-west-1',
      'INPUT_GITHUB-TOKEN': 'example',
      ...Object.fromEntries(
        Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
      ),
    },
  });
  const exit = once(child, 'exit').then(() => {
    throw new Error(`${bundle} ended before it called anything`);
  });
  await Promise.race([once(server, 'request'), exit]);
  const took = performance.now() - started;
  exit.catch(() => undefined);
  child.kill('SIGKILL');
  await once(child, 'close');
  server.closeAllConnections();
  return took;
}
