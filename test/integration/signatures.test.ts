import { PutImageTagMutabilityCommand } from '@aws-sdk/client-ecr';
import type { CreateRepositoryCommandInput } from '@aws-sdk/client-ecr';
import { afterAll, beforeAll, describe, expect, test as always } from '@jest/globals';
import type { Sandbox } from '../../sandbox/index.ts';
import { copyImage, type CopyReport } from '../../src/images/registry/copy/copy-image.ts';
import { useSandboxes } from '../support/action.ts';
import { CosignKey, type SignatureFormat } from '../support/cosign.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { buildPushImage, REPOSITORY } from '../support/image.ts';
import { pushMultiPlatform, pushReferrer } from '../support/multi-platform.ts';
import { RegistrySession, RepositorySession } from '../support/registry.ts';
import { canRun, runsWith, testWith } from '../support/software.ts';
import { contextOf } from '../unit/images/registry/context.ts';

/** Images signed by cosign are copied by us, and cosign verifies the copies. */
const hasCosign = canRun('cosign');
const test = hasCosign ? always : always.skip;
const testWithRegistry = hasCosign ? testWith('docker-registry') : always.skip;
const sandboxOf = useSandboxes();

const SOURCE = '111111111111';
const TARGET = '222222222222';
const FORMATS: SignatureFormat[] = ['tag', 'bundle'];
/** As `create-repository` and the template create a repository. */
const EXEMPT = {
  imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
  imageTagMutabilityExclusionFilters: ['env-*', 'cache-*', 'sha256-*'].map((filter) => ({
    filterType: 'WILDCARD' as const,
    filter,
  })),
} satisfies Partial<CreateRepositoryCommandInput>;
const TARGETS: [string, Partial<CreateRepositoryCommandInput>][] = [
  ['mutable', { imageTagMutability: 'MUTABLE' }],
  ['immutable except for sha256-*', EXEMPT],
];

let keys: CosignKey[] = [];
let own: CosignKey;
let other: CosignKey;
let third: CosignKey;

beforeAll(async () => {
  if (!hasCosign) return;
  keys = await Promise.all([CosignKey.generate(), CosignKey.generate(), CosignKey.generate()]);
  [own, other, third] = keys as [CosignKey, CosignKey, CosignKey];
});

afterAll(() => {
  for (const key of keys) key.remove();
});

async function stage(settings: Partial<CreateRepositoryCommandInput> = EXEMPT) {
  const sandbox = await sandboxOf();
  const source = await RegistrySession.open(sandbox, { imageTagMutability: 'MUTABLE' }, SOURCE);
  const target = await RegistrySession.open(sandbox, settings, TARGET);
  const placeOf = ({ client, uri }: RegistrySession) => ({ client, uri, name: REPOSITORY });
  const { digest, children } = await pushMultiPlatform(source, 'v1');
  const copy = (): Promise<CopyReport> => copyImage(placeOf(source), placeOf(target), digest, contextOf());
  return { sandbox, source, target, digest, children, copy };
}

