import { existsSync } from 'node:fs';
import { BatchGetImageCommand, CreateRepositoryCommand } from '@aws-sdk/client-ecr';
import { describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { useSandboxes, leftIn, useWorkspaces } from '../../support/action.ts';
import { DockerPlayback, PROGRESS } from '../../support/docker-playback.ts';
import type { Recording } from '../../support/docker-playback.ts';
import { buildPushImage, ecrOf, REPOSITORY, SHA } from '../../support/image.ts';
import { sha256 } from '../../support/oci.ts';
import { RegistrySession } from '../../support/registry.ts';
import { expectExample } from '../../support/error-example.ts';

/** Builds with buildx, played from a recording, and a real registry. */
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

interface Stage {
  sandbox: Sandbox;
  docker: DockerPlayback;
  workspace: string;
  /** The digest of the image that buildx reports as pushed. */
  digest: string;
  run: (inputs?: Record<string, string>, options?: Parameters<typeof buildPushImage>[2]) => Promise<Run>;
}

async function stage(recording: Recording = {}): Promise<Stage> {
  const sandbox = await sandboxOf();
  const session = await RegistrySession.open(sandbox);
  const manifest = await session.manifest();
  const digest = sha256(manifest);
  await session.put(digest, manifest);
  sandbox.calls.all.length = 0;
  const docker = new DockerPlayback(workspaceOf({}), { digest, ...recording });
  const workspace = workspaceOf({
    'api/Dockerfile': 'FROM scratch AS build\nRUN npm ci\n',
    'api/main.js': '1',
  });
  const run: Stage['run'] = (inputs = {}, options = {}) =>
    buildPushImage(
      sandbox,
      { service: 'api', ...inputs },
      { workspace, ...options, env: { ...docker.env, ...options.env } },
    );
  return { sandbox, docker, workspace, digest, run };
}

/** Pushes another image. Returns its digest. */
async function pushAnother(sandbox: Sandbox): Promise<string> {
  const session = await RegistrySession.reopen(sandbox);
  const manifest = await session.manifest('another layer');
  const digest = sha256(manifest);
  await session.put(digest, manifest);
  return digest;
}

async function tagged(sandbox: Sandbox, imageTag: string): Promise<string | undefined> {
  const command = new BatchGetImageCommand({ repositoryName: REPOSITORY, imageIds: [{ imageTag }] });
  return (await ecrOf(sandbox).send(command)).images?.[0]?.imageId?.imageDigest;
}

describe('a build with buildx', () => {
  test('is pushed by digest, and tagged by its manifest', async () => {
    const { sandbox, docker, run, digest, workspace } = await stage();
    const done = await run({ 'build-args': 'A=1', labels: 'team=shop' });
    expect(done.outputs).toMatchObject({ verdict: 'pushed', digest, tag: SHA, reused: 'false' });
    expect(await tagged(sandbox, SHA)).toBe(digest);
    expect(docker.builds).toHaveLength(1);
    const [command = ''] = docker.builds;
    expect(command).toContain(`--file ${workspace}/api/Dockerfile`);
    expect(command).toContain('--build-arg A=1');
    expect(command).toContain(`--label org.opencontainers.image.revision=${SHA}`);
    expect(command).toContain('--label team=shop');
    expect(command).toContain('push-by-digest=true');
    expect(command).toMatch(/--cache-to type=registry,ref=\S+:cache-build,mode=max,image-manifest=true/);
    expect(command).not.toContain('--tag');
    expect(done.summary).toContain('1 of 2 steps from the cache');
  });

  test('is not run again for the same content', async () => {
    const { docker, run, digest, sandbox } = await stage();
    await run();
    const again = await run({ tags: 'v2' });
    expect(again.outputs).toMatchObject({ verdict: 'reused', digest, tag: 'v2' });
    expect(docker.builds).toHaveLength(1);
    expect(await tagged(sandbox, 'v2')).toBe(digest);
    await run({ tags: 'v3', reuse: 'false' });
    expect(docker.builds).toHaveLength(2);
  });

  test('uses the image of another job that finished first', async () => {
    const { run, sandbox } = await stage();
    const session = await RegistrySession.reopen(sandbox);
    const theirs = await session.manifest('another layer');
    // The other job claims the build after this one has searched for the image, and before it claims it.
    sandbox.beforeCalls(async ({ operation, input }) => {
      const tag = String(input['reference']);
      if (operation !== 'GetManifest' || !tag.startsWith('content-')) return;
      sandbox.beforeCalls(undefined);
      await session.put(tag, theirs);
    });
    const done = await run({ tags: 'v2' });
    expect(done.outputs).toMatchObject({ verdict: 'reused', digest: sha256(theirs), reused: 'true' });
    expect(done.summary).toContain('Another job pushed an image of the same content in the meantime');
    expect(await tagged(sandbox, 'v2')).toBe(sha256(theirs));
  });

  test('with reuse: false replaces the image for the same content', async () => {
    const { docker, run, sandbox } = await stage();
    await run({ 'create-repository': 'false' });
    const rebuilt = await pushAnother(sandbox);
    docker.answer(rebuilt);
    expect((await run({ reuse: 'false' })).outputs).toMatchObject({ verdict: 'pushed', digest: rebuilt });
    expect((await run({ tags: 'v2' })).outputs).toMatchObject({ verdict: 'reused', digest: rebuilt });
    expect(docker.builds).toHaveLength(2);
  });

  test('leaves no trace of its secrets and its password', async () => {
    const { docker, run } = await stage();
    const done = await run({ secrets: 'npm-token=correct-horse-battery' });
    expect(done.outputs['verdict']).toBe('pushed');
    expect(docker.read('secret')).toBe('correct-horse-battery');
    const password = docker.read('password');
    expect(password).toMatch(/^\w{100,}$/);
    expect(docker.calls.join('\n')).not.toMatch(new RegExp(`correct-horse|${password}`));
    expect(docker.read('environment')).not.toContain('INPUT_');
    const shown = done.log.replaceAll(/^::add-mask::.*$/gm, '') + done.summary + JSON.stringify(done.outputs);
    expect(shown).not.toMatch(new RegExp(`correct-horse|${password}`));
  });

  test('leaves no configuration of docker behind', async () => {
    const { docker, run } = await stage();
    await run();
    expect(docker.read('config').trim()).toMatch(/docker-config$/);
    expect(existsSync(docker.read('config').trim())).toBe(false);
  });

  test('retries a push that fails temporarily', async () => {
    const failed = `${PROGRESS}\n#9 ERROR: failed to push x: unexpected status from PUT request: 503 Service Unavailable
------
ERROR: failed to solve: failed to push x: unexpected status from PUT request: 503 Service Unavailable`;
    const { docker, run } = await stage({
      builds: [{ progress: failed, exitCode: 1 }, { progress: PROGRESS }],
    });
    expect((await run()).outputs['verdict']).toBe('pushed');
    expect(docker.builds).toHaveLength(2);
  });

  test('that fails is not retried, and is annotated on its line', async () => {
    const failed = `#6 [build 2/2] RUN npm ci
#6 0.3 npm error code E401
#6 ERROR: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1
------
Dockerfile:2
--------------------
ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1`;
    const { docker, run, sandbox } = await stage({ builds: [{ progress: failed, exitCode: 1 }] });
    const done = await run();
    expect(done.exitCode).toBe(1);
    expect(done.outputs['verdict']).toBe('failed');
    expect(done.outputs['reason']).toBe(
      'The build failed: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1. No tag was set.',
    );
    expect(done.log).toMatch(/::error title=\[build 2\/2\] RUN npm ci,file=api\/Dockerfile,line=2::/);
    expect(done.summary).toContain('npm error code E401');
    expect(docker.builds).toHaveLength(1);
    expect(sandbox.calls.of('PutManifest')).toEqual([]);
  });

  test('fails if the registry does not have the pushed image', async () => {
    const { run } = await stage({ digest: sha256('elsewhere') });
    const done = await run();
    expect(done.outputs['verdict']).toBe('failed');
    expect(done.outputs['reason']).toContain('but then returned no image');
    expectExample('image-unproven', done);
  });

  test('is stopped and cleaned up if the job is cancelled', async () => {
    const { docker, run, sandbox } = await stage({
      builds: [{ progress: '#6 [build 2/2] RUN npm ci', hangs: true }],
    });
    const temporary = workspaceOf({});
    const done = await run(
      {},
      {
        env: { RUNNER_TEMP: temporary },
        onLine: (line, child) => {
          if (line.includes('RUN npm ci')) child.kill('SIGINT');
        },
      },
    );
    expect(done.outputs).toMatchObject({
      verdict: 'cancelled',
      reason: 'Cancelled by SIGINT. No tag was set.',
    });
    expect(docker.read('interrupted')).toBe('interrupted\n');
    expect(leftIn(temporary)).toEqual([]);
    expect(sandbox.calls.of('PutManifest')).toEqual([]);
  });

  test('leaves no password behind if the job is cancelled twice', async () => {
    const { run } = await stage({ builds: [{ progress: '#6 [build 2/2] RUN npm ci', hangs: true }] });
    const temporary = workspaceOf({});
    const done = await run(
      {},
      {
        env: { RUNNER_TEMP: temporary },
        onLine: (line, child) => {
          if (!line.includes('RUN npm ci')) return;
          child.kill('SIGINT');
          child.kill('SIGTERM');
        },
      },
    );
    expect(done.outputs['verdict']).toBe('cancelled');
    expect(leftIn(temporary)).toEqual([]);
  });

  test('is stopped at the timeout', async () => {
    const { docker, run } = await stage({ builds: [{ progress: '#6 [build 2/2] RUN npm ci', hangs: true }] });
    const done = await run({ timeout: '8s' });
    expect(done.outputs['verdict']).toBe('timed-out');
    expect(docker.read('interrupted')).toBe('interrupted\n');
  });
});

test('a cache with an immutable tag is read but not written, with a note', async () => {
  const { docker, sandbox, run } = await stage();
  const repositoryName = 'shop/frozen';
  await ecrOf(sandbox).send(new CreateRepositoryCommand({ repositoryName, imageTagMutability: 'IMMUTABLE' }));
  const done = await run({ repository: repositoryName });
  expect(docker.builds[0]).toContain('--cache-from type=registry');
  expect(docker.builds[0]).not.toContain('--cache-to');
  expect(done.summary).toContain('is immutable in this repository');
});

describe('without a builder', () => {
  test('no docker', async () => {
    const { run } = await stage();
    const done = await run({}, { env: { PATH: '/nowhere' } });
    expect(done.outputs['verdict']).toBe('failed');
    expect(done.outputs['reason']).toMatch(/^No docker client was found on this machine\..*oci-layout/);
    expectExample('docker-unavailable', done);
  });

  test('no daemon', async () => {
    const { run } = await stage({ driver: 'docker' });
    const done = await run();
    expect(done.outputs['verdict']).toBe('failed');
    expect(done.outputs['reason']).toMatch(/^No Docker daemon is available/);
  });
});
