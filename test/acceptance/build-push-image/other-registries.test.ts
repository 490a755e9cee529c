import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { BatchGetImageCommand } from '@aws-sdk/client-ecr';
import { describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { DockerPlayback } from '../../support/docker-playback.ts';
import { expectExample } from '../../support/error-example.ts';
import { buildPushImage, ecrOf, REPOSITORY, SHA } from '../../support/image.ts';
import { useLayouts } from '../../support/layouts.ts';
import { pushMultiPlatform, pushReferrer } from '../../support/multi-platform.ts';
import { sha256 } from '../../support/oci.ts';
import { openTokenRepository, RegistrySession } from '../../support/registry.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const layoutOf = useLayouts();
const LOGIN = { username: 'octocat', password: 'correct horse battery staple' };
const AUTH = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');

/** A registry such as GHCR, with the private repository org/app, and a job that is logged in to it. */
async function stage() {
  const sandbox = await sandboxOf();
  const registry = await sandbox.openRegistry({ login: LOGIN });
  const { host } = registry;
  const app = openTokenRepository(registry, 'org/app', 'private');
  const DOCKER_CONFIG = workspaceOf({ 'config.json': JSON.stringify({ auths: { [host]: { auth: AUTH } } }) });
  const run = (
    inputs: Record<string, string>,
    options: Parameters<typeof buildPushImage>[2] = {},
  ): Promise<Run> => buildPushImage(sandbox, inputs, { ...options, env: { DOCKER_CONFIG, ...options.env } });
  return { sandbox, registry, host, app, run, noLogin: { DOCKER_CONFIG: workspaceOf({}) } };
}

/** The digest in ECR of a tag or digest, or undefined if it does not exist. */
async function inEcr(sandbox: Sandbox, reference: string): Promise<string | undefined> {
  const imageIds = [reference.startsWith('sha256:') ? { imageDigest: reference } : { imageTag: reference }];
  const command = new BatchGetImageCommand({ repositoryName: REPOSITORY, imageIds });
  const { images = [] } = await ecrOf(sandbox).send(command);
  return images[0] && sha256(images[0].imageManifest ?? '');
}

/** The calls to AWS. */
const awsCalls = (sandbox: Sandbox) =>
  sandbox.calls.all.filter(({ service }) => service !== 'token-registry');

describe('from', () => {
  test('mirrors an image by digest: all platforms, attestations, signatures', async () => {
    const { sandbox, app, run } = await stage();
    const { digest, children } = await pushMultiPlatform(app, '1.2');
    const signature = await pushReferrer(app, digest, 'signature');
    const first = await run({ from: `${app.uri}:1.2`, tags: 'mirror' });
    expect(first.outputs).toMatchObject({ verdict: 'pushed', digest, tag: 'mirror', reused: 'false' });
    for (const part of [digest, ...children, signature]) expect(await inEcr(sandbox, part)).toBe(part);
    expect(await inEcr(sandbox, 'mirror')).toBe(digest);
    expect(first.result['from']).toBe(`${app.uri}@${digest}`);
    expect(first.summary).toContain(`Mirrored from \`${app.uri}@${digest}\``);

    sandbox.calls.all.length = 0;
    const again = await run({ from: `${app.uri}@${digest}`, tags: 'v1' });
    expect(again.outputs).toMatchObject({ verdict: 'reused', digest, tag: 'v1' });
    expect(sandbox.calls.of('StartUpload')).toEqual([]);
    expect(sandbox.calls.where({ service: 'token-registry', operation: 'GetBlob' })).toEqual([]);
  });

  test('blocks an index without a runnable image, because nothing can be scanned', async () => {
    const { sandbox, app, run } = await stage();
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const index = JSON.stringify({ schemaVersion: 2, mediaType, manifests: [] });
    expect((await app.put('empty', index, mediaType)).status).toBe(201);
    const blocked = await run({ from: `${app.uri}:empty`, tags: 'v1', scan: 'low' });
    expect(blocked.outputs).toMatchObject({ verdict: 'blocked', scan: 'blocked' });
    expect(blocked.outputs['reason']).toContain('it contains no runnable image');
    expect(await inEcr(sandbox, 'v1')).toBeUndefined();
  });

  test('mirrors the current image of a moved tag', async () => {
    const { sandbox, app, run } = await stage();
    const before = await app.image('latest', 'one');
    expect((await run({ from: app.uri, tags: 'env-mirror' })).outputs['digest']).toBe(before);
    const after = await app.image('latest', 'two');
    const moved = await run({ from: app.uri, tags: 'env-mirror' });
    expect(moved.outputs).toMatchObject({ verdict: 'pushed', digest: after });
    expect(await inEcr(sandbox, 'env-mirror')).toBe(after);
  });

  test('names an image that does not exist, before any call to AWS', async () => {
    const { sandbox, app, host, run, noLogin } = await stage();
    const missing = await run({ from: `${app.uri}:none` });
    expect(missing.outputs['reason']).toBe(
      `from: expected a repository that contains none, got "${app.uri}"`,
    );
    const unknown = await run({ from: `${host}/org/unknown` });
    expect(unknown.outputs['reason']).toMatch(/org\/unknown: the registry refused to .*NAME_UNKNOWN/);
    const denied = await run({ from: app.uri }, { env: noLogin });
    expect(denied.outputs['reason']).toBe(
      `${app.uri}: the registry refused to issue a token for ${app.uri}: ` +
        'DENIED: requested access to the resource is denied. ' +
        `Log in to ${host} before this step (docker/login-action). Nothing was changed.`,
    );
    expect(awsCalls(sandbox)).toEqual([]);
  });
});

test('a credential helper that fails is quoted', async () => {
  const { sandbox, app, host, run } = await stage();
  const helpers = workspaceOf({ 'docker-credential-vault': '#!/bin/sh\necho the vault is sealed\nexit 1\n' });
  chmodSync(join(helpers, 'docker-credential-vault'), 0o755);
  const DOCKER_CONFIG = workspaceOf({ 'config.json': JSON.stringify({ credHelpers: { [host]: 'vault' } }) });
  const PATH = `${helpers}:${process.env['PATH'] ?? ''}`;
  const done = await run({ from: `${app.uri}:1.2` }, { env: { DOCKER_CONFIG, PATH } });
  expect(done.outputs['verdict']).toBe('failed');
  expectExample('command-failed', done);
  expect(awsCalls(sandbox)).toEqual([]);
});

describe('also', () => {
  test('copies the image and its tags, even if ECR already had it', async () => {
    const { sandbox, registry, app, run } = await stage();
    const { workspace, digest } = layoutOf(['one', 'two']);
    const inputs = { 'oci-layout': 'image', also: `${app.uri}, ${app.uri}:latest` };
    const first = await run(inputs, { workspace });
    expect(first.outputs).toMatchObject({ verdict: 'pushed', digest });
    expect(registry.pull('org/app', SHA, true)).toBe(digest);
    expect(registry.pull('org/app', 'latest', true)).toBe(digest);
    expect(first.result['copies']).toEqual([
      { repository: app.uri, tags: [SHA], state: 'copied', copiedBytes: expect.any(Number) },
      { repository: app.uri, tags: ['latest'], state: 'present', copiedBytes: 0 },
    ]);
    expect(first.summary).toContain(`Also in \`${app.uri}\`: \`latest\``);
    const shown = first.log.replaceAll(/^::add-mask::.*$/gm, '') + first.summary;
    expect(shown + JSON.stringify(first.outputs)).not.toMatch(new RegExp(`${LOGIN.password}|${AUTH}`));

    sandbox.calls.all.length = 0;
    const again = await run({ ...inputs, tags: 'v2' }, { workspace });
    expect(again.outputs['verdict']).toBe('reused');
    expect(registry.pull('org/app', 'v2', true)).toBe(digest);
    expect(sandbox.calls.of('StartUpload')).toEqual([]);
    expect(sandbox.calls.where({ service: 'token-registry', operation: 'PutManifest' })).toHaveLength(1);
  });

  test('copies the image of a build and of a mirror to a new repository', async () => {
    const { sandbox, registry, host, run } = await stage();
    const own = await RegistrySession.open(sandbox);
    const manifest = await own.manifest('built');
    const digest = sha256(manifest);
    await own.put(digest, manifest);
    const docker = new DockerPlayback(workspaceOf({}), { digest });
    const workspace = workspaceOf({ Dockerfile: 'FROM scratch\n' });
    const built = await run({ also: `${host}/org/new`, tags: 'built' }, { workspace, env: docker.env });
    expect(built.outputs).toMatchObject({ verdict: 'pushed', digest });
    expect(registry.pull('org/new', 'built', true)).toBe(digest);
    const mirrored = await run({
      from: `${host}/org/new:built`,
      also: `${host}/org/mirror`,
      repository: 'shop/mirror',
      tags: 'v1',
    });
    expect(mirrored.outputs).toMatchObject({ verdict: 'pushed', digest });
    expect(registry.pull('org/mirror', 'v1', true)).toBe(digest);
  });

  test("fails with the registry's name and lists what was pushed", async () => {
    const { sandbox, registry, host, app, run } = await stage();
    const { workspace, digest } = layoutOf(['one']);
    const denied = { kind: 'error', status: 403, code: 'DENIED' } as const;
    sandbox.addFault({ service: 'token-registry', operation: 'PutManifest', ...denied });
    const inputs = { 'oci-layout': 'image', also: `${host}/org/read-only, ${app.uri}`, tags: 'v1' };
    const done = await run(inputs, { workspace });
    expect(done.exitCode).toBe(1);
    expect(done.outputs['verdict']).toBe('failed');
    expect(done.outputs['reason']).toMatch(
      /^1 of 2 copies failed\. \S+\/org\/read-only: the registry refused to accept the manifest .*DENIED/,
    );
    expect(done.outputs['reason']).toContain(
      `Copied to ${app.uri}. The image is in the repository, with its tags.`,
    );
    expect(await inEcr(sandbox, 'v1')).toBe(digest);
    expect(registry.pull('org/app', 'v1', true)).toBe(digest);
  });

  test('that takes no such manifest is a failure with its words', async () => {
    const { sandbox, app, run } = await stage();
    const { workspace } = layoutOf(['one']);
    const code = 'MANIFEST_INVALID';
    const invalid = { kind: 'error', status: 400, code, message: 'manifest type is not allowed' } as const;
    sandbox.addFault({ service: 'token-registry', operation: 'PutManifest', ...invalid });
    const done = await run({ 'oci-layout': 'image', also: app.uri, tags: 'v1' }, { workspace });
    expect(done.outputs['verdict']).toBe('failed');
    expectExample('registry-rejected', done);
  });

  test('without a login fails before the push', async () => {
    const { sandbox, app, run, noLogin } = await stage();
    const { workspace } = layoutOf(['one']);
    const done = await run({ 'oci-layout': 'image', also: app.uri }, { workspace, env: noLogin });
    expect(done.outputs['reason']).toMatch(/DENIED.* Log in to .*Nothing was pushed\.$/);
    expect(sandbox.calls.of('StartUpload')).toEqual([]);
  });
});
