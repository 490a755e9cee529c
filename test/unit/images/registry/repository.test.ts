import { CreateRepositoryCommand, GetLifecyclePolicyCommand } from '@aws-sdk/client-ecr';
import type { CreateRepositoryCommandInput } from '@aws-sdk/client-ecr';
import { describe, expect, test } from '@jest/globals';
import { openRepository } from '../../../../src/images/registry/repository.ts';
import { useSandboxes } from '../../../support/action.ts';
import { ecrOf, REPOSITORY } from '../../../support/image.ts';
import { contextOf } from './context.ts';

const sandboxOf = useSandboxes();

describe('a repository', () => {
  test('that does not exist is an error with a fix', async () => {
    const client = ecrOf(await sandboxOf());
    const opening = openRepository(client, REPOSITORY, { create: false }, contextOf());
    await expect(opening).rejects.toThrow(
      'does not exist. Create it first, or let build-push-image create it with create-repository: true.',
    );
  });

  test('that exists is not changed', async () => {
    const client = ecrOf(await sandboxOf());
    await client.send(new CreateRepositoryCommand({ repositoryName: REPOSITORY }));
    const repository = await openRepository(client, REPOSITORY, { create: true }, contextOf());
    expect(repository).toMatchObject({ name: REPOSITORY, scanOnPush: false, created: false });
    expect(repository.isImmutable('v1')).toBe(false);
    const policy = client.send(new GetLifecyclePolicyCommand({ repositoryName: REPOSITORY }));
    await expect(policy).rejects.toThrow('Lifecycle policy does not exist');
  });

  test('that another job creates at the same moment is not an error', async () => {
    const client = ecrOf(await sandboxOf());
    const opening = [1, 2, 3].map(() => openRepository(client, REPOSITORY, { create: true }, contextOf()));
    const uris = (await Promise.all(opening)).map(({ uri }) => uri);
    expect(new Set(uris).size).toBe(1);
  });

  test.each([
    ['DescribeRepositories', 'Failed to read'],
    ['CreateRepository', 'Failed to create'],
    ['PutLifecyclePolicy', 'but failed to set its lifecycle policy'],
  ])('is an error with the purpose if %s is denied', async (operation, message) => {
    const sandbox = await sandboxOf();
    sandbox.addFault({
      service: 'ecr',
      operation,
      kind: 'error',
      code: 'AccessDeniedException',
      status: 400,
      message: 'no',
    });
    const opening = openRepository(ecrOf(sandbox), REPOSITORY, { create: true }, contextOf());
    await expect(opening).rejects.toThrow(new RegExp(`${message}.*: AccessDeniedException: no.*permissions`));
  });
});

describe('a tag is immutable', () => {
  const exclusions = [{ filterType: 'WILDCARD' as const, filter: 'env-*' }];

  test.each<[string, Partial<CreateRepositoryCommandInput>, string, boolean]>([
    ['MUTABLE', {}, 'v1', false],
    ['IMMUTABLE', {}, 'env-dev', true],
    ['IMMUTABLE_WITH_EXCLUSION', { imageTagMutabilityExclusionFilters: exclusions }, 'env-dev', false],
    ['IMMUTABLE_WITH_EXCLUSION', { imageTagMutabilityExclusionFilters: exclusions }, 'xenv-dev', true],
    ['MUTABLE_WITH_EXCLUSION', { imageTagMutabilityExclusionFilters: exclusions }, 'env-dev', true],
    ['MUTABLE_WITH_EXCLUSION', { imageTagMutabilityExclusionFilters: exclusions }, 'v1', false],
  ])('%s %j: %s is %s', async (imageTagMutability, filters, tag, expected) => {
    const client = ecrOf(await sandboxOf());
    const settings = { repositoryName: REPOSITORY, ...filters };
    await client.send(
      new CreateRepositoryCommand({ ...settings, imageTagMutability: imageTagMutability as 'MUTABLE' }),
    );
    const repository = await openRepository(client, REPOSITORY, { create: false }, contextOf());
    expect(repository.isImmutable(tag)).toBe(expected);
  });
});
