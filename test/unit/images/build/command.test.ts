import { describe, expect, test } from '@jest/globals';
import {
  buildCommand,
  type BuildRequest,
  type BuildTarget,
  cacheOptions,
  cacheTag,
  requireBuilderSupport,
} from '../../../../src/images/build/command.ts';
import type { Builder } from '../../../../src/images/build/builder.ts';

const SCANNER = `generator=registry.example.com/scanner@sha256:${'a'.repeat(64)}` as const;
const request: BuildRequest = {
  workspace: '/w',
  context: '/w/services',
  file: '/w/services/api/Dockerfile',
  platforms: [],
  target: undefined,
  buildArgs: {},
  buildContexts: {},
  secrets: {},
  ssh: [],
  labels: {},
  cache: 'registry',
  provenance: 'auto',
  sbom: 'auto',
};
const container: Builder = {
  name: 'buildx',
  output: 'registry',
  description: 'buildx with the driver docker-container',
};
const plain: Builder = { name: 'docker build', output: 'daemon', description: 'docker build 20.10' };
const target: BuildTarget = {
  builder: container,
  imageName: '111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/api',
  localName: 'build-push-image:1',
  metadataFile: '/t/metadata.json',
  layoutFile: '/t/built.tar',
};

describe('the command line', () => {
  test('pushes by digest, without a tag, with minimal attestations, and needs no image from Docker Hub', () => {
    expect(buildCommand(request, target).args).toEqual([
      ...['buildx', 'build', '--progress', 'plain', '--file', '/w/services/api/Dockerfile'],
      ...['--attest', 'type=provenance,mode=min'],
      ...['--metadata-file', '/t/metadata.json', '--output'],
      'type=image,name=111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/api,push-by-digest=true,name-canonical=true,push=true',
      '/w/services',
    ]);
  });

  test('has every input', () => {
    const { args } = buildCommand(
      {
        ...request,
        platforms: ['linux/amd64', 'linux/arm64'],
        target: 'runtime',
        buildArgs: { A: 'b=c d' },
        labels: { team: 'shop' },
        buildContexts: { base: 'docker-image://alpine:3' },
        ssh: ['default', 'id=/k'],
        provenance: 'max',
        sbom: 'false',
      },
      { ...target, cache: { from: 'type=gha', to: 'type=gha,mode=max' } },
    );
    expect(args.slice(6, -5)).toEqual([
      ...['--platform', 'linux/amd64,linux/arm64', '--target', 'runtime'],
      ...[
        '--build-arg',
        'A=b=c d',
        '--label',
        'team=shop',
        '--build-context',
        'base=docker-image://alpine:3',
      ],
      ...['--ssh', 'default', '--ssh', 'id=/k'],
      ...['--cache-from', 'type=gha', '--cache-to', 'type=gha,mode=max'],
      ...['--attest', 'type=provenance,mode=max', '--sbom=false'],
    ]);
  });

  test('never contains the value of a secret', () => {
    const { args, env } = buildCommand(
      { ...request, secrets: { npm: 'correct-horse', 'a.b': 'battery\nstaple' } },
      target,
    );
    expect(args.join(' ')).toContain('--secret id=npm,env=BUILD_SECRET_0 --secret id=a.b,env=BUILD_SECRET_1');
    expect(args.join(' ')).not.toMatch(/horse|battery|staple/);
    expect(env).toEqual({ BUILD_SECRET_0: 'correct-horse', BUILD_SECRET_1: 'battery\nstaple' });
  });

  test.each([
    ['true', 'type=sbom'],
    [SCANNER, `type=sbom,${SCANNER}`],
  ] as const)('creates an SBOM if sbom is %s', (sbom, attest) => {
    expect(buildCommand({ ...request, sbom }, target).args).toEqual(
      expect.arrayContaining(['--attest', attest]),
    );
    expect(requireBuilderSupport({ ...request, sbom }, container)).toEqual([]);
  });

  test('without attestations creates a plain manifest', () => {
    const { args } = buildCommand({ ...request, provenance: 'false', sbom: 'false' }, target);
    expect(args).toEqual(expect.arrayContaining(['--provenance=false', '--sbom=false']));
    expect(args).not.toContain('--attest');
  });

  test.each<[string, Builder, string[]]>([
    ['a container', container, ['--attest', 'type=provenance,mode=min', '--output', 'type=cacheonly']],
    ["buildx's docker driver", { ...container, output: 'daemon' }, ['type=cacheonly', '--provenance=false']],
    ['docker build', plain, ['--progress', 'plain', '--file', '/w/services/api/Dockerfile']],
  ])('without a push exports nothing, with %s', (_, builder, expected) => {
    const { imageName: _name, ...nowhere } = target;
    const { args } = buildCommand(request, { ...nowhere, builder });
    expect(args).toEqual(expect.arrayContaining([...expected, '--output', 'type=cacheonly']));
    expect(args.join(' ')).not.toMatch(/push|--tag|--load|metadata/);
  });

  test('has the settings of a bake file in addition to the inputs', () => {
    const options = ['--pull', '--network', 'none'];
    const secretSpecs = { npm: 'id=npm,env=NPM_TOKEN', aws: 'id=aws,src=/w/key' };
    const { args } = buildCommand({ ...request, options, secretSpecs }, target);
    expect(args).toEqual(
      expect.arrayContaining(['--secret', 'id=npm,env=NPM_TOKEN', 'id=aws,src=/w/key', ...options]),
    );
  });

  test('exports a layout if the daemon uses containerd', () => {
    const { args } = buildCommand(request, { ...target, builder: { ...container, output: 'layout' } });
    expect(args.slice(-3)).toEqual(['--output', 'type=oci,dest=/t/built.tar', '/w/services']);
  });

  test('without buildx is docker build', () => {
    expect(buildCommand(request, { ...target, builder: plain }).args).toEqual([
      ...['build', '--progress', 'plain', '--file', '/w/services/api/Dockerfile'],
      ...['--tag', 'build-push-image:1', '/w/services'],
    ]);
  });

  test("with buildx's docker driver loads into the daemon", () => {
    const { args } = buildCommand(request, { ...target, builder: { ...container, output: 'daemon' } });
    expect(args).toEqual(expect.arrayContaining(['--load', '--provenance=false']));
    expect(args).not.toContain('--attest');
  });
});

