import {
  BatchCheckLayerAvailabilityCommand,
  BatchDeleteImageCommand,
  BatchGetImageCommand,
  CompleteLayerUploadCommand,
  CreateRepositoryCommand,
  DeleteRepositoryCommand,
  DescribeImageScanFindingsCommand,
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  GetDownloadUrlForLayerCommand,
  InitiateLayerUploadCommand,
  ListImageReferrersCommand,
  ListImagesCommand,
  PutAccountSettingCommand,
  PutImageCommand,
  SetRepositoryPolicyCommand,
  StartImageScanCommand,
  UploadLayerPartCommand,
} from '@aws-sdk/client-ecr';
import { describe, expect, test } from '@jest/globals';
import type { SandboxOptions } from '../../../../sandbox/index.ts';
import { ecrOf, REPOSITORY } from '../../../support/image.ts';
import { sha256 } from '../../../support/oci.ts';
import { authorizationOf, CONFIG_TYPE, IMAGE_TYPE, RegistrySession } from '../../../support/registry.ts';
import { refusal, sandboxOf, STAGING } from '../clients.ts';

const repositoryName = REPOSITORY;

async function sessionOf(
  settings: Parameters<typeof RegistrySession.open>[1] = {},
  options: SandboxOptions = {},
): Promise<RegistrySession> {
  return RegistrySession.open(await sandboxOf({ timeScale: 1000, ...options }), settings);
}

async function codeOf(answer: Response): Promise<string | undefined> {
  return ((await answer.json()) as { errors?: { code?: string }[] }).errors?.[0]?.code;
}

test('a listing has pages of 100 items, or up to 1000 if requested', async () => {
  const session = await sessionOf();
  const manifest = await session.manifest();
  for (let index = 0; index < 101; index++) await session.put(`tag-${index}`, manifest);
  await session.put(sha256(`${manifest} `), `${manifest} `);
  for (let index = 1; index < 101; index++) {
    await session.client.send(new CreateRepositoryCommand({ repositoryName: `more/r${index}` }));
  }
  const list = (more: object) => session.client.send(new ListImagesCommand({ repositoryName, ...more }));
  const page = await list({});
  expect(page.imageIds).toHaveLength(100);
  expect((await list({ nextToken: page.nextToken })).imageIds).toHaveLength(2);
  expect((await list({ maxResults: 1000 })).imageIds).toHaveLength(102);
  expect((await list({ maxResults: 1000, filter: { tagStatus: 'TAGGED' } })).imageIds).toHaveLength(101);
  expect((await list({ filter: { tagStatus: 'UNTAGGED' } })).imageIds).toHaveLength(1);
  const repositories = await session.client.send(new DescribeRepositoriesCommand({}));
  expect(repositories.repositories).toHaveLength(100);
  const rest = new DescribeRepositoriesCommand({ nextToken: repositories.nextToken });
  expect((await session.client.send(rest)).repositories).toHaveLength(1);
  const both = new DescribeImagesCommand({
    repositoryName,
    imageIds: [{ imageTag: 'tag-1' }],
    maxResults: 1000,
  });
  expect((await refusal(session.client.send(both))).name).toBe('InvalidParameterException');
});

