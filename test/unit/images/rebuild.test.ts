import { describe, expect, test } from '@jest/globals';
import type { CreateRepositoryCommandInput } from '@aws-sdk/client-ecr';
import type { Sandbox } from '../../../sandbox/index.ts';
import type { ImageResult } from '../../../src/images/result.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { DockerPlayback } from '../../support/docker-playback.ts';
import { pushMultiPlatform } from '../../support/multi-platform.ts';
import { sha256 } from '../../support/oci.ts';
import { RegistrySession } from '../../support/registry.ts';
import { type ImageStage, imageStage } from './stage.ts';

/** Which image belongs to the content after a rebuild, in every kind of repository. */
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

const REPOSITORIES: Record<string, Partial<CreateRepositoryCommandInput>> = {
  mutable: {},
  immutable: { imageTagMutability: 'IMMUTABLE' },
  'immutable but for env-*, cache-* and sha256-*': {
    imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
    imageTagMutabilityExclusionFilters: ['env-*', 'cache-*', 'sha256-*'].map((filter) => ({
      filterType: 'WILDCARD' as const,
      filter,
    })),
  },
};
const DAY_MS = 86_400_000;
const [COMMIT, NEXT] = ['a'.repeat(40), 'b'.repeat(40)];

interface Scene extends ImageStage {
  sandbox: Sandbox;
  session: RegistrySession;
  docker: DockerPlayback;
  /** The result of the following builds. */
  builds: (layer: string) => Promise<string>;
  /** The digest of a tag. */
  tag: (name: string) => Promise<string | undefined>;
}

async function scene(settings: Partial<CreateRepositoryCommandInput>): Promise<Scene> {
  const sandbox = await sandboxOf();
  const session = await RegistrySession.open(sandbox, settings);
  const docker = new DockerPlayback(workspaceOf({}), {});
  const workspace = workspaceOf({ 'api/Dockerfile': 'FROM scratch\nCOPY . /\n' });
  const stage = imageStage(sandbox, workspace, { docker });
  return {
    ...stage,
    sandbox,
    session,
    docker,
    builds: async (layer) => {
      const manifest = await session.manifest(layer);
      await session.put(sha256(manifest), manifest);
      docker.answer(sha256(manifest));
      return sha256(manifest);
    },
    tag: async (name) => {
      const answer = await session.fetch('HEAD', `manifests/${name}`);
      return answer.headers.get('docker-content-digest') ?? undefined;
    },
  };
}

const byCommit = (commit: string) => ({ tags: [commit], numberTags: true });

function ready(result: ImageResult) {
  if (result.verdict !== 'pushed' && result.verdict !== 'reused') throw new Error(result.reason);
  const { verdict, digest, tags } = result;
  return { verdict, digest, tags };
}

describe.each(Object.entries(REPOSITORIES))('a repository that is %s', (name, settings) => {
  test('uses the rebuilt image for the content in the next commit and its plan', async () => {
    const { builds, push, find, tag } = await scene(settings);
    const first = await builds('one');
    expect(ready(await push(byCommit(COMMIT)))).toEqual({ verdict: 'pushed', digest: first, tags: [COMMIT] });
    const second = await builds('two');
    const rebuilt = ready(await push({ ...byCommit(COMMIT), reuse: false }));
    expect(rebuilt).toMatchObject({ verdict: 'pushed', digest: second });
    expect(await find()).toBe(second);
    const next = ready(await push(byCommit(NEXT)));
    expect(next).toEqual({ verdict: 'reused', digest: second, tags: [NEXT] });
    const third = await builds('three');
    await push({ ...byCommit(NEXT), reuse: false });
    expect(await find()).toBe(third);
    expect(await tag(rebuilt.tags[0] ?? '')).toBe(second);
  });

  test('numbers the commit tag of a rebuild if it is immutable, also in a second run', async () => {
    const { builds, push, tag } = await scene(settings);
    const first = await builds('one');
    await push(byCommit(COMMIT));
    const second = await builds('two');
    const expected = name === 'mutable' ? COMMIT : `${COMMIT}-2`;
    const rebuilt = ready(await push({ ...byCommit(COMMIT), reuse: false }));
    expect(rebuilt.tags).toEqual([expected]);
    const again = ready(await push(byCommit(COMMIT)));
    expect(again).toEqual({ verdict: 'reused', digest: second, tags: [expected] });
    expect(await tag(COMMIT)).toBe(name === 'mutable' ? second : first);
  });

  test('is rebuilt once without a cache if its image is too old', async () => {
    const { builds, push, find, setTime, docker } = await scene(settings);
    const first = await builds('one');
    const weekly = { ...byCommit(COMMIT), rebuildAfterMs: 7 * DAY_MS };
    setTime(new Date());
    await push(weekly);
    expect(ready(await push(weekly))).toMatchObject({ verdict: 'reused', digest: first });
    setTime(new Date(Date.now() + 6.9 * DAY_MS));
    expect(ready(await push(weekly))).toMatchObject({ verdict: 'reused', digest: first });
    expect(await find(weekly)).toBe(first);
    setTime(new Date(Date.now() + 7.1 * DAY_MS));
    expect(await find(weekly)).toBeUndefined();
    const second = await builds('two');
    const rebuilt = await push(weekly);
    expect(ready(rebuilt)).toMatchObject({ verdict: 'pushed', digest: second });
    expect(rebuilt.notes.join()).toContain('ago, so it is rebuilt');
    expect(docker.builds.map((command) => command.includes('--pull --no-cache'))).toEqual([false, true]);
    expect(ready(await push(byCommit(NEXT)))).toMatchObject({ verdict: 'reused', digest: second });
  });

  test('has one image for two concurrent rebuilds', async () => {
    const { sandbox, builds, push, find, session } = await scene(settings);
    await builds('one');
    await push(byCommit(COMMIT));
    const [content = ''] = await contentTags(session);
    await builds('two');
    const others = await session.manifest('others');
    // The other job claims the build after this one has searched for the image, and before it claims it.
    sandbox.beforeCalls(async ({ operation, input }) => {
      if (operation !== 'GetManifest' || input['reference'] !== `${content}-2`) return;
      sandbox.beforeCalls(undefined);
      await session.put(`${content}-2`, others);
    });
    const loser = await push({ ...byCommit(NEXT), reuse: false });
    expect(ready(loser)).toMatchObject({ verdict: 'reused', digest: sha256(others) });
    expect(loser.notes.join()).toContain('Another job pushed an image of the same content in the meantime');
    expect(await find()).toBe(sha256(others));
  });

  test('treats a rebuild with the same image as unchanged', async () => {
    const { builds, push, find, session } = await scene(settings);
    const only = await builds('one');
    await push(byCommit(COMMIT));
    const again = ready(await push({ ...byCommit(COMMIT), reuse: false }));
    expect(again).toEqual({ verdict: 'pushed', digest: only, tags: [COMMIT] });
    expect(await find()).toBe(only);
    expect(await contentTags(session)).toHaveLength(1);
  });
});

