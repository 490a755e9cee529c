import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals';
import type { Sandbox, SandboxOptions } from '../../sandbox/index.ts';
import type { Run, RunOptions } from '../../sandbox/runner.ts';
import { contextEntries } from '../../src/images/build/context-files.ts';
import { IgnoreRules } from '../../src/images/build/ignore-rules.ts';
import { useSandboxes, useWorkspaces } from '../support/action.ts';
import { importBaseImages } from '../support/base-images.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { Dockerd } from '../support/dockerd.ts';
import { freePort } from '../support/free-port.ts';
import { buildPushImage } from '../support/image.ts';
import { RegistrySession } from '../support/registry.ts';
import { runsWith, testWith } from '../support/software.ts';

/** Real builds with a real daemon, pushed to a real registry and to the sandbox's, and read by real clients. */
const software = ['dockerd', 'docker-registry', 'skopeo'];
const test = testWith(...software);
const canRun = runsWith(...software);
const execute = promisify(execFile);
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
/** Far more than any of it takes, even on a busy machine. */
const LIMIT_MS = 600_000;
jest.setTimeout(LIMIT_MS);
const BASES = { NODE_IMAGE: 'local/node', RUNTIME_IMAGE: 'local/runtime' };

let dockerd: Dockerd;
let registry: DockerRegistry;
let services: string;
/** What was started, to be stopped in reverse order, even if not everything could be started. */
const stops: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  if (!canRun) return;
  services = copyServices();
  stops.push(() => {
    rmSync(services, { recursive: true, force: true });
  });
  const cache = join(services, 'npm-cache');
  const only = ['--workspace', 'user-service', '--ignore-scripts', '--no-audit', '--no-fund'];
  await execute('npm', ['ci', ...only, '--cache', cache], { cwd: services });
  rmSync(join(services, 'node_modules'), { recursive: true });
  registry = await DockerRegistry.start();
  stops.push(() => registry.stop());
  dockerd = await Dockerd.start();
  stops.push(() => dockerd.stop());
  await importBaseImages(dockerd, cache);
  rmSync(cache, { recursive: true });
});

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

/** The services as in the repository, without what was built or installed on this machine. */
function copyServices(): string {
  const folder = mkdtempSync(join(tmpdir(), 'services-'));
  const left = new Set(['node_modules', 'dist', '.local']);
  cpSync('services', folder, { recursive: true, filter: (path) => !left.has(basename(path)) });
  return folder;
}

function build(sandbox: Sandbox, inputs: Record<string, string>, options: RunOptions = {}): Promise<Run> {
  return buildPushImage(sandbox, inputs, {
    limitMs: LIMIT_MS,
    ...options,
    env: { ...dockerd.env, ...options.env },
  });
}

function userService(): Record<string, string> {
  return {
    context: '.',
    file: 'user-service/Dockerfile',
    'build-args': Object.entries(BASES)
      .map(([key, value]) => `${key}=${value}`)
      .join('\n'),
  };
}

/** Pulls an image, runs it on the host's network, and returns its response at a path. */
async function answerOf(image: string, path: string): Promise<number> {
  const port = await freePort();
  await dockerd.docker('pull', image);
  const env = {
    PORT: String(port),
    APP_ENV: 'local',
    DB_HOST: '127.0.0.1',
    DB_NAME: 'services',
    DB_USER: 'services',
    DB_PASSWORD: 'none',
    DB_SSLMODE: 'disable',
    SERVICE_TOKEN: 'a-token-of-this-test-only-0123456789',
  };
  const settings = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const container = await dockerd.docker('run', '--detach', '--network=host', ...settings, image);
  try {
    for (let i = 0; i < 100; i++) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
      if (answer) return answer.status;
      await sleep(100);
    }
    throw new Error(`the container does not answer:\n${await dockerd.docker('logs', container)}`);
  } finally {
    await dockerd.docker('rm', '--force', container);
  }
}