describe('a repository', () => {
  test('is created once with its settings', async () => {
    const sandbox = await sandboxOf();
    const client = ecrOf(sandbox);
    const create = new CreateRepositoryCommand({ repositoryName, imageTagMutability: 'IMMUTABLE' });
    const { repository } = await client.send(create);
    expect(repository).toMatchObject({
      repositoryName,
      repositoryArn: `arn:aws:ecr:eu-west-1:111111111111:repository/${repositoryName}`,
      repositoryUri: `${new URL(sandbox.url).host}/111111111111/eu-west-1/${repositoryName}`,
      imageTagMutability: 'IMMUTABLE',
      imageScanningConfiguration: { scanOnPush: false },
      encryptionConfiguration: { encryptionType: 'AES256' },
    });
    expect((await refusal(client.send(create))).name).toBe('RepositoryAlreadyExistsException');
    const elsewhere = ecrOf(sandbox, STAGING).send(
      new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] }),
    );
    expect((await refusal(elsewhere)).name).toBe('RepositoryNotFoundException');
  });

  test.each([
    { repositoryName: 'Upper' },
    { repositoryName, imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION' as const },
    {
      repositoryName,
      imageTagMutabilityExclusionFilters: [{ filterType: 'WILDCARD' as const, filter: 'env-*' }],
    },
  ])('is refused as %j', async (input) => {
    const client = ecrOf(await sandboxOf());
    expect((await refusal(client.send(new CreateRepositoryCommand(input)))).name).toBe(
      'InvalidParameterException',
    );
  });

  test('with images is deleted only by force', async () => {
    const session = await sessionOf();
    await session.image('v1');
    const deleting = session.client.send(new DeleteRepositoryCommand({ repositoryName }));
    expect((await refusal(deleting)).name).toBe('RepositoryNotEmptyException');
    await session.client.send(new DeleteRepositoryCommand({ repositoryName, force: true }));
    expect((await session.client.send(new DescribeRepositoriesCommand({}))).repositories).toEqual([]);
  });
});

describe('the registry protocol', () => {
  test('requires authentication, with a challenge', async () => {
    const session = await sessionOf();
    const answer = await session.fetch('GET', 'tags/list', { headers: { authorization: 'Basic eDp5' } });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toMatch(
      /^Basic realm=".*",service="ecr\.amazonaws\.com"$/,
    );
  });

  test('accepts blobs in chunks or at once, and refuses a wrong digest', async () => {
    const session = await sessionOf();
    const started = await session.fetch('POST', 'blobs/uploads/');
    const path = (started.headers.get('location') ?? '').replace(/^.*\/blobs\//, 'blobs/');
    const first = await session.fetch('PATCH', path, { body: 'hel', headers: { 'content-range': '0-2' } });
    expect([first.status, first.headers.get('range')]).toEqual([202, '0-2']);
    const wrong = await session.fetch('PATCH', path, { body: 'lo', headers: { 'content-range': '7-8' } });
    expect(wrong.status).toBe(416);
    await session.fetch('PATCH', path, { body: 'lo', headers: { 'content-range': '3-4' } });
    const digest = sha256('hello');
    const done = await session.fetch('PUT', `${path}?digest=${digest}`);
    expect([done.status, done.headers.get('docker-content-digest')]).toEqual([201, digest]);
    const head = await session.fetch('HEAD', `blobs/${digest}`);
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '5']);

    const other = await session.fetch('POST', 'blobs/uploads/');
    const otherPath = (other.headers.get('location') ?? '').replace(/^.*\/blobs\//, 'blobs/');
    const mismatch = await session.fetch('PUT', `${otherPath}?digest=${sha256('x')}`, { body: 'y' });
    expect([mismatch.status, await codeOf(mismatch)]).toEqual([400, 'DIGEST_INVALID']);
    expect((await session.fetch('HEAD', `blobs/${sha256('x')}`)).status).toBe(404);
  });

  test('redirects to another host for the bytes of a blob', async () => {
    const session = await sessionOf();
    const digest = await session.upload('hello');
    const answer = await session.fetch('GET', `blobs/${digest}`);
    expect(answer.status).toBe(307);
    expect(await (await fetch(answer.headers.get('location') ?? '')).text()).toBe('hello');
  });

  test('refuses an invalid manifest, or one with missing parts', async () => {
    const session = await sessionOf();
    const absent = { mediaType: CONFIG_TYPE, digest: sha256('absent'), size: 6 };
    const manifest = JSON.stringify({ schemaVersion: 2, config: absent, layers: [] });
    expect(await codeOf(await session.put('v1', manifest))).toBe('MANIFEST_BLOB_UNKNOWN');
    expect(await codeOf(await session.put('v1', '{'))).toBe('MANIFEST_INVALID');
    expect(await codeOf(await session.put('v1', '{}', 'text/plain'))).toBe('MANIFEST_INVALID');
    const type = 'application/vnd.oci.image.index.v1+json';
    const index = JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      manifests: [{ ...absent, mediaType: IMAGE_TYPE }],
    });
    expect(await codeOf(await session.put('v1', index, type))).toBe('MANIFEST_BLOB_UNKNOWN');
    expect((await session.fetch('GET', 'manifests/v1')).status).toBe(404);
  });

  test('returns a manifest byte for byte, by tag and by digest', async () => {
    const session = await sessionOf();
    const manifest = `${await session.manifest()}\n`;
    await session.put(sha256(manifest), manifest);
    expect((await session.fetch('GET', 'manifests/v1')).status).toBe(404);
    await session.put('v1', manifest);
    const answer = await session.fetch('GET', 'manifests/v1');
    expect(answer.headers.get('docker-content-digest')).toBe(sha256(manifest));
    expect(await answer.text()).toBe(manifest);
    expect(await (await session.fetch('GET', 'tags/list')).json()).toMatchObject({ tags: ['v1'] });
  });

  test('does not find a repository that was not created', async () => {
    const session = await sessionOf();
    const other = await fetch(`http://${session.uri.replace('/', '/v2/')}x/blobs/uploads/`, {
      method: 'POST',
      headers: { authorization: session.authorization },
    });
    expect([other.status, await codeOf(other)]).toEqual([404, 'NAME_UNKNOWN']);
  });
});