describe('a requested immutable tag on the older image', () => {
  const settings = REPOSITORIES['immutable'] ?? {};
  const release = { tags: ['v1'], numberTags: false };

  test('refuses the rebuild before it starts', async () => {
    const { builds, push, docker } = await scene(settings);
    const first = await builds('one');
    await push(release);
    const result = await push({ ...release, reuse: false });
    expect(result.verdict).toBe('failed');
    expect('error' in result && result.error).toMatchObject({ code: 'tag-conflict' });
    expect('error' in result && result.error.fix).toContain('v1-2');
    expect(result.reason).toContain(first);
    expect(docker.builds).toHaveLength(1);
  });

  test('is accepted in a second run of its job, also after a rebuild and if one is due', async () => {
    const { builds, push, setTime } = await scene(settings);
    const first = await builds('one');
    await push(release);
    await builds('two');
    await push({ ...byCommit(NEXT), reuse: false });
    expect(ready(await push(release))).toEqual({ verdict: 'reused', digest: first, tags: ['v1'] });
    setTime(new Date(Date.now() + 8 * DAY_MS));
    const due = await push({ ...release, rebuildAfterMs: 7 * DAY_MS });
    expect(ready(due)).toMatchObject({ verdict: 'reused', digest: first });
    expect(due.notes.join()).toContain('The image is not rebuilt: the tag v1');
  });

  test('of another content stays a conflict', async () => {
    const { builds, push, session } = await scene(settings);
    await builds('one');
    await session.image('v1', 'another content');
    await session.image(COMMIT, 'another content');
    for (const tags of [release, byCommit(COMMIT)]) {
      const result = await push(tags);
      expect('error' in result && result.error.code).toBe('tag-conflict');
    }
  });
});

test('a reused image without provenance is noted if builds add it by default', async () => {
  const { session, docker, builds, push } = await scene({});
  const without = 'The reused image has no provenance';
  await builds('one');
  expect((await push(byCommit(COMMIT))).notes.join()).not.toContain(without);
  expect((await push(byCommit(NEXT))).notes.join()).toContain(without);
  docker.answer((await pushMultiPlatform(session, 'other')).digest);
  await push({ ...byCommit(COMMIT), reuse: false });
  const reused = await push(byCommit(NEXT));
  expect(reused.verdict).toBe('reused');
  expect(reused.notes.join()).not.toContain(without);
});

test('one call finds the newest of many rebuilds, even if old ones have expired', async () => {
  const { sandbox, session, builds, push, find } = await scene({});
  await builds('one');
  await push(byCommit(COMMIT));
  const [first = ''] = await contentTags(session);
  const digests = new Map<number, string>();
  for (const number of [97, 98, 99, 100, 101, 250]) {
    digests.set(number, await session.image(`${first}-${number}`, `layer ${number}`));
  }
  sandbox.calls.all.length = 0;
  expect(await find()).toBe(digests.get(101));
  expect(sandbox.calls.of('BatchGetImage')).toHaveLength(2);
});

test(`looking up a reused image takes one call`, async () => {
  const { sandbox, builds, push } = await scene({});
  await builds('one');
  await push(byCommit(COMMIT));
  sandbox.calls.all.length = 0;
  await push(byCommit(COMMIT));
  const calls = sandbox.calls.all.map(({ operation }) => operation).toSorted();
  // The repository and the password are known from an earlier push with the same client.
  expect(calls).toEqual(['BatchGetImage', 'DownloadLayer', 'GetBlob', 'GetManifest']);
});

async function contentTags(session: RegistrySession): Promise<string[]> {
  const answer = await session.fetch('GET', 'tags/list');
  const { tags } = (await answer.json()) as { tags: string[] };
  return tags.filter((tag) => tag.startsWith('content-'));
}
