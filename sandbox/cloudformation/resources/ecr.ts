import { repositoriesOf } from '../../registry/registry.ts';
import type { Mutability, RepositorySettings } from '../../registry/repository.ts';
import { ImageRepository } from '../../registry/repository.ts';
import { AwsError } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import type { Json, JsonObject } from '../json.ts';
import { isObject, textOf } from '../json.ts';
import type { Stack, StackResource } from '../engine/stack.ts';

export function repositoryExists(world: World, stack: Stack, name: string): boolean {
  return repositoriesOf(world, stack.account, stack.region).has(name);
}

/** Creates or updates an AWS::ECR::Repository. An update keeps the images. */
export function putRepository(world: World, stack: Stack, resource: StackResource): void {
  const { account, region } = stack;
  const { physicalId: name, properties } = resource;
  const repositories = repositoriesOf(world, account, region);
  const repository =
    repositories.get(name) ?? new ImageRepository({ name, account, region }, settingsOf(properties));
  repository.settings = settingsOf(properties);
  repository.policy = documentOf(properties.RepositoryPolicyText);
  repository.lifecyclePolicy = documentOf(member(properties.LifecyclePolicy, 'LifecyclePolicyText'));
  repository.resourceTags.clear();
  for (const tag of [...resource.stackTags, ...listOf(properties.Tags)] as JsonObject[]) {
    repository.resourceTags.set(textOf(tag.Key), textOf(tag.Value));
  }
  repositories.set(name, repository);
}

/** Throws if the repository contains images and EmptyOnDelete is not set. */
export function removeRepository(world: World, stack: Stack, resource: StackResource): void {
  const repositories = repositoriesOf(world, stack.account, stack.region);
  const { physicalId: name, properties } = resource;
  const repository = repositories.get(name);
  if (!repository) return;
  if (repository.manifests.size > 0 && textOf(properties.EmptyOnDelete) !== 'true') {
    throw new AwsError(
      'RepositoryNotEmptyException',
      `The repository with name '${name}' in registry with id '${stack.account}' cannot be deleted because it still contains images`,
    );
  }
  repositories.delete(name);
}

function settingsOf(properties: JsonObject): RepositorySettings {
  const { EncryptionConfiguration: encryption, ImageScanningConfiguration: scanning } = properties;
  const key = member(encryption, 'KmsKey');
  return {
    mutability: (textOf(properties.ImageTagMutability) || 'MUTABLE') as Mutability,
    exclusions: listOf(properties.ImageTagMutabilityExclusionFilters).map((filter) =>
      textOf(member(filter, 'ImageTagMutabilityExclusionFilterValue')),
    ),
    scanOnPush: textOf(member(scanning, 'ScanOnPush')) === 'true',
    encryption: {
      encryptionType: textOf(member(encryption, 'EncryptionType')) || 'AES256',
      ...(key === undefined ? {} : { kmsKey: textOf(key) }),
    },
  };
}

function documentOf(value: Json | undefined): string | undefined {
  return value === undefined ? undefined : textOf(value);
}

function member(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) ? value[key] : undefined;
}

function listOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}
