import { describe, expect, test } from '@jest/globals';
import { BaseDigests } from '../../../src/images/bases.ts';
import type { BuildRequest } from '../../../src/images/build/command.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { DockerPlayback } from '../../support/docker-playback.ts';
import { sha256 } from '../../support/oci.ts';
import { openTokenRepository, RegistrySession } from '../../support/registry.ts';
import { buildRequest, imageStage } from './stage.ts';

/** Base images by the current digests of their names, in a registry of the sandbox. */
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const LOGIN = { username: 'octocat', password: 'correct horse battery staple' };

async function scene(dockerfile: (base: string) => string, login = false) {
  const sandbox = await sandboxOf();
  const registry = await sandbox.openRegistry({ login: LOGIN });
  const base = openTokenRepository(registry, 'org/base', login ? 'private' : 'public');
  const first = await base.image('24', 'first');
  const session = await RegistrySession.open(sandbox);
  const docker = new DockerPlayback(workspaceOf({}), {});
  const builds = async (layer: string) => {
    const manifest = await session.manifest(layer);
    await session.put(sha256(manifest), manifest);
    docker.answer(sha256(manifest));
  };
  await builds('one');
  const files = {
    'api/Dockerfile': dockerfile(`${base.uri}:24`),
    'web/Dockerfile': dockerfile(`${base.uri}:24`),
  };
  const workspace = workspaceOf(files);
  const auth = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');
  const logins = workspaceOf({ 'config.json': JSON.stringify({ auths: { [registry.host]: { auth } } }) });
  const bases = new BaseDigests();
  // Each run is a separate command, unless it shares the bases.
  const stage = (shared?: BaseDigests) =>
    imageStage(sandbox, workspace, {
      docker,
      env: { ...(login && { DOCKER_CONFIG: logins }) },
      ...(shared && { bases: shared }),
    });
  const run = async (changes: Partial<BuildRequest> = {}, shared?: BaseDigests) => {
    const own = stage(shared);
    const build = buildRequest(workspace, changes);
    const result = await own.push({ source: { kind: 'build', build }, tags: ['env-dev'] });
    return {
      verdict: result.verdict,
      notes: result.notes,
      warnings: own.lines.filter((line) => line.startsWith('::warning')),
    };
  };
  const asked = () =>
    sandbox.calls
      .of('HeadManifest')
      .filter(({ service, status }) => service === 'token-registry' && status === 200);
  return { base, first, run, builds, bases, asked, uri: `${base.uri}:24`, workspace };
}

describe.each([
  ['FROM', (base: string) => `FROM ${base}\n`],
  ['FROM with arguments', (base: string) => `ARG BASE=${base}\nFROM \${BASE}\n`],
  ['COPY --from', (base: string) => `FROM scratch\nCOPY --from=${base} /a /a\n`],
  ['RUN --mount', (base: string) => `FROM scratch\nRUN --mount=from=${base},target=/t ls\n`],
])('a base image by %s', (_, dockerfile) => {
  test('that moves changes the content; one that does not is reused', async () => {
    const { base, first, run, builds, uri } = await scene(dockerfile);
    expect((await run()).verdict).toBe('pushed');
    const again = await run();
    expect(again.verdict).toBe('reused');
    const line = dockerfile('').trimEnd().split('\n').length;
    expect(again.warnings).toEqual([
      expect.stringMatching(/^::warning title=Unpinned base image,file=api\/Dockerfile,line=\d::/),
    ]);
    expect(again.warnings[0]).toContain(`line=${line}`);
    expect(again.warnings[0]).toContain(`Fix: Pin it to its current digest: ${uri}@${first}.`);
    await base.image('24', 'second');
    await builds('two');
    expect((await run()).verdict).toBe('pushed');
    expect((await run()).verdict).toBe('reused');
  });
});

test("a private base image is read with the job's docker login", async () => {
  const { base, run } = await scene((image) => `FROM ${image}\n`, true);
  await run();
  await base.image('24', 'second');
  const moved = await run();
  expect(moved).toMatchObject({ verdict: 'pushed', notes: [] });
});

test('an image of a named context is hashed by its digest and replaces a base image', async () => {
  const { base, first, run, builds, uri } = await scene(() => 'FROM app\nCOPY --from=tools / /\n');
  const contexts = {
    buildContexts: { app: `docker-image://${uri}`, tools: `docker-image://${uri}@${first}` },
  };
  const done = await run(contexts);
  expect(done.notes).toEqual([]);
  expect(done.warnings).toEqual([expect.stringContaining('of the named context app is not pinned')]);
  expect((await run(contexts)).verdict).toBe('reused');
  await base.image('24', 'second');
  await builds('two');
  expect((await run(contexts)).verdict).toBe('pushed');
});

test('a pinned image, scratch and a stage are not looked up', async () => {
  const pinned = `org/base:24@sha256:${'a'.repeat(64)}`;
  const { run, asked } = await scene(
    () => `FROM scratch AS a\nFROM a\nCOPY --from=${pinned} / /\nCOPY --from=A / /\n`,
  );
  expect(await run()).toEqual({ verdict: 'pushed', notes: [], warnings: [] });
  expect(asked()).toEqual([]);
});

test('without a response, the name is hashed, with a note', async () => {
  const { run } = await scene(() => 'FROM 127.0.0.1:1/org/base:24\nCOPY --from=ghcr.io/UPPER / /\n');
  const done = await run();
  expect(done.verdict).toBe('pushed');
  expect(done.warnings).toEqual([]);
  expect(done.notes.join('\n')).toMatch(
    /the base image 127\.0\.0\.1:1\/org\/base:24, because its digest could not be read: .*ECONNREFUSED/,
  );
  expect(done.notes.join('\n')).toContain('the name of the base image ghcr.io/UPPER, because');
  expect((await run()).verdict).toBe('reused');
});

test('a missing image is hashed by its name', async () => {
  const { run, uri } = await scene((image) => `FROM ${image}-none\n`);
  expect((await run()).notes).toEqual([
    expect.stringContaining(`${uri}-none, because its digest could not be read`),
  ]);
});

test('the builds of one command look up a base image once, and each line has one warning', async () => {
  const { run, bases, asked, workspace } = await scene((image) => `FROM ${image} AS a\nFROM ${image}\n`);
  const web = { context: `${workspace}/web`, file: `${workspace}/web/Dockerfile` };
  const runs = [await run({}, bases), await run(web, bases), await run({}, bases)];
  expect(runs.map(({ warnings }) => warnings.length)).toEqual([1, 1, 0]);
  expect(asked()).toHaveLength(1);
});
