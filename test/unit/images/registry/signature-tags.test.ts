import { afterAll, describe, expect, test } from '@jest/globals';
import type { CreateRepositoryCommandInput } from '@aws-sdk/client-ecr';
import { copyImage } from '../../../../src/images/registry/copy/copy-image.ts';
import { mergeReferrers, mergeTagged } from '../../../../src/images/registry/copy/merge.ts';
import { openRepository } from '../../../../src/images/registry/repository.ts';
import { parseManifest } from '../../../../src/images/registry/manifest.ts';
import { readTemplate } from '../../../../scripts/templates/template.ts';
import { useSandboxes } from '../../../support/action.ts';
import { ecrOf } from '../../../support/image.ts';
import { sha256 } from '../../../support/oci.ts';
import { fc } from '../../../support/property.ts';
import { CONFIG_TYPE, IMAGE_TYPE, RegistrySession } from '../../../support/registry.ts';
import { contextOf } from './context.ts';

const sandboxOf = useSandboxes();
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
const SIGNATURE = 'dev.cosignproject.cosign/signature';

/** A manifest as cosign stores signatures under a tag: all of one payload, which differ in their annotations. */
function signatures(names: readonly string[], configType = CONFIG_TYPE): string {
  const layers = names.map((name) => ({
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    digest: sha256('payload'),
    size: 'payload'.length,
    annotations: { [SIGNATURE]: name },
  }));
  const config = { mediaType: configType, digest: sha256('{}'), size: 2 };
  return JSON.stringify({ schemaVersion: 2, mediaType: IMAGE_TYPE, config, layers });
}

const manifestOf = (text: string, type = IMAGE_TYPE) => parseManifest(Buffer.from(text), type);

function namesIn(text: string): string[] {
  const { layers = [] } = JSON.parse(text) as { layers?: { annotations: Record<string, string> }[] };
  return layers.map(({ annotations }) => annotations[SIGNATURE] ?? '');
}

let cases = 0;
afterAll(() => {
  process.stdout.write(`${cases} merges were tried.\n`);
});

describe('a merge of signatures', () => {
  test('keeps all, adds all, and does nothing the second time', () => {
    const some = fc.subarray(['a', 'b', 'c', 'd', 'e', 'f']);
    const property = fc.property(some, some, (ours, theirs) => {
      cases++;
      const merged = mergeTagged('x.sig', manifestOf(signatures(ours)), manifestOf(signatures(theirs)));
      const expected = [...new Set([...theirs, ...ours])].toSorted();
      if (merged.kind === 'conflict') throw new Error(merged.why);
      if (merged.kind === 'present') {
        expect(theirs.toSorted()).toEqual(expected);
        return;
      }
      const text = merged.manifest.bytes.toString();
      expect(namesIn(text).toSorted()).toEqual(expected);
      expect(merged.added).toBe(expected.length - theirs.length);
      expect(mergeTagged('x.sig', manifestOf(signatures(ours)), manifestOf(text)).kind).toBe('present');
      if (!merged.config) return;
      const { rootfs } = JSON.parse(merged.config.toString()) as { rootfs: { diff_ids: string[] } };
      expect(rootfs.diff_ids).toHaveLength(expected.length);
    });
    fc.assert(property, { numRuns: 2000 });
  });

  test.each([
    ['an SBOM', 'x.sbom', signatures(['a']), signatures(['b']), 'has another SBOM'],
    ['other content', 'x.sig', signatures(['a']), signatures(['b'], 'text/plain'), 'cannot be merged'],
    ['content that is new', 'x.att', signatures(['a'], 'text/plain'), signatures(['b']), 'cannot be merged'],
    [
      'more than cosign reads',
      'x.sig',
      signatures(['new']),
      signatures(Array.from({ length: 1000 }, (_, index) => String(index))),
      'would have more than 1000 signatures',
    ],
  ])('does not change %s', (_, tag, ours, theirs, why) => {
    const merged = mergeTagged(tag, manifestOf(ours), manifestOf(theirs));
    expect(merged).toEqual({ kind: 'conflict', why: expect.stringContaining(why) });
  });

  test('does not change an index', () => {
    const index = manifestOf(JSON.stringify({ schemaVersion: 2, manifests: [child('a')] }), INDEX_TYPE);
    expect(mergeTagged('x.sig', manifestOf(signatures(['a'])), index).kind).toBe('conflict');
  });
});

function child(name: string) {
  return { mediaType: IMAGE_TYPE, digest: sha256(name), size: 1, artifactType: `type/${name}` };
}

describe('a merge of the list of referrers', () => {
  const listOf = (names: readonly string[]) =>
    manifestOf(
      JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: names.map(child) }),
      INDEX_TYPE,
    );

  test.each([
    [['a'], undefined, ['a']],
    [
      ['a', 'b'],
      ['b', 'c'],
      ['b', 'c', 'a'],
    ],
    [['a'], ['a'], undefined],
    [['a'], ['a', 'b'], undefined],
  ])('of %j and %j', (ours, theirs, expected) => {
    const merged = mergeReferrers(sha256('image'), ours.map(child), theirs && listOf(theirs));
    cases++;
    if (!expected) {
      expect(merged).toEqual({ kind: 'present' });
      return;
    }
    if (merged.kind !== 'put') throw new Error(merged.kind);
    expect(JSON.parse(merged.manifest.bytes.toString())).toEqual({
      schemaVersion: 2,
      mediaType: INDEX_TYPE,
      manifests: expected.map(child),
    });
  });

  test('does not change other content', () => {
    const image = listOf(['amd64', 'arm64']);
    for (const theirs of [image, manifestOf(signatures(['a']))]) {
      expect(mergeReferrers(image.digest, [child('a')], theirs).kind).toBe('conflict');
    }
  });
});

