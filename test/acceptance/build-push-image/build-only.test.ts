import { describe, expect, test } from '@jest/globals';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import type { Recording } from '../../support/docker-playback.ts';
import { DockerPlayback } from '../../support/docker-playback.ts';
import { buildPushImage } from '../../support/image.ts';
import { expectExample } from '../../support/error-example.ts';

/** A pull request's build: the job has no AWS credentials, and no region. */
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const NO_AWS = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_REGION: '' };
const FILES = {
  'api/Dockerfile': 'FROM node:24 AS build\nRUN npm ci\n',
  'docker-bake.hcl': 'target "api" {}',
};

async function stage(recording: Recording = {}) {
  const sandbox = await sandboxOf();
  const docker = new DockerPlayback(workspaceOf({}), recording);
  const workspace = workspaceOf(FILES);
  const run = (inputs: Record<string, string>, env: Record<string, string> = {}) =>
    buildPushImage(
      sandbox,
      { push: 'false', ...inputs },
      { workspace, env: { ...NO_AWS, ...docker.env, ...env } },
    );
  return { sandbox, docker, workspace, run };
}

describe('push: false', () => {
  test('builds without AWS and has no image output', async () => {
    const { sandbox, docker, run } = await stage();
    const done = await run({ service: 'api', cache: 'gha' }, { ACTIONS_RUNTIME_TOKEN: 'x' });
    expect(done.outputs).toMatchObject({
      verdict: 'built',
      reason: 'Built the image without pushing it (push: false).',
      repository: 'shop/user-service',
    });
    expect(done.exitCode).toBe(0);
    for (const output of ['digest', 'tag', 'image', 'reused', 'size', 'scan']) {
      expect({ output, value: done.outputs[output] ?? '' }).toEqual({ output, value: '' });
    }
    expect(sandbox.calls.all).toEqual([]);
    expect(docker.builds).toHaveLength(1);
    expect(docker.builds[0]).toContain('--cache-from type=gha,scope=shop/user-service-cache-build');
    expect(docker.builds[0]).toContain('--output type=cacheonly');
    expect(docker.calls.join('\n')).not.toContain('login');
    expect(done.summary).toContain('1 of 2 steps from the cache');
  });

  test('fails if the build fails', async () => {
    const progress = `#6 [build 2/2] RUN npm ci
#6 ERROR: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1
------
ERROR: failed to solve: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1`;
    const { run } = await stage({ builds: [{ progress, exitCode: 1 }] });
    const done = await run({ service: 'api' });
    expect(done.exitCode).toBe(1);
    expect(done.outputs['reason']).toBe(
      'The build failed: process "/bin/sh -c npm ci" did not complete successfully: exit code: 1. Nothing was pushed.',
    );
    expect(done.log).toMatch(/::error title=\[build 2\/2\] RUN npm ci,file=api\/Dockerfile,line=2::/);
    expectExample('build-failed', done);
    expect(done.summary).toContain('with cache: gha');
  });
});

describe('a bake file', () => {
  test('defines the build, and its secrets never leave the environment', async () => {
    const api = {
      context: 'api',
      dockerfile: 'Dockerfile',
      args: { A: '1', B: '2' },
      tags: ['org/api:latest'],
      target: 'build',
      secret: [{ id: 'npm', env: 'NPM_TOKEN' }],
    };
    const { docker, workspace, run } = await stage({ bake: { target: { api } } });
    const inputs = { 'bake-file': 'docker-bake.hcl', target: 'api', 'build-args': 'B=3' };
    const done = await run(inputs, { NPM_TOKEN: 'correct-horse-battery' });
    expect(done.outputs['verdict']).toBe('built');
    expect(docker.calls).toContain('buildx bake --file docker-bake.hcl --print api');
    expect(docker.read('bake-folder').trim()).toBe(workspace);
    const [command = ''] = docker.builds;
    expect(command).toContain(
      `--file ${workspace}/api/Dockerfile --target build --build-arg A=1 --build-arg B=3`,
    );
    expect(command).toContain('--secret id=npm,env=NPM_TOKEN');
    expect(docker.calls.join('\n') + done.summary).not.toContain('correct-horse');
    expect(done.log).toContain('::add-mask::correct-horse-battery');
    expect(done.summary).toContain('The tags of the bake file (org/api:latest) are not used');
  });

  test.each<[Record<string, string>, Recording['bake'], RegExp]>([
    [
      { target: 'api' },
      { target: { api: { 'no-cache': true } } },
      /^bake-file: docker-bake\.hcl: the target api sets no-cache/,
    ],
    [
      {},
      { target: { api: {}, web: {} } },
      /^target: expected one target, got "default"\. This group has several: api, web/,
    ],
    [
      { target: 'api' },
      undefined,
      /^bake-file: docker-bake\.hcl: docker buildx bake failed: "ERROR: failed to find target/,
    ],
    [{ service: 'api' }, undefined, /^service: expected no value, because bake-file is set, got "api"/],
    [
      { 'bake-file': 'nowhere.hcl' },
      undefined,
      /^bake-file: expected a file in the workspace, got "nowhere.hcl"/,
    ],
  ])('%j of %j is one clear error', async (inputs, bake, reason) => {
    const { docker, run } = await stage({ ...(bake && { bake }) });
    const done = await run({ 'bake-file': 'docker-bake.hcl', ...inputs });
    expect(done.outputs['reason']).toMatch(reason);
    expect(docker.builds).toEqual([]);
  });
});
