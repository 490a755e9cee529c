import { randomBytes } from 'node:crypto';
import {
  BatchGetImageCommand,
  DescribeImagesCommand,
  ListImageReferrersCommand,
  PutAccountSettingCommand,
} from '@aws-sdk/client-ecr';
import { describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../../sandbox/index.ts';
import { ecrClient } from '../../../../src/aws/clients.ts';
import { copyImage } from '../../../../src/images/registry/copy/copy-image.ts';
import type { CopyReport } from '../../../../src/images/registry/copy/copy-image.ts';
import { DEV, useSandboxes } from '../../../support/action.ts';
import { REPOSITORY } from '../../../support/image.ts';
import { pushMultiPlatform, pushReferrer } from '../../../support/multi-platform.ts';
import { sha256 } from '../../../support/oci.ts';
import { RegistrySession } from '../../../support/registry.ts';
import { contextOf } from './context.ts';

const STAGING = '222222222222';
const OTHER = 'shop/other';
const sandboxOf = useSandboxes();
const untagged = { imageTagMutability: 'IMMUTABLE' } as const;

const placeOf = ({ client, uri }: RegistrySession, name = REPOSITORY) => ({ client, uri, name });

async function twoAccounts(sandbox: Sandbox) {
  const source = await RegistrySession.open(sandbox, untagged, DEV);
  const target = await RegistrySession.open(sandbox, untagged, STAGING);
  const copy = (digest: string): Promise<CopyReport> =>
    copyImage(placeOf(source), placeOf(target), digest, contextOf());
  return { source, target, copy };
}

/** The product's client, with retries, for an account of the sandbox. */
function ownClient(sandbox: Sandbox, account: string) {
  const env = sandbox.env(account);
  process.env['AWS_ENDPOINT_URL'] = sandbox.url;
  const credentials = {
    accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
  };
  return ecrClient({ region: 'eu-west-1', credentials }, contextOf());
}

/** The number of calls of ECR's API and of its registry since then. */
function counter(sandbox: Sandbox) {
  const from = sandbox.calls.all.length;
  return () => sandbox.calls.all.slice(from).map(({ operation }) => operation);
}

async function manifestOf({ client }: RegistrySession, imageDigest: string): Promise<string | undefined> {
  const command = new BatchGetImageCommand({ repositoryName: REPOSITORY, imageIds: [{ imageDigest }] });
  const { images = [] } = await client.send(command);
  return images[0]?.imageManifest;
}

describe('to another account', () => {
  test('an image of two platforms arrives byte for byte, with its attestations', async () => {
    const sandbox = await sandboxOf();
    const { source, target, copy } = await twoAccounts(sandbox);
    const { digest, children } = await pushMultiPlatform(source, 'v1');
    const report = await copy(digest);
    expect(report).toMatchObject({ digest, state: 'copied', manifests: 5, mountedBlobs: 0, tags: ['v1'] });
    expect(report.copiedBlobs).toBe(9);
    for (const each of [digest, ...children]) {
      const [before, after] = [await manifestOf(source, each), await manifestOf(target, each)];
      expect(after).toBe(before);
      expect(sha256(after ?? '')).toBe(each);
    }
  });

  test('the second copy transfers nothing and makes few calls', async () => {
    const sandbox = await sandboxOf();
    const { source, copy } = await twoAccounts(sandbox);
    const { digest } = await pushMultiPlatform(source, 'v1');
    await copy(digest);
    const calls = counter(sandbox);
    expect(await copy(digest)).toMatchObject({ state: 'present', copiedBytes: 0, manifests: 0 });
    const lists = Array<string>(5).fill('ListImageReferrers');
    expect(calls().sort()).toEqual(['BatchGetImage', 'BatchGetImage', ...lists]);
  });

  test('transfers only missing layers', async () => {
    const sandbox = await sandboxOf();
    const { source, copy } = await twoAccounts(sandbox);
    const layers = { shared: randomBytes(100_000), own: (name: string) => name };
    const first = await pushMultiPlatform(source, 'v1', layers);
    await copy(first.digest);
    const second = await pushMultiPlatform(source, 'v2', { ...layers, own: (name) => `${name} v2` });
    const report = await copy(second.digest);
    expect(report.presentBytes).toBeGreaterThanOrEqual(100_000);
    expect(report.copiedBytes).toBeLessThan(2000);
  });

  test('copies signatures and SBOMs by reference and by tag, and their signatures', async () => {
    const sandbox = await sandboxOf();
    const { source, target, copy } = await twoAccounts(sandbox);
    const { digest } = await pushMultiPlatform(source, 'v1');
    const sbom = await pushReferrer(source, digest, 'sbom');
    const signature = await pushReferrer(source, sbom, 'signature of the sbom');
    const tag = `${digest.replace(':', '-')}.sig`;
    const tagged = await pushReferrer(source, digest, 'signature', tag);
    expect(await copy(digest)).toMatchObject({ attachments: 3, manifests: 8 });
    const list = async (imageDigest: string) =>
      target.client.send(
        new ListImageReferrersCommand({ repositoryName: REPOSITORY, subjectId: { imageDigest } }),
      );
    expect((await list(digest)).referrers?.map((referrer) => referrer.digest)).toEqual([sbom]);
    expect((await list(sbom)).referrers?.map((referrer) => referrer.digest)).toEqual([signature]);
    const { imageDetails } = await target.client.send(
      new DescribeImagesCommand({ repositoryName: REPOSITORY, imageIds: [{ imageTag: tag }] }),
    );
    expect(imageDetails?.[0]?.imageDigest).toBe(tagged);
  });

  test('later signatures are copied by the next copy', async () => {
    const sandbox = await sandboxOf();
    const { source, copy } = await twoAccounts(sandbox);
    const { digest } = await pushMultiPlatform(source, 'v1');
    await copy(digest);
    await pushReferrer(source, digest, 'signature');
    expect(await copy(digest)).toMatchObject({ state: 'copied', attachments: 1, manifests: 1 });
    const calls = counter(sandbox);
    expect(await copy(digest)).toMatchObject({ state: 'present' });
    expect(calls().filter((call) => call === 'ListImageReferrers')).toHaveLength(6);
    expect(calls().filter((call) => call !== 'ListImageReferrers').length).toBeLessThanOrEqual(4);
  });

  test('a tag of another image is not moved; the image gets its own tag', async () => {
    const sandbox = await sandboxOf();
    const { source, target, copy } = await twoAccounts(sandbox);
    const { digest } = await pushMultiPlatform(source, 'v1');
    const other = await target.image('v1');
    const report = await copy(digest);
    expect(report.tags).toEqual([`release-${digest.slice(7, 23)}`]);
    const { imageDetails } = await target.client.send(
      new DescribeImagesCommand({ repositoryName: REPOSITORY, imageIds: [{ imageTag: 'v1' }] }),
    );
    expect(imageDetails?.[0]?.imageDigest).toBe(other);
  });

  test('a missing image is an error with its repository', async () => {
    const sandbox = await sandboxOf();
    const { copy } = await twoAccounts(sandbox);
    const digest = sha256('nothing');
    await expect(copy(digest)).rejects.toThrow(
      `The image ${digest} does not exist in the source repository ${REPOSITORY}`,
    );
  });
});

describe('within one registry', () => {
  test('layers are mounted if the account shares them', async () => {
    const sandbox = await sandboxOf();
    const source = await RegistrySession.open(sandbox, untagged);
    const target = await RegistrySession.open(sandbox, { ...untagged, repositoryName: OTHER });
    await source.client.send(new PutAccountSettingCommand({ name: 'BLOB_MOUNTING', value: 'ENABLED' }));
    const { digest } = await pushMultiPlatform(source, 'v1');
    const report = await copyImage(placeOf(source), placeOf(target, OTHER), digest, contextOf());
    expect(report).toMatchObject({ state: 'copied', copiedBlobs: 0, copiedBytes: 0, mountedBlobs: 9 });
  });

  test('and copied otherwise', async () => {
    const sandbox = await sandboxOf();
    const source = await RegistrySession.open(sandbox, untagged);
    const target = await RegistrySession.open(sandbox, { ...untagged, repositoryName: OTHER });
    const { digest } = await pushMultiPlatform(source, 'v1');
    const report = await copyImage(placeOf(source), placeOf(target, OTHER), digest, contextOf());
    expect(report).toMatchObject({ state: 'copied', copiedBlobs: 9, mountedBlobs: 0 });
  });

  test('the same repository needs nothing', async () => {
    const sandbox = await sandboxOf();
    const source = await RegistrySession.open(sandbox, untagged);
    const { digest } = await pushMultiPlatform(source, 'v1');
    const calls = counter(sandbox);
    const report = await copyImage(placeOf(source), placeOf(source), digest, contextOf());
    expect(report.state).toBe('same');
    expect(calls()).toEqual(['BatchGetImage']);
  });
});

describe('when the network fails', () => {
  test.each([
    { kind: 'reset', service: 'registry', operation: 'DownloadLayer', times: 2 },
    { kind: 'malformed', service: 'registry', operation: 'DownloadLayer', times: 2 },
    { kind: 'status', status: 503, service: 'registry', operation: 'DownloadLayer' },
    { kind: 'reset', service: 'registry', operation: 'PutUpload', after: true },
    { kind: 'reset', service: 'ecr', operation: 'PutImage', after: true },
    { kind: 'throttle', service: 'ecr', operation: 'GetDownloadUrlForLayer', times: 3 },
  ] as const)('$kind of $operation: the copy is complete', async (fault) => {
    const sandbox = await sandboxOf();
    const { source, target } = await twoAccounts(sandbox);
    const { digest } = await pushMultiPlatform(source, 'v1');
    sandbox.addFault(fault);
    const report = await copyImage(
      { ...placeOf(source), client: await ownClient(sandbox, DEV) },
      { ...placeOf(target), client: await ownClient(sandbox, STAGING) },
      digest,
      contextOf(),
    );
    expect(report).toMatchObject({ state: 'copied', manifests: 5 });
    expect(sha256((await manifestOf(target, digest)) ?? '')).toBe(digest);
  });

  test('a missing or denied repository is an error', async () => {
    const sandbox = await sandboxOf();
    const source = await RegistrySession.open(sandbox, untagged);
    const { digest } = await pushMultiPlatform(source, 'v1');
    const target = { client: source.client, name: 'shop/none', uri: `${source.uri}-none` };
    await expect(copyImage(placeOf(source), target, digest, contextOf())).rejects.toThrow(
      "The repository with name 'shop/none' does not exist",
    );
  });
});