const TARGETS: Record<string, Partial<CreateRepositoryCommandInput>> = {
  mutable: { imageTagMutability: 'MUTABLE' },
  immutable: { imageTagMutability: 'IMMUTABLE' },
  'immutable but for sha256-*': {
    imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
    imageTagMutabilityExclusionFilters: [{ filterType: 'WILDCARD', filter: 'sha256-*' }],
  },
  'mutable but for sha256-*': {
    imageTagMutability: 'MUTABLE_WITH_EXCLUSION',
    imageTagMutabilityExclusionFilters: [{ filterType: 'WILDCARD', filter: 'sha256-*' }],
  },
};
/** The target's signatures before the copy; the source has a and b. */
const THERE: readonly string[][] = [[], ['a', 'b'], ['a'], ['a', 'b', 'c'], ['c'], ['b', 'c']];
const MATRIX = Object.keys(TARGETS).flatMap((target) =>
  ['sig', 'att', 'sbom'].map((suffix) => [suffix, target] as const),
);

describe('a copy into a repository', () => {
  test.each(MATRIX)('.%s, %s: nothing is lost, and the rest is reported', async (suffix, kind) => {
    const sandbox = await sandboxOf();
    for (const [index, before] of THERE.entries()) {
      const repositoryName = `shop/app-${index}`;
      const open = (settings: Partial<CreateRepositoryCommandInput>, account: string) =>
        RegistrySession.open(sandbox, { ...settings, repositoryName }, account);
      const source = await open({ imageTagMutability: 'MUTABLE' }, '111111111111');
      const target = await open(TARGETS[kind] ?? {}, '222222222222');
      const digest = await source.image('v1');
      const tag = `${digest.replace(':', '-')}.${suffix}`;
      await putSignatures(source, tag, ['a', 'b']);
      if (before.length > 0) await putSignatures(target, tag, before);
      const placeOf = ({ client, uri }: RegistrySession) => ({ client, uri, name: repositoryName });
      const copy = () => copyImage(placeOf(source), placeOf(target), digest, contextOf());
      const report = await copy();
      cases++;
      const after = await signaturesIn(target, tag);
      expect(after).toEqual(expect.arrayContaining([...before]));
      const isWhole = ['a', 'b'].every((name) => after.includes(name));
      const hasAll = ['a', 'b'].every((name) => before.includes(name));
      const cannotMove = kind === 'immutable' || kind === 'mutable but for sha256-*';
      const isOtherSbom = suffix === 'sbom' && before.includes('c');
      expect(isWhole).toBe(hasAll || before.length === 0 || (!cannotMove && !isOtherSbom));
      expect(report.notes).toHaveLength(hasAll || before.length === 0 ? 0 : 1);
      const told = isWhole ? /^$|added \d attachments? to the existing \d/ : /immutable|not changed/;
      expect(report.notes.join()).toMatch(told);
      expect(await copy()).toMatchObject({ state: 'present', attachments: 0, manifests: 0 });
      expect(await signaturesIn(target, tag)).toEqual(after);
    }
  });
});

async function putSignatures(session: RegistrySession, tag: string, names: readonly string[]): Promise<void> {
  await session.upload('payload');
  await session.upload('{}');
  const answer = await session.put(tag, signatures(names));
  if (answer.status !== 201) throw new Error(await answer.text());
}

async function signaturesIn(session: RegistrySession, tag: string): Promise<string[]> {
  const answer = await session.fetch('GET', `manifests/${tag}`, { headers: { accept: IMAGE_TYPE } });
  return answer.status === 404 ? [] : namesIn(await answer.text());
}

test('these tags are mutable in repositories of the template and of create-repository', async () => {
  const sandbox = await sandboxOf();
  const created = await openRepository(ecrOf(sandbox), 'shop/created', { create: true }, contextOf());
  const resources = Object.values(readTemplate('registry').Resources);
  const filters = resources
    .filter(({ Type }) => Type === 'AWS::ECR::Repository')
    .map(
      ({ Properties = {} }) =>
        Properties['ImageTagMutabilityExclusionFilters'] as unknown as TemplateFilter[],
    );
  expect(filters.length).toBeGreaterThan(0);
  const repositories = [created];
  for (const [index, template] of filters.entries()) {
    const repositoryName = `shop/template-${index}`;
    const settings = template.map((one) => ({
      filterType: one.ImageTagMutabilityExclusionFilterType,
      filter: one.ImageTagMutabilityExclusionFilterValue,
    }));
    await RegistrySession.open(sandbox, {
      repositoryName,
      imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
      imageTagMutabilityExclusionFilters: settings,
    });
    repositories.push(await openRepository(ecrOf(sandbox), repositoryName, { create: false }, contextOf()));
  }
  const list = sha256('image').replace(':', '-');
  for (const repository of repositories) {
    const tags = [list, `${list}.sig`, `${list}.att`, `${list}.sbom`, 'v1'];
    expect(tags.filter((tag) => repository.isImmutable(tag))).toEqual(['v1']);
  }
});

interface TemplateFilter {
  ImageTagMutabilityExclusionFilterType: 'WILDCARD';
  ImageTagMutabilityExclusionFilterValue: string;
}