describe.each(FORMATS)('signatures in a %s', (format) => {
  describe.each(TARGETS)('into a repository that is %s', (_, settings) => {
    test('are copied with the image, and later ones with the next copy', async () => {
      const { source, target, digest, copy } = await stage(settings);
      await own.sign(source, digest, { format });
      expect(await own.verifies(target, digest, format)).toBe(false);
      expect(await copy()).toMatchObject({ state: 'copied', attachments: 1, notes: [] });
      expect(await own.verifies(target, digest, format)).toBe(true);
      await other.sign(source, digest, { format });
      expect(await other.verifies(target, digest, format)).toBe(false);
      expect(await copy()).toMatchObject({ state: 'copied', attachments: 1 });
      for (const key of [own, other]) expect(await key.verifies(target, digest, format)).toBe(true);
      expect(await third.verifies(target, digest, format)).toBe(false);
      expect(await copy()).toMatchObject({ state: 'present', manifests: 0, notes: [] });
    });

    test('of all parts are copied, before and after the first copy', async () => {
      const { source, target, digest, children, copy } = await stage(settings);
      await own.sign(source, digest, { format, recursive: true });
      await copy();
      await other.sign(source, digest, { format, recursive: true });
      await copy();
      for (const part of [digest, ...children]) {
        expect(await own.verifies(target, part, format)).toBe(true);
        expect(await other.verifies(target, part, format)).toBe(true);
      }
      expect(await copy()).toMatchObject({ state: 'present' });
    });

    test('of the target are kept', async () => {
      const { source, target, digest, copy } = await stage(settings);
      await copy();
      await other.sign(target, digest, { format });
      await own.sign(source, digest, { format });
      await copy();
      await third.sign(source, digest, { format });
      await copy();
      for (const key of [own, other, third]) expect(await key.verifies(target, digest, format)).toBe(true);
      await own.sign(target, digest, { format });
      expect(await copy()).toMatchObject({ state: 'present', manifests: 0 });
    });

    test('are merged with attestations of both repositories', async () => {
      const { source, target, digest, copy } = await stage(settings);
      await own.attest(source, digest, format);
      await copy();
      await other.attest(target, digest, format);
      await third.attest(source, digest, format);
      await copy();
      for (const key of [own, other, third]) {
        expect(await key.verifiesAttestation(target, digest, format)).toBe(true);
      }
    });
  });
});

test('an immutable tag in the target is kept with a note, and the copy succeeds', async () => {
  const { source, target, digest, copy } = await stage({ imageTagMutability: 'IMMUTABLE' });
  await own.sign(source, digest, { format: 'tag' });
  await copy();
  await other.sign(source, digest, { format: 'tag' });
  const { notes, ...report } = await copy();
  expect(report).toMatchObject({ state: 'present', attachments: 0 });
  expect(notes).toEqual([
    `${REPOSITORY}:${digest.replace(':', '-')}.sig is immutable, so 1 attachment could not be added. ` +
      'Fix: Exclude sha256-* from the immutability of the tags of this repository.',
  ]);
  expect(await own.verifies(target, digest, 'tag')).toBe(true);
  expect(await other.verifies(target, digest, 'tag')).toBe(false);
  await target.client.send(new PutImageTagMutabilityCommand({ repositoryName: REPOSITORY, ...EXEMPT }));
  expect(await copy()).toMatchObject({ state: 'copied', attachments: 1 });
  expect(await other.verifies(target, digest, 'tag')).toBe(true);
});

test('bundles need no mutable tag', async () => {
  const { source, target, digest, copy } = await stage({ imageTagMutability: 'IMMUTABLE' });
  for (const key of [own, other]) {
    await key.sign(source, digest, { format: 'bundle' });
    expect(await copy()).toMatchObject({ state: 'copied', attachments: 1, notes: [] });
    expect(await key.verifies(target, digest, 'bundle')).toBe(true);
  }
});

