import { describe, expect, test } from '@jest/globals';
import type { Sandbox, Scenario } from '../../../sandbox/index.ts';
import type { ImageResult } from '../../../src/images/result.ts';
import { parseSource, parseTarget } from '../../../src/images/registry/reference.ts';
import { copyRequest } from '../../../src/images/context.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { DockerPlayback } from '../../support/docker-playback.ts';
import { useLayouts } from '../../support/layouts.ts';
import { sha256 } from '../../support/oci.ts';
import { openTokenRepository, RegistrySession } from '../../support/registry.ts';
import { imageStage } from './stage.ts';

/** A registry that accepts a manifest and does not store it correctly, for every way to set a tag. */
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const layoutOf = useLayouts();

type Lie = NonNullable<NonNullable<Scenario['ecr']>['lies']>[number];

interface Way {
  /** The affected repository. If absent, ECR's. */
  elsewhere?: string;
  run: (sandbox: Sandbox) => Promise<{ result: ImageResult; digest: string }>;
}

async function another(sandbox: Sandbox): Promise<RegistrySession> {
  const session = await RegistrySession.open(sandbox);
  await session.image('other', 'another');
  return session;
}

const build = async (sandbox: Sandbox, tags: string[][]) => {
  const session = await another(sandbox);
  const manifest = await session.manifest();
  const digest = sha256(manifest);
  await session.put(digest, manifest);
  const docker = new DockerPlayback(workspaceOf({}), { digest });
  const workspace = workspaceOf({ 'api/Dockerfile': 'FROM scratch\nCOPY . /\n' });
  const results: ImageResult[] = [];
  for (const each of tags) {
    results.push(await imageStage(sandbox, workspace, { docker }).push({ tags: each }));
  }
  return { result: results.at(-1) as ImageResult, digest };
};

const WAYS: Record<string, Way> = {
  'a layout': {
    run: async (sandbox) => {
      await another(sandbox);
      const { workspace, digest } = layoutOf(['one']);
      return { result: await imageStage(sandbox, workspace).push(), digest };
    },
  },
  'a build by BuildKit': { run: (sandbox) => build(sandbox, [['v1']]) },
  'a reused image with another tag': { run: (sandbox) => build(sandbox, [['v0'], ['v1']]) },
  'a mirrored image': {
    run: async (sandbox) => {
      await another(sandbox);
      const registry = await sandbox.openRegistry();
      const app = openTokenRepository(registry, 'org/app');
      const digest = await app.image('1.2');
      const image = parseSource(`${app.uri}:1.2`);
      if (!image) throw new Error(app.uri);
      const source = { kind: 'mirror', image } as const;
      return { result: await imageStage(sandbox, workspaceOf({})).push({ source }), digest };
    },
  },
  'a copy in another registry': {
    elsewhere: 'org/app',
    run: async (sandbox) => {
      await another(sandbox);
      const registry = await sandbox.openRegistry({ login: { username: 'octocat', password: 'secret' } });
      const app = openTokenRepository(registry, 'org/app', 'private');
      await app.image('other', 'another');
      const repository = parseTarget(app.uri);
      if (!repository) throw new Error(app.uri);
      const { workspace, digest } = layoutOf(['one']);
      const auth = Buffer.from('octocat:secret').toString('base64');
      const login = workspaceOf({ 'config.json': JSON.stringify({ auths: { [registry.host]: { auth } } }) });
      const stage = imageStage(sandbox, workspace, { env: { DOCKER_CONFIG: login } });
      return { result: await stage.push({ also: [copyRequest(repository, ['v1'])] }), digest };
    },
  },
};

const run = async ({ run: go, elsewhere = 'shop/user-service' }: Way, lie: Lie) =>
  go(await sandboxOf({ scenario: { ecr: { lies: [{ repository: elsewhere, ...lie }] } } }));

describe.each(Object.entries(WAYS))('%s', (name, way) => {
  test('is green if the registry stores it', async () => {
    const { result, digest } = await run(way, { does: 'drop', reference: 'nothing' });
    expect(result).toMatchObject({ verdict: name.startsWith('a reused') ? 'reused' : 'pushed', digest });
  });

  test('is red if the tag is accepted but dropped', async () => {
    const { result, digest } = await run(way, { does: 'drop', reference: 'v1' });
    expect(result.verdict).toBe('failed');
    expect('error' in result && result.error.code).toBe('image-unproven');
    expect(result.reason).toContain('set the tag v1');
    expect(result.reason).toContain(digest);
    expect(result.reason).toContain('returned no image');
  });

  test('is red if another push moves the tag, with both digests', async () => {
    const { result, digest } = await run(way, { does: 'move', reference: 'v1' });
    expect(result.verdict).toBe('failed');
    expect('error' in result && result.error.code).toBe('image-unproven');
    expect(result.reason).toContain(digest);
    expect(result.reason.match(/sha256:[0-9a-f]{64}/g)).toHaveLength(2);
  });

  test.each([1, 3])('is green if the tag is not visible in %d reads', async (reads) => {
    const { result, digest } = await run(way, { does: 'hide', reference: 'v1', reads });
    expect(result).toMatchObject({ digest, tags: ['v1'] });
  });
});

test.each(['a layout'])('%s is red if its manifest is accepted but dropped', async (name) => {
  const way = WAYS[name] as Way;
  const { result, digest } = await run(way, { does: 'drop', reference: 'sha256:*' });
  expect(result.verdict).toBe('failed');
  expect('error' in result && result.error.code).toBe('image-unproven');
  expect(result.reason).toContain(digest);
});

test('a dropped content tag is red, because the next run would build again', async () => {
  const { result } = await run(WAYS['a build by BuildKit'] as Way, { does: 'drop', reference: 'content-*' });
  expect(result.verdict).toBe('failed');
  expect(result.reason).toContain('set the tag content-');
});