async function skopeoDigest(image: string, ...options: string[]): Promise<string> {
  const args = ['inspect', '--tls-verify=false', ...options, '--format', '{{.Digest}}', `docker://${image}`];
  return (await execute('skopeo', args)).stdout.trim();
}

describe.each<[string, () => SandboxOptions]>([
  ["docker's registry", () => ({ scenario: { ecr: { registry: registry.url } } })],
  ["the sandbox's registry", () => ({})],
])('a service built and pushed to %s', (_, options) => {
  test("runs after a pull, has the registry's digest, and is reused ten times faster", async () => {
    // As on a new runner: nothing is built yet.
    await dockerd.docker('builder', 'prune', '--all', '--force');
    const sandbox = await sandboxOf(options());
    const inputs = { ...userService(), tags: 'v1' };
    const first = await build(sandbox, inputs, { workspace: services });
    expect(first.outputs['reason']).toContain('Pushed the image to');
    expect(first.outputs).toMatchObject({ verdict: 'pushed', reused: 'false' });
    const { image = '', digest = '' } = first.outputs;

    const second = await build(sandbox, { ...inputs, tags: 'v2' }, { workspace: services });
    expect(second.outputs).toMatchObject({ verdict: 'reused', digest });
    process.stderr.write(
      `first ${first.durationMs.toFixed(0)} ms, reused ${second.durationMs.toFixed(0)} ms\n`,
    );
    expect(second.durationMs * 10).toBeLessThan(first.durationMs);

    const name = image.replace(/@.*/, '');
    const login = await loginTo(sandbox, name);
    expect(await skopeoDigest(`${name}:v1`, ...login)).toBe(digest);
    expect(await skopeoDigest(`${name}:v2`, ...login)).toBe(digest);
    expect(await answerOf(image, '/api/users/health')).toBe(200);
  });
});

/** Logs docker in, and returns skopeo's options. The plain registry needs no login. */
async function loginTo(sandbox: Sandbox, name: string): Promise<string[]> {
  const [host = ''] = name.split('/');
  if (host !== new URL(sandbox.url).host) return [];
  const session = await RegistrySession.open(sandbox, { repositoryName: 'for/login' });
  const credentials = Buffer.from(session.authorization.replace('Basic ', ''), 'base64').toString('utf8');
  await dockerd.docker('login', '--username', 'AWS', '--password', credentials.replace(/^AWS:/, ''), host);
  return ['--creds', credentials];
}

describe("the sandbox's registry", () => {
  test('works with docker push, docker pull and skopeo copy', async () => {
    const sandbox = await sandboxOf();
    const session = await RegistrySession.open(sandbox);
    const creds = await loginTo(sandbox, session.uri);
    const target = `${session.uri}:pushed`;
    await dockerd.docker('tag', 'local/runtime', target);
    const pushed = await dockerd.docker('push', target);
    const [digest = ''] = /sha256:[0-9a-f]{64}/.exec(pushed) ?? [];
    expect(await skopeoDigest(target, ...creds)).toBe(digest);
    const [, credentials = ''] = creds;
    const from = ['--src-tls-verify=false', '--src-creds', credentials, `docker://${target}`];
    const to = ['--dest-tls-verify=false', '--dest-creds', credentials, `docker://${session.uri}:copied`];
    const folder = workspaceOf({});
    await execute('skopeo', ['copy', ...from, `oci:${folder}:x`]);
    await execute('skopeo', ['copy', ...from, ...to]);
    expect(await skopeoDigest(`${session.uri}:copied`, ...creds)).toBe(digest);
    const layout = await build(sandbox, { 'oci-layout': '.', tags: 'layout' }, { workspace: folder });
    expect(layout.outputs['verdict']).toBe('pushed');
    await dockerd.docker('pull', `${session.uri}:layout`);
  });
});

