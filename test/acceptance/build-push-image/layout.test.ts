import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  BatchGetImageCommand,
  DescribeRepositoriesCommand,
  GetLifecyclePolicyCommand,
} from '@aws-sdk/client-ecr';
import { describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { buildPushImage, ecrOf, REPOSITORY, SHA } from '../../support/image.ts';
import { useLayouts } from '../../support/layouts.ts';
import { LayoutWriter, packFolder } from '../../support/oci.ts';
import { expectResultExample } from '../../support/result-example.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const layoutOf = useLayouts();

async function tagged(sandbox: Sandbox, tag: string): Promise<string | undefined> {
  const command = new BatchGetImageCommand({ repositoryName: REPOSITORY, imageIds: [{ imageTag: tag }] });
  const { images = [] } = await ecrOf(sandbox).send(command);
  return images[0]?.imageId?.imageDigest;
}

describe('a ready layout', () => {
  test('is pushed, without Docker, under its own digest', async () => {
    const sandbox = await sandboxOf();
    const { workspace, digest } = layoutOf([randomBytes(3_000_000), randomBytes(10)]);
    const run = await buildPushImage(sandbox, { 'oci-layout': 'image' }, { workspace });
    expect(run.outputs).toMatchObject({
      verdict: 'pushed',
      digest,
      tag: SHA,
      repository: REPOSITORY,
      reused: 'false',
      size: '3000010',
      scan: 'off',
    });
    expect(run.outputs['image']).toMatch(new RegExp(`^127\\.0\\.0\\.1:\\d+/.*/${REPOSITORY}@${digest}$`));
    expect(run.exitCode).toBe(0);
    await expectResultExample(run);
    expect(await tagged(sandbox, SHA)).toBe(digest);
    expect(run.summary).toContain('3.0 MB');
    expect(sandbox.calls.of('PutUpload')).toHaveLength(3);
  });

  test('that is already in the registry transfers nothing', async () => {
    const sandbox = await sandboxOf();
    const { workspace, digest } = layoutOf(['one']);
    await buildPushImage(sandbox, { 'oci-layout': 'image' }, { workspace });
    sandbox.calls.all.length = 0;
    const run = await buildPushImage(sandbox, { 'oci-layout': 'image', tags: 'v1, v1.0' }, { workspace });
    expect(run.outputs).toMatchObject({ verdict: 'reused', reused: 'true', digest, tag: 'v1' });
    expect(sandbox.calls.where({ service: 'registry' }).map(({ operation }) => operation)).not.toContain(
      'StartUpload',
    );
    expect(await tagged(sandbox, 'v1.0')).toBe(digest);
  });

  test('in a tar is unpacked first', async () => {
    const sandbox = await sandboxOf();
    const { workspace, digest, layout } = layoutOf(['one', 'two']);
    await packFolder(layout.folder, join(workspace, 'image.tar'));
    const run = await buildPushImage(sandbox, { 'oci-layout': 'image.tar' }, { workspace });
    expect(run.outputs).toMatchObject({ verdict: 'pushed', digest });
  });

  test('for several platforms is pushed as an index', async () => {
    const sandbox = await sandboxOf();
    const workspace = workspaceOf({});
    const layout = new LayoutWriter(join(workspace, 'image'));
    const index = layout.index([
      layout.image(['shared', 'amd'], 'amd64'),
      layout.image(['shared', 'arm'], 'arm64'),
    ]);
    layout.finish(index);
    const run = await buildPushImage(sandbox, { 'oci-layout': 'image' }, { workspace });
    expect(run.outputs).toMatchObject({ verdict: 'pushed', digest: index.digest, size: '18' });
    expect(run.summary).toContain('linux/arm64');
    expect(await tagged(sandbox, SHA)).toBe(index.digest);
  });

  test('transfers only the missing blobs', async () => {
    const sandbox = await sandboxOf();
    const shared = randomBytes(100_000);
    await buildPushImage(sandbox, { 'oci-layout': 'image', tags: 'v1' }, layoutOf([shared, 'old']));
    sandbox.calls.all.length = 0;
    const run = await buildPushImage(
      sandbox,
      { 'oci-layout': 'image', tags: 'v2' },
      layoutOf([shared, 'new']),
    );
    expect(run.outputs['verdict']).toBe('pushed');
    expect(run.result['push']).toMatchObject({ pushedBlobs: 2, presentBlobs: 1, presentBytes: 100_000 });
    expect(sandbox.calls.of('PutUpload')).toHaveLength(2);
    expect(run.summary).toContain('| unchanged |');
  });
});

test('a repository is created with safe settings, once', async () => {
  const sandbox = await sandboxOf();
  await buildPushImage(sandbox, { 'oci-layout': 'image' }, layoutOf(['one']));
  await buildPushImage(sandbox, { 'oci-layout': 'image', tags: 'next' }, layoutOf(['two']));
  expect(sandbox.calls.of('CreateRepository')).toHaveLength(1);
  const repositoryName = REPOSITORY;
  const client = ecrOf(sandbox);
  const { repositories = [] } = await client.send(new DescribeRepositoriesCommand({}));
  expect(repositories[0]).toMatchObject({
    imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
    imageTagMutabilityExclusionFilters: [
      { filterType: 'WILDCARD', filter: 'env-*' },
      { filterType: 'WILDCARD', filter: 'cache-*' },
      { filterType: 'WILDCARD', filter: 'sha256-*' },
    ],
    imageScanningConfiguration: { scanOnPush: true },
    encryptionConfiguration: { encryptionType: 'KMS' },
  });
  const policy = await client.send(new GetLifecyclePolicyCommand({ repositoryName }));
  expect(policy.lifecyclePolicyText).toContain('env-*');
});