describe('with a real registry without the referrers API', () => {
  let registry: DockerRegistry;

  beforeAll(async () => {
    if (runsWith('docker-registry')) registry = await DockerRegistry.start();
  });
  afterAll(async () => {
    if (runsWith('docker-registry')) await registry.stop();
  });

  const mirror = (sandbox: Sandbox, inputs: Record<string, string>) =>
    buildPushImage(sandbox, { tags: 'v1', ...inputs });

  testWithRegistry.each(FORMATS)(
    'a mirror has the signatures in a %s, and gets later ones',
    async (format) => {
      const sandbox = await sandboxOf();
      const upstream = new RepositorySession(`${registry.host}/upstream/${format}`, '');
      const { digest, children } = await pushMultiPlatform(upstream, 'v1');
      await own.sign(upstream, digest, { format, recursive: true });
      const first = await mirror(sandbox, { from: `${upstream.uri}:v1` });
      expect(first.outputs).toMatchObject({ verdict: 'pushed', digest });
      const target = await RegistrySession.reopen(sandbox);
      for (const part of [digest, ...children]) expect(await own.verifies(target, part, format)).toBe(true);
      await third.sign(target, digest, { format });
      await other.sign(upstream, digest, { format });
      const second = await mirror(sandbox, { from: `${upstream.uri}:v1` });
      expect(second.outputs).toMatchObject({ verdict: 'reused', digest });
      for (const key of [own, other, third]) expect(await key.verifies(target, digest, format)).toBe(true);
    },
  );

  testWithRegistry.each(FORMATS)(
    'a copy of also has the signatures in a %s, and keeps its own',
    async (format) => {
      const sandbox = await sandboxOf();
      const upstream = new RepositorySession(`${registry.host}/source/${format}`, '');
      const copy = new RepositorySession(`${registry.host}/copy/${format}`, '');
      const { digest, children } = await pushMultiPlatform(upstream, 'v1');
      await own.sign(upstream, digest, { format, recursive: true });
      await own.attest(upstream, digest, format);
      const inputs = { from: `${upstream.uri}:v1`, also: copy.uri };
      expect((await mirror(sandbox, inputs)).outputs).toMatchObject({ verdict: 'pushed', digest });
      for (const part of [digest, ...children]) expect(await own.verifies(copy, part, format)).toBe(true);
      expect(await own.verifiesAttestation(copy, digest, format)).toBe(true);
      await third.sign(copy, digest, { format });
      await other.sign(upstream, digest, { format });
      expect((await mirror(sandbox, inputs)).outputs).toMatchObject({ verdict: 'reused', digest });
      for (const key of [own, other, third]) expect(await key.verifies(copy, digest, format)).toBe(true);
    },
  );

  testWithRegistry('other artifacts that refer to the image come along, and are listed', async () => {
    const sandbox = await sandboxOf();
    const upstream = new RepositorySession(`${registry.host}/artifacts/source`, '');
    const copy = new RepositorySession(`${registry.host}/artifacts/copy`, '');
    const { digest } = await pushMultiPlatform(upstream, 'v1');
    await own.sign(upstream, digest, { format: 'bundle' });
    const [sbom] = await referrersByTag(upstream, digest);
    const artifact = await pushReferrer(upstream, digest, 'an artifact of another tool');
    await list(upstream, digest, artifact);
    const inputs = { from: `${upstream.uri}:v1`, also: copy.uri };
    const run = await mirror(sandbox, inputs);
    expect(run.outputs).toMatchObject({ verdict: 'pushed', digest });
    expect((await referrersByTag(copy, digest)).toSorted()).toEqual([artifact, sbom].toSorted());
    const target = await RegistrySession.reopen(sandbox);
    const answer = await target.fetch('GET', `referrers/${digest}`);
    const { manifests } = (await answer.json()) as { manifests: { digest: string }[] };
    expect(manifests.map((one) => one.digest).toSorted()).toEqual([artifact, sbom].toSorted());
  });
});

const INDEX = 'application/vnd.oci.image.index.v1+json';

async function indexOf(
  repository: RepositorySession,
  digest: string,
): Promise<{ manifests: { digest: string }[] }> {
  const headers = { accept: INDEX };
  const answer = await repository.fetch('GET', `manifests/${digest.replace(':', '-')}`, { headers });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as { manifests: { digest: string }[] };
}

async function referrersByTag(repository: RepositorySession, digest: string): Promise<string[]> {
  return (await indexOf(repository, digest)).manifests.map((one) => one.digest);
}

/** Lists an artifact as a referrer of an image, as a client must if the registry does not. */
async function list(repository: RepositorySession, digest: string, artifact: string): Promise<void> {
  const accept = 'application/vnd.oci.image.manifest.v1+json';
  const answer = await repository.fetch('GET', `manifests/${artifact}`, { headers: { accept } });
  const size = (await answer.text()).length;
  const index = await indexOf(repository, digest);
  const manifests = [...index.manifests, { mediaType: accept, digest: artifact, size }];
  const put = await repository.put(digest.replace(':', '-'), JSON.stringify({ ...index, manifests }), INDEX);
  if (!put.ok) throw new Error(`${put.status} ${await put.text()}`);
}
