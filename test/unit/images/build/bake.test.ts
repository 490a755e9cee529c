import { describe, expect, test } from '@jest/globals';
import { resolveBake } from '../../../../src/images/build/bake.ts';
import type { BuildRequest } from '../../../../src/images/build/command.ts';
import type { CommandResult } from '../../../../src/core/exec.ts';

const SCANNER = `generator=registry.example.com/scanner@sha256:${'a'.repeat(64)}`;
const request: BuildRequest = {
  workspace: '/w',
  context: '/w',
  file: '/w/Dockerfile',
  platforms: [],
  target: 'api',
  buildArgs: {},
  buildContexts: {},
  secrets: {},
  ssh: [],
  labels: { 'org.opencontainers.image.revision': 'abc' },
  cache: 'registry',
  provenance: 'auto',
  sbom: 'auto',
};
const bake = { files: ['/w/docker-bake.hcl'], target: 'api', labels: {} };
const answer = (stdout: string, more: Partial<CommandResult> = {}): CommandResult => ({
  exitCode: 0,
  stdout,
  stderr: '',
  ...more,
});

/** A docker client whose buildx prints this; `calls` are its commands. */
function docker(printed: CommandResult, version: CommandResult = answer('v0.29.1')) {
  const calls: unknown[] = [];
  return {
    calls,
    read: (args: readonly string[]) => {
      calls.push(args.join(' '));
      return Promise.resolve(version);
    },
    run: (args: readonly string[], options: unknown) => {
      calls.push([args.join(' '), options]);
      return Promise.resolve(printed);
    },
  };
}

const printing = (target: object): ReturnType<typeof docker> =>
  docker(answer(JSON.stringify({ group: { default: { targets: Object.keys(target) } }, target })));
const resolveTarget = (api: object, build: Partial<BuildRequest> = {}) =>
  resolveBake(printing({ api }), bake, { ...request, ...build });

describe('a target of a bake file', () => {
  test('is resolved by buildx in the workspace', async () => {
    const client = printing({ api: { context: '.', dockerfile: 'Dockerfile' } });
    await resolveBake(client, { ...bake, files: ['/w/a.hcl', '/tmp/meta.json'] }, request);
    expect(client.calls).toEqual([
      'buildx version',
      ['buildx bake --file a.hcl --file /tmp/meta.json --print api', { cwd: '/w' }],
    ]);
  });

  test('is the build that it describes', async () => {
    const { build, notes } = await resolveTarget({
      description: 'The API',
      context: 'services',
      dockerfile: 'api/Dockerfile',
      contexts: { base: 'docker-image://alpine:3', shared: 'shared' },
      args: { A: '1', B: null, C: '$${HOME} %%{x}' },
      labels: { team: 'shop', none: null },
      target: 'runtime',
      platforms: ['linux/arm64', 'linux/amd64'],
      pull: true,
      'no-cache': false,
      call: 'build',
      network: 'none',
      'shm-size': '128m',
      ulimits: ['nofile=1024:1024'],
      'extra-hosts': { db: '10.0.0.1' },
      annotations: ['index:org.example=a'],
      output: [{ type: 'registry' }],
    });
    expect(notes).toEqual([]);
    expect(build).toEqual({
      ...request,
      context: '/w/services',
      file: '/w/services/api/Dockerfile',
      buildContexts: { base: 'docker-image://alpine:3', shared: '/w/shared' },
      buildArgs: { A: '1', C: '${HOME} %{x}' },
      labels: { 'org.opencontainers.image.revision': 'abc', team: 'shop' },
      target: 'runtime',
      platforms: ['linux/amd64', 'linux/arm64'],
      options: [
        ...['--pull', '--network', 'none', '--shm-size', '128m', '--ulimit', 'nofile=1024:1024'],
        ...['--add-host', 'db=10.0.0.1', '--annotation', 'index:org.example=a'],
      ],
    });
  });

  test('without settings is the Dockerfile of the workspace', async () => {
    const { build } = await resolveTarget({});
    expect(build).toEqual({ ...request, target: undefined });
  });

  test.each([
    ['objects', [{ id: 'npm', env: 'NPM_TOKEN' }, { id: 'aws', src: 'key' }, { id: '.npmrc' }]],
    ['text', ['type=env,id=npm,env=NPM_TOKEN', 'id=aws,src=key', 'id=.npmrc']],
    [
      'text with other words',
      ['type=env,id=npm,src=NPM_TOKEN', 'type=file,id=aws,source=/w/key', 'id=.npmrc'],
    ],
  ])('passes its secrets to docker, from %s', async (_, secret) => {
    const { build } = await resolveTarget({ secret });
    expect(build.secretSpecs).toEqual({
      npm: 'id=npm,env=NPM_TOKEN',
      aws: 'id=aws,src=/w/key',
      '.npmrc': 'id=.npmrc',
    });
    expect(build.secrets).toEqual({});
  });

  test.each([[[{ id: 'default' }, { id: 'key', paths: ['/k', 'l'] }]], [['default', 'key=/k,l']]])(
    'has its SSH agents, from %j',
    async (ssh) => {
      expect((await resolveTarget({ ssh })).build.ssh).toEqual(['default', 'key=/k,/w/l']);
    },
  );

  test.each([
    [[], 'auto', 'auto'],
    [['type=provenance,mode=max'], 'max', 'auto'],
    [[{ type: 'provenance' }, { type: 'sbom' }], 'min', 'true'],
    [
      [
        { type: 'provenance', disabled: true },
        { type: 'sbom', disabled: true },
      ],
      'false',
      'false',
    ],
    [[`type=sbom,${SCANNER}`], 'auto', SCANNER],
  ])('has its attestations, from %j', async (attest, provenance, sbom) => {
    expect((await resolveTarget({ attest })).build).toMatchObject({ provenance, sbom });
    const inputs = await resolveTarget({ attest }, { provenance: 'max', sbom: 'false' });
    expect(inputs.build).toMatchObject({ provenance: 'max', sbom: 'false' });
  });

  test('is overridden by the inputs', async () => {
    const file = { platforms: ['linux/amd64'], args: { A: '1', B: '2' }, labels: { team: 'a', x: 'y' } };
    const inputs = { platforms: ['linux/arm64'], buildArgs: { A: '3' } };
    const { build } = await resolveBake(
      printing({ api: { ...file, contexts: { base: 'a' } } }),
      { ...bake, labels: { team: 'b' } },
      { ...request, ...inputs, buildContexts: { base: '/b' } },
    );
    expect(build).toMatchObject({
      platforms: ['linux/arm64'],
      buildArgs: { A: '3', B: '2' },
      labels: { team: 'b', x: 'y' },
      buildContexts: { base: '/b' },
    });
  });

  test('reports which settings are not used', async () => {
    const { notes } = await resolveTarget({ tags: ['org/api:1'], 'cache-to': [{ type: 'gha' }] });
    expect(notes).toEqual([
      'The tags of the bake file (org/api:1) are not used: see the inputs repository, tags and also.',
      'The caches of the bake file are not used: see the input cache.',
    ]);
  });
});