describe('an immutable tag', () => {
  const settings = {
    imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION' as const,
    imageTagMutabilityExclusionFilters: [{ filterType: 'WILDCARD' as const, filter: 'env-*' }],
  };

  test('cannot move; an excluded one can', async () => {
    const session = await sessionOf(settings);
    await session.image('v1', 'one');
    await session.image('env-dev', 'one');
    const second = await session.manifest('two');
    expect(await codeOf(await session.put('v1', second))).toBe('TAG_INVALID');
    expect((await session.put('env-dev', second)).status).toBe(201);
  });

  test('is refused by the protocol and the API, even for the same image', async () => {
    const session = await sessionOf(settings);
    await session.image('v1');
    const same = await session.manifest();
    expect(await codeOf(await session.put('v1', same))).toBe('TAG_INVALID');
    const put = (imageManifest: string) =>
      refusal(session.client.send(new PutImageCommand({ repositoryName, imageManifest, imageTag: 'v1' })));
    expect((await put(same)).name).toBe('ImageAlreadyExistsException');
    expect((await put(await session.manifest('two'))).name).toBe('ImageTagAlreadyExistsException');
  });
});

describe('images', () => {
  test('are found by tag and digest, and can be tagged again with their manifest', async () => {
    const session = await sessionOf();
    const imageDigest = await session.image('v1');
    const get = new BatchGetImageCommand({
      repositoryName,
      imageIds: [{ imageTag: 'v1' }, { imageTag: 'v2' }],
    });
    const { images = [], failures } = await session.client.send(get);
    expect(images[0]?.imageId).toEqual({ imageDigest, imageTag: 'v1' });
    expect(failures).toMatchObject([{ failureCode: 'ImageNotFound', imageId: { imageTag: 'v2' } }]);
    const imageManifest = images[0]?.imageManifest ?? '';
    const wrong = new PutImageCommand({
      repositoryName,
      imageManifest: `${imageManifest} `,
      imageDigest,
      imageTag: 'v2',
    });
    expect((await refusal(session.client.send(wrong))).name).toBe('ImageDigestDoesNotMatchException');
    await session.client.send(
      new PutImageCommand({ repositoryName, imageManifest, imageDigest, imageTag: 'v2' }),
    );
    const { imageDetails } = await session.client.send(new DescribeImagesCommand({ repositoryName }));
    expect(imageDetails).toMatchObject([
      { imageDigest, imageTags: ['v1', 'v2'], imageManifestMediaType: IMAGE_TYPE },
    ]);
    await session.client.send(
      new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageTag: 'v1' }] }),
    );
    const listed = await session.client.send(new ListImagesCommand({ repositoryName }));
    expect(listed.imageIds).toEqual([{ imageDigest, imageTag: 'v2' }]);
  });

  test('that refer to another are listed with it', async () => {
    const session = await sessionOf();
    const subject = await session.image('v1');
    const signature = JSON.stringify({
      ...(JSON.parse(await session.manifest()) as object),
      artifactType: 'application/x-signature',
      subject: { mediaType: IMAGE_TYPE, digest: subject, size: 1 },
    });
    const put = await session.put(sha256(signature), signature);
    expect(put.headers.get('oci-subject')).toBe(subject);
    const list = new ListImageReferrersCommand({ repositoryName, subjectId: { imageDigest: subject } });
    const { referrers } = await session.client.send(list);
    expect(referrers).toMatchObject([{ digest: sha256(signature), artifactType: 'application/x-signature' }]);
    const index = await (await session.fetch('GET', `referrers/${subject}`)).json();
    expect(index).toMatchObject({ manifests: [{ digest: sha256(signature) }] });
  });
});