describe('the cache', () => {
  const repository = { name: 'shop/api', uri: 'host/shop/api', mayWrite: true };

  test('in the registry has the settings that ECR needs', () => {
    expect(cacheOptions(request, container, repository, {}).cache).toEqual({
      from: 'type=registry,ref=host/shop/api:cache-build',
      to: 'type=registry,ref=host/shop/api:cache-build,mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true',
    });
  });

  test('is read-only if its tag is immutable, with a note', () => {
    const { cache, note } = cacheOptions(request, container, { ...repository, mayWrite: false }, {});
    expect(cache).toEqual({ from: 'type=registry,ref=host/shop/api:cache-build' });
    expect(note).toContain('immutable');
  });

  test("of GitHub has its own scope and needs the job's token", () => {
    const gha = { ...request, cache: 'gha' as const, target: 'test stage' };
    const env = { ACTIONS_RUNTIME_TOKEN: 'x' };
    expect(cacheOptions(gha, container, repository, env).cache).toEqual({
      from: 'type=gha,scope=shop/api-cache-test-stage',
      to: 'type=gha,scope=shop/api-cache-test-stage,mode=max,ignore-error=true',
    });
    expect(cacheOptions(gha, container, repository, {})).toEqual({
      note: expect.stringContaining('workflow'),
    });
  });

  test('none disables it; without buildx there is none, with a note', () => {
    expect(cacheOptions({ ...request, cache: 'none' }, container, repository, {})).toEqual({});
    expect(cacheOptions(request, plain, repository, {})).toEqual({
      note: expect.stringContaining('docker build 20.10'),
    });
  });

  test('in the registry is not used without a login', () => {
    expect(cacheOptions(request, container, { name: 'shop/api', mayWrite: false }, {})).toEqual({
      note: 'Layers are not cached between runs: there is no login to the repository. Use build-push-image with cache: gha.',
    });
  });

  test('has one tag for each stage', () => {
    expect(cacheTag({ target: undefined })).toBe('cache-build');
    expect(cacheTag({ target: 'x'.repeat(200) })).toHaveLength(128);
  });
});

describe('a feature that needs buildx', () => {
  test.each<[string, Partial<BuildRequest>]>([
    ['platforms', { platforms: ['linux/amd64', 'linux/arm64'] }],
    ['provenance', { provenance: 'max' }],
    ['provenance', { provenance: 'min' }],
    ['sbom', { sbom: 'true' }],
    ['sbom', { sbom: SCANNER }],
    ['build-contexts', { buildContexts: { base: '/b' } }],
  ])('is an error for %s if requested', (input, changes) => {
    expect(() => requireBuilderSupport({ ...request, ...changes }, plain)).toThrow(
      new RegExp(`^${input}: .*setup-buildx-action`),
    );
  });

  test('is a note if it is a default', () => {
    expect(requireBuilderSupport(request, plain)).toEqual([
      expect.stringMatching(/^The image has no provenance: docker build 20.10 does not support it/),
      expect.stringMatching(/^The image has no SBOM\. To add one, run build-push-image with sbom: true/),
    ]);
    expect(requireBuilderSupport({ ...request, provenance: 'false', sbom: 'false' }, plain)).toEqual([]);
    expect(requireBuilderSupport({ ...request, provenance: 'max', sbom: 'true' }, container)).toEqual([]);
  });
});