test('a build without a push reaches no registry, and the daemon keeps no image', async () => {
  const sandbox = await sandboxOf();
  const workspace = workspaceOf({ Dockerfile: 'FROM local/runtime\nRUN true\n' });
  // Docker sorts images by age in seconds, so the order of those within a second is arbitrary.
  const images = async () => (await dockerd.docker('images', '--quiet')).split('\n').sort();
  const before = await images();
  const run = await build(sandbox, { push: 'false' }, { workspace });
  expect(run.outputs['verdict']).toBe('built');
  expect(await images()).toEqual(before);
  expect(sandbox.calls.all).toEqual([]);
});

test('layers of the previous image are neither compressed nor uploaded again', async () => {
  const sandbox = await sandboxOf();
  const workspace = workspaceOf({ Dockerfile: 'FROM local/runtime\nCOPY a.txt /\n', 'a.txt': '1' });
  await build(sandbox, { tags: 'v1' }, { workspace });
  sandbox.calls.all.length = 0;
  const next = workspaceOf({ Dockerfile: 'FROM local/runtime\nCOPY a.txt /\n', 'a.txt': '2' });
  const run = await build(sandbox, { tags: 'v2' }, { workspace: next });
  expect(run.outputs['verdict']).toBe('pushed');
  expect(run.result['push']).toMatchObject({ pushedBlobs: 2, presentBlobs: 1 });
  expect(sandbox.calls.of('PutUpload')).toHaveLength(2);
  expect(run.summary).toContain('| unchanged |');
});

describe('the hashed files', () => {
  const dockerfile =
    'FROM local/runtime\nCOPY . /context/\nRUN find /context ! -path /context > /list\nCMD ["cat", "/list"]\n';
  const files = [
    ...[
      'keep.txt',
      'other.txt',
      'a/src/main.ts',
      'a/src/secret1',
      'a/src/secret12',
      'a/lib/x',
      'bench/src/x.ts',
    ],
    ...['deep/a/b/kept.txt', 'deep/a/b/lost.txt', 'wild/1/2/x.js', 'wild/x.ts', 'wild/x.cs', 'keeper/x'],
  ];

  /** The paths that a build sees, and those that we hash. */
  async function compare(rules: string): Promise<{ seen: string[]; hashed: string[] }> {
    const sandbox = await sandboxOf();
    const contents = Object.fromEntries(files.map((file) => [file, file]));
    const workspace = workspaceOf({ ...contents, '.dockerignore': rules, Dockerfile: dockerfile });
    const run = await build(sandbox, {}, { workspace });
    expect(run.outputs['verdict']).toBe('pushed');
    const { image = '' } = run.outputs;
    await loginTo(sandbox, image);
    await dockerd.docker('pull', image);
    const listed = await dockerd.docker('run', '--rm', '--network=none', image);
    const seen = listed.split('\n').map((path) => path.replace('/context/', ''));
    const hashed = contextEntries(
      workspace,
      new IgnoreRules({ file: '.dockerignore', content: Buffer.from(rules) }),
    ).map(({ path }) => path);
    return { seen: seen.sort(), hashed: hashed.sort() };
  }

  test('are those that the daemon receives of a context', async () => {
    const rules =
      '*\n!keep*\n!a\n*/src/secret?\n**/lib\n!deep/a/b/kept.txt\n!wild\nwild/**/*.[cj]s\n# comment\n!bench/src/x.ts';
    const { seen, hashed } = await compare(rules);
    expect(hashed).toEqual(seen);
    expect(seen).toContain('a/src/secret12');
  });

  test('are never fewer, even with old daemons that ignore exceptions with a wildcard', async () => {
    const { seen, hashed } = await compare('**\n!*/src\n!wild/**/x.[jt]s\nbench\n!keep.txt');
    expect(hashed).toEqual(expect.arrayContaining(seen));
    expect(hashed).toContain('wild/1/2/x.js');
  });
});