describe('unsupported settings are refused by name', () => {
  test.each<[object, RegExp]>([
    [{ 'no-cache': true }, /target api sets no-cache, which is not supported$/],
    [{ 'no-cache-filter': ['a'] }, /sets no-cache-filter/],
    [{ 'dockerfile-inline': 'FROM a' }, /sets dockerfile-inline/],
    [{ entitlements: ['network.host'] }, /sets entitlements/],
    [{ call: 'check' }, /sets call/],
    [{ 'of-tomorrow': 1 }, /sets of-tomorrow/],
    [{ context: 'https://github.com/org/app.git' }, /has the context https:.*not a folder/],
    [{ context: 'git@github.com:org/app.git' }, /has the context git@/],
    [{ dockerfile: 'https://example.com/Dockerfile' }, /has the Dockerfile https:/],
    [
      { output: [{ type: 'local', dest: 'out' }] },
      /has the output type=local,dest=out, which is not supported/,
    ],
    [{ output: ['type=docker'] }, /has the output type=docker,/],
    [{ output: ['type=image,push=false'] }, /has the output type=image,push=false,/],
    [{ output: [{ type: 'registry', compression: 'zstd' }] }, /compression=zstd/],
    [
      { attest: ['type=sbom,generator=x'] },
      /has the SBOM generator=x, but a generator must have the form <image>@sha256/,
    ],
    [{ attest: ['type=provenance,generator=x'] }, /sets generator for attest type=provenance/],
    [{ attest: [{ type: 'provenance', version: 'v1' }] }, /sets version for attest type=provenance/],
    [{ attest: [{ type: 'other' }] }, /has the attestation other/],
  ])('%j', async (target, message) => {
    await expect(resolveTarget(target)).rejects.toThrow(message);
    await expect(resolveTarget(target)).rejects.toThrow(/^bake-file: docker-bake\.hcl: the target api /);
  });

  test('a group of several targets', async () => {
    await expect(
      resolveBake(printing({ web: {}, api: {} }), { ...bake, target: 'default' }, request),
    ).rejects.toThrow('target: expected one target, got "default". This group has several: api, web');
  });

  test('a context that is another target', async () => {
    const both = { api: { contexts: { base: 'target:base' } }, base: {} };
    await expect(resolveBake(printing(both), bake, request)).rejects.toThrow(
      /target api uses another target as the context base \(target:base\)/,
    );
  });

  test('a group of one target is that target', async () => {
    const { build } = await resolveBake(
      printing({ api: { target: 'x' } }),
      { ...bake, target: 'default' },
      request,
    );
    expect(build.target).toBe('x');
  });

  test.each(['--push', 'https://example.com/repository.git', 'a b', '-f'])(
    'the target %s',
    async (target) => {
      await expect(resolveBake(printing({}), { ...bake, target }, request)).rejects.toThrow(/^target: /);
    },
  );
});

describe('a buildx that cannot resolve it', () => {
  test('is quoted', async () => {
    const printed = answer('', { exitCode: 1, stderr: '#1 ...\nERROR: failed to find target api' });
    await expect(resolveBake(docker(printed), bake, request)).rejects.toThrow(
      'bake-file: docker-bake.hcl: docker buildx bake failed: "ERROR: failed to find target api"',
    );
  });

  test('is missing', async () => {
    const client = docker(answer(''), answer('', { exitCode: 1 }));
    await expect(resolveBake(client, bake, request)).rejects.toMatchObject({
      code: 'docker-unavailable',
      message: expect.stringContaining('docker/setup-buildx-action'),
    });
  });
});
