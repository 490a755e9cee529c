import { CreateRepositoryCommand, DescribeImagesCommand, ListImagesCommand } from '@aws-sdk/client-ecr';
import { describe, expect, test } from '@jest/globals';
import { useSandboxes } from '../../support/action.ts';
import { checkOut } from '../../support/checkout.ts';
import { buildPushImage, ecrOf, REPOSITORY, SHA } from '../../support/image.ts';
import { useLayouts } from '../../support/layouts.ts';
import { expectExample } from '../../support/error-example.ts';

const sandboxOf = useSandboxes();
const layoutOf = useLayouts();
const inputs = { 'oci-layout': 'image' };

test('the default tag is the checked-out commit, or the input commit', async () => {
  const sandbox = await sandboxOf();
  const image = layoutOf(['one']);
  const [checkedOut, given] = ['b'.repeat(40), 'c'.repeat(40)];
  checkOut(image.workspace, checkedOut);
  const run = await buildPushImage(sandbox, inputs, image);
  expect(run.outputs).toMatchObject({ verdict: 'pushed', tag: checkedOut, commit: checkedOut });
  expect(run.log).toContain(`::notice::Using commit ${checkedOut} instead of GITHUB_SHA (${SHA}).`);
  const named = await buildPushImage(sandbox, { ...inputs, commit: given }, image);
  expect(named.outputs).toMatchObject({ verdict: 'reused', tag: given, commit: given });
});

describe('an immutable tag', () => {
  test('that already points to this image is accepted, so that a job can be re-run', async () => {
    const sandbox = await sandboxOf();
    const image = layoutOf(['one']);
    await buildPushImage(sandbox, inputs, image);
    const run = await buildPushImage(sandbox, inputs, image);
    expect(run.outputs).toMatchObject({ verdict: 'reused', digest: image.digest, tag: SHA });
    expect(sandbox.calls.of('PutManifest').filter(({ status }) => status !== 201)).toEqual([]);
  });

  test('that points to another image fails, and no other tag is set', async () => {
    const sandbox = await sandboxOf();
    const first = layoutOf(['one']);
    await buildPushImage(sandbox, { ...inputs, tags: 'v1, env-dev' }, first);
    const second = layoutOf(['two']);
    const run = await buildPushImage(sandbox, { ...inputs, tags: 'env-dev, new, v1' }, second);
    expect(run.exitCode).toBe(1);
    expect(run.outputs).toMatchObject({ verdict: 'failed', repository: REPOSITORY });
    expect(run.outputs['reason']).toBe(
      `The tag v1 of ${REPOSITORY} is immutable and points to ${first.digest}, not to ${second.digest}. ` +
        'Use another tag for this image. The image is in the repository, but not all tags were set.',
    );
    expectExample('tag-conflict', run);
    const command = new ListImagesCommand({ repositoryName: REPOSITORY });
    const { imageIds = [] } = await ecrOf(sandbox).send(command);
    expect(imageIds).toEqual(
      expect.arrayContaining([
        { imageDigest: first.digest, imageTag: 'env-dev' },
        { imageDigest: first.digest, imageTag: 'v1' },
        { imageDigest: second.digest },
      ]),
    );
    expect(imageIds).toHaveLength(3);
  });

  test('with a mutability exclusion moves', async () => {
    const sandbox = await sandboxOf();
    await buildPushImage(sandbox, { ...inputs, tags: 'env-dev' }, layoutOf(['one']));
    const second = layoutOf(['two']);
    const run = await buildPushImage(sandbox, { ...inputs, tags: 'env-dev' }, second);
    expect(run.outputs['verdict']).toBe('pushed');
    const imageIds = [{ imageTag: 'env-dev' }];
    const found = await ecrOf(sandbox).send(
      new DescribeImagesCommand({ repositoryName: REPOSITORY, imageIds }),
    );
    expect(found.imageDetails?.[0]?.imageDigest).toBe(second.digest);
  });

  test('that another run sets at the same time is detected', async () => {
    const sandbox = await sandboxOf();
    await buildPushImage(sandbox, { ...inputs, tags: 'v1' }, layoutOf(['one']));
    // The second response to the look-up is empty, as if the tag had not been visible yet.
    sandbox.addFault({
      service: 'registry',
      operation: 'GetManifest',
      nth: 4,
      kind: 'error',
      status: 404,
      code: 'MANIFEST_UNKNOWN',
    });
    const run = await buildPushImage(sandbox, { ...inputs, tags: 'v1' }, layoutOf(['two']));
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toContain('is immutable and points to');
    expect(sandbox.calls.of('PutManifest').at(-1)?.code).toBe('TAG_INVALID');
  });
});

describe('a repository', () => {
  test('that does not exist is not created', async () => {
    const sandbox = await sandboxOf();
    const run = await buildPushImage(sandbox, { ...inputs, 'create-repository': 'false' }, layoutOf(['one']));
    expect(run.outputs).toMatchObject({
      verdict: 'failed',
      reason: `The repository ${REPOSITORY} does not exist. Create it first, or let build-push-image create it with create-repository: true. Nothing was pushed.`,
    });
    expect(sandbox.calls.of('CreateRepository')).toEqual([]);
  });

  test('that exists is not changed', async () => {
    const sandbox = await sandboxOf();
    await ecrOf(sandbox).send(new CreateRepositoryCommand({ repositoryName: REPOSITORY }));
    sandbox.calls.all.length = 0;
    const run = await buildPushImage(sandbox, inputs, layoutOf(['one']));
    expect(run.outputs['verdict']).toBe('pushed');
    const called = sandbox.calls.where({ service: 'ecr' }).map(({ operation }) => operation);
    expect(new Set(called)).toEqual(
      new Set(['DescribeRepositories', 'GetAuthorizationToken', 'DescribeImages']),
    );
  });

  test.each([
    ['ecr', 'DescribeRepositories', 'Failed to read'],
    ['ecr', 'CreateRepository', 'Failed to create'],
    ['ecr', 'GetAuthorizationToken', 'AccessDeniedException'],
    ['registry', 'StartUpload', 'DENIED'],
    ['registry', 'PutManifest', 'DENIED'],
  ])('that denies %s %s fails with the reason, and nothing is tagged', async (service, operation, said) => {
    const sandbox = await sandboxOf();
    const code = service === 'ecr' ? 'AccessDeniedException' : 'DENIED';
    const status = service === 'ecr' ? 400 : 403;
    const message = `User: x is not authorized to perform: ecr:${operation}`;
    sandbox.addFault({ service, operation, kind: 'error', code, status, message, times: 1000 });
    const run = await buildPushImage(sandbox, inputs, layoutOf(['one']));
    expect(run.exitCode).toBe(1);
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toContain(said);
    expect(run.outputs['reason']).toContain('not authorized to perform');
    expect(run.summary).toContain('not authorized to perform');
    expect(sandbox.calls.of('PutManifest').filter(({ status: answered }) => answered === 201)).toEqual([]);
  });
});

test('appends the image to GITHUB_ARTIFACTS if it is set', async () => {
  const sandbox = await sandboxOf();
  const image = layoutOf(['one'], { artifacts: 'before\n' });
  const GITHUB_ARTIFACTS = `${image.workspace}/artifacts`;
  const run = await buildPushImage(sandbox, inputs, { ...image, env: { GITHUB_ARTIFACTS } });
  expect(image.read('artifacts')).toBe(`before\noci://${run.outputs['image'] ?? ''}\n`);
});