describe('layers', () => {
  test('are sent in parts and fetched by URL', async () => {
    const session = await sessionOf();
    const { client } = session;
    const digest = sha256('hello');
    const { uploadId, partSize } = await client.send(new InitiateLayerUploadCommand({ repositoryName }));
    expect(partSize).toBeGreaterThanOrEqual(5 * 1024 * 1024);
    const part = (text: string, partFirstByte: number) =>
      client.send(
        new UploadLayerPartCommand({
          repositoryName,
          uploadId,
          partFirstByte,
          partLastByte: partFirstByte + text.length - 1,
          layerPartBlob: Buffer.from(text),
        }),
      );
    await part('hel', 0);
    expect((await refusal(part('lo', 9))).name).toBe('InvalidLayerPartException');
    await part('lo', 3);
    await client.send(new CompleteLayerUploadCommand({ repositoryName, uploadId, layerDigests: [digest] }));
    const check = new BatchCheckLayerAvailabilityCommand({
      repositoryName,
      layerDigests: [digest, sha256('x'), 'bad'],
    });
    const { layers, failures } = await client.send(check);
    expect(layers).toMatchObject([
      { layerAvailability: 'AVAILABLE', layerSize: 5 },
      { layerAvailability: 'UNAVAILABLE' },
    ]);
    expect(failures).toHaveLength(1);
    const { downloadUrl = '' } = await client.send(
      new GetDownloadUrlForLayerCommand({ repositoryName, layerDigest: digest }),
    );
    expect(await (await fetch(downloadUrl)).text()).toBe('hello');
  });

  test('are mounted from another repository if the account allows it', async () => {
    const sandbox = await sandboxOf();
    const source = await RegistrySession.open(sandbox);
    const target = await RegistrySession.open(sandbox, { repositoryName: 'other' });
    const digest = await source.upload('hello');
    const from = source.uri.slice(source.uri.indexOf('/') + 1);
    const mount = () => target.fetch('POST', `blobs/uploads/?mount=${digest}&from=${from}`);
    expect((await mount()).status).toBe(202);
    await source.client.send(new PutAccountSettingCommand({ name: 'BLOB_MOUNTING', value: 'ENABLED' }));
    expect((await mount()).status).toBe(201);
    expect((await target.fetch('HEAD', `blobs/${digest}`)).status).toBe(200);
  });
});

test("another account has the permissions of the repository's policy", async () => {
  const sandbox = await sandboxOf();
  const session = await RegistrySession.open(sandbox);
  const imageDigest = await session.image('v1');
  const other = ecrOf(sandbox, STAGING);
  const pull = async () =>
    (await session.fetch('GET', 'manifests/v1', { headers: { authorization: await authorizationOf(other) } }))
      .status;
  expect(await pull()).toBe(403);
  const policy = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${STAGING}:root` },
        Action: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
      },
    ],
  };
  await session.client.send(
    new SetRepositoryPolicyCommand({ repositoryName, policyText: JSON.stringify(policy) }),
  );
  expect(await pull()).toBe(200);
  const registryId = '111111111111';
  const get = new BatchGetImageCommand({ registryId, repositoryName, imageIds: [{ imageDigest }] });
  expect((await other.send(get)).images).toHaveLength(1);
  const remove = new BatchDeleteImageCommand({ registryId, repositoryName, imageIds: [{ imageDigest }] });
  expect((await refusal(other.send(remove))).name).toBe('AccessDeniedException');
});

describe('a scan', () => {
  const scans = [
    {
      repository: repositoryName,
      findings: [
        {
          name: 'CVE-2026-0001',
          severity: 'HIGH' as const,
          package: 'openssl',
          version: '3.0.1',
          fixedIn: '3.0.2',
        },
      ],
    },
  ];
  const findings = (session: RegistrySession, imageDigest: string) =>
    session.client.send(new DescribeImageScanFindingsCommand({ repositoryName, imageId: { imageDigest } }));

  async function finished(session: RegistrySession, digest: string) {
    for (;;) {
      const answer = await findings(session, digest);
      if (answer.imageScanStatus?.status !== 'IN_PROGRESS') return answer;
    }
  }

  test("runs on push and has the scenario's findings", async () => {
    const scenario = { ecr: { scans } };
    const session = await sessionOf(
      { imageScanningConfiguration: { scanOnPush: true } },
      { scenario, timeScale: 10 },
    );
    const digest = await session.image('v1');
    expect((await findings(session, digest)).imageScanStatus?.status).toBe('IN_PROGRESS');
    const answer = await finished(session, digest);
    expect(answer.imageScanStatus?.status).toBe('COMPLETE');
    expect(answer.imageScanFindings).toMatchObject({
      findingSeverityCounts: { HIGH: 1 },
      findings: [
        {
          name: 'CVE-2026-0001',
          attributes: [{ key: 'package_name', value: 'openssl' }, { key: 'package_version' }],
        },
      ],
    });
  });

  test('can be started if none runs on push', async () => {
    const session = await sessionOf();
    const imageDigest = await session.image('v1');
    expect((await refusal(findings(session, imageDigest))).name).toBe('ScanNotFoundException');
    await session.client.send(new StartImageScanCommand({ repositoryName, imageId: { imageDigest } }));
    expect((await finished(session, imageDigest)).imageScanFindings?.findings).toEqual([]);
    const again = session.client.send(
      new StartImageScanCommand({ repositoryName, imageId: { imageDigest } }),
    );
    expect((await refusal(again)).name).toBe('LimitExceededException');
  });

  test("can be Inspector's, which scans on its own schedule", async () => {
    const scenario = { ecr: { scans: scans.map((rule) => ({ ...rule, enhanced: true })) } };
    const session = await sessionOf({}, { scenario });
    const imageDigest = await session.image('v1');
    const asked = session.client.send(
      new StartImageScanCommand({ repositoryName, imageId: { imageDigest } }),
    );
    expect((await refusal(asked)).name).toBe('ValidationException');
    const answer = await finished(session, imageDigest);
    expect(answer.imageScanStatus?.status).toBe('ACTIVE');
    expect(answer.imageScanFindings?.enhancedFindings).toMatchObject([
      {
        fixAvailable: 'YES',
        packageVulnerabilityDetails: { vulnerablePackages: [{ fixedInVersion: '3.0.2' }] },
      },
    ]);
  });
});
