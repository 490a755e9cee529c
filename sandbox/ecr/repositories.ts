import { AwsError, type Input, listOf, textOf } from '../protocols/service.ts';
import { registryOf, repositoriesOf } from '../registry/registry.ts';
import { ImageRepository, type Mutability, type RepositorySettings } from '../registry/repository.ts';
import type { World } from '../world.ts';
import {
  checkRepositoryName,
  type EcrOperation,
  invalidParameter,
  pageOf,
  repositoryOfCall,
  repositoryReference,
} from './call.ts';
import { checkLifecyclePolicy } from './lifecycle-policy.ts';

const MUTABILITIES: readonly string[] = [
  'MUTABLE',
  'IMMUTABLE',
  'IMMUTABLE_WITH_EXCLUSION',
  'MUTABLE_WITH_EXCLUSION',
];
const MAX_EXCLUSIONS = 5;

export const REPOSITORY_OPERATIONS: Record<string, EcrOperation> = {
  CreateRepository(world, input, call) {
    const name = textOf(input.repositoryName) ?? '';
    checkRepositoryName(name);
    const repositories = repositoriesOf(world, call.account, call.region);
    if (repositories.has(name)) {
      const message = `The repository with name '${name}' already exists in the registry with id '${call.account}'`;
      throw new AwsError('RepositoryAlreadyExistsException', message);
    }
    const place = { name, account: call.account, region: call.region };
    const repository = new ImageRepository(place, settingsOf(input));
    setTags(repository, input);
    repositories.set(name, repository);
    return { repository: described(world, repository) };
  },

  DescribeRepositories(world, input, call) {
    const names = listOf(input.repositoryNames).map(String);
    const found =
      names.length > 0
        ? names.map((repositoryName) => repositoryOfCall(world, { ...input, repositoryName }, call))
        : [...repositoriesOf(world, call.account, call.region).values()];
    const { items, nextToken } = pageOf(found, input);
    return { repositories: items.map((repository) => described(world, repository)), nextToken };
  },

  DeleteRepository(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    if (repository.manifests.size > 0 && input.force !== true) {
      const message = `The repository with name '${repository.name}' in registry with id '${repository.account}' cannot be deleted because it still contains images`;
      throw new AwsError('RepositoryNotEmptyException', message);
    }
    repositoriesOf(world, repository.account, repository.region).delete(repository.name);
    return { repository: described(world, repository) };
  },

  PutImageTagMutability(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    repository.settings = { ...repository.settings, ...mutabilityOf(input) };
    const { repositoryName, registryId, imageTagMutability, imageTagMutabilityExclusionFilters } = described(
      world,
      repository,
    );
    return { repositoryName, registryId, imageTagMutability, imageTagMutabilityExclusionFilters };
  },

  PutImageScanningConfiguration(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    repository.settings = { ...repository.settings, scanOnPush: scansOnPush(input) };
    const { repositoryName, registryId, imageScanningConfiguration } = described(world, repository);
    return { repositoryName, registryId, imageScanningConfiguration };
  },

  TagResource(world, input, call) {
    setTags(byArn(world, input, call.account, call.region), input);
    return {};
  },

  UntagResource(world, input, call) {
    const repository = byArn(world, input, call.account, call.region);
    for (const key of listOf(input.tagKeys)) repository.resourceTags.delete(String(key));
    return {};
  },

  ListTagsForResource(world, input, call) {
    const { resourceTags } = byArn(world, input, call.account, call.region);
    return { tags: [...resourceTags].map(([Key, Value]) => ({ Key, Value })) };
  },
};

/** The settings in a CreateRepository request, with ECR's defaults. */
function settingsOf(input: Input): RepositorySettings {
  const { encryptionType = 'AES256', kmsKey } = (input.encryptionConfiguration ?? {}) as Record<
    string,
    string
  >;
  const encryption = { encryptionType, ...(kmsKey !== undefined && { kmsKey }) };
  return { ...mutabilityOf(input), scanOnPush: scansOnPush(input), encryption };
}

function mutabilityOf(input: Input): Pick<RepositorySettings, 'mutability' | 'exclusions'> {
  const mutability = textOf(input.imageTagMutability) ?? 'MUTABLE';
  if (!MUTABILITIES.includes(mutability)) throw invalidParameter('imageTagMutability', mutability);
  const exclusions = listOf(input.imageTagMutabilityExclusionFilters).map((filter) =>
    String((filter as Record<string, unknown>)['filter']),
  );
  const excludes = mutability.endsWith('_WITH_EXCLUSION');
  if (excludes !== exclusions.length > 0 || exclusions.length > MAX_EXCLUSIONS) {
    throw invalidParameter(
      'imageTagMutabilityExclusionFilters',
      `${exclusions.length} filters with ${mutability}`,
    );
  }
  return { mutability: mutability as Mutability, exclusions };
}

function scansOnPush(input: Input): boolean {
  return (input.imageScanningConfiguration as { scanOnPush?: boolean } | undefined)?.scanOnPush ?? false;
}

function setTags(repository: ImageRepository, input: Input): void {
  for (const { Key, Value } of listOf(input.tags) as { Key: string; Value: string }[]) {
    repository.resourceTags.set(Key, Value);
  }
}

function byArn(world: World, input: Input, account: string, region: string): ImageRepository {
  const arn = textOf(input.resourceArn) ?? '';
  const repository = repositoriesOf(world, account, region).get(arn.replace(/^.*:repository\//, ''));
  if (repository?.arn === arn) return repository;
  throw new AwsError('RepositoryNotFoundException', `The repository ${arn} does not exist`);
}

function described(world: World, repository: ImageRepository) {
  const { settings } = repository;
  return {
    repositoryArn: repository.arn,
    registryId: repository.account,
    repositoryName: repository.name,
    repositoryUri: registryOf(world).uriOf(repository),
    createdAt: repository.createdAt,
    imageTagMutability: settings.mutability,
    ...(settings.exclusions.length > 0 && {
      imageTagMutabilityExclusionFilters: settings.exclusions.map((filter) => ({
        filterType: 'WILDCARD',
        filter,
      })),
    }),
    imageScanningConfiguration: { scanOnPush: settings.scanOnPush },
    encryptionConfiguration: settings.encryption,
  };
}

export const POLICY_OPERATIONS: Record<string, EcrOperation> = {
  SetRepositoryPolicy(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    repository.policy = jsonText('policyText', input.policyText);
    return { ...repositoryReference(repository), policyText: repository.policy };
  },

  GetRepositoryPolicy(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    return { ...repositoryReference(repository), policyText: policyOf(repository) };
  },

  DeleteRepositoryPolicy(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const policyText = policyOf(repository);
    repository.policy = undefined;
    return { ...repositoryReference(repository), policyText };
  },

  PutLifecyclePolicy(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const policy = textOf(input.lifecyclePolicyText) ?? '';
    checkLifecyclePolicy(policy);
    repository.lifecyclePolicy = policy;
    return { ...repositoryReference(repository), lifecyclePolicyText: repository.lifecyclePolicy };
  },

  GetLifecyclePolicy(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    return { ...repositoryReference(repository), lifecyclePolicyText: lifecycleOf(repository) };
  },

  DeleteLifecyclePolicy(world, input, call) {
    const repository = repositoryOfCall(world, input, call);
    const lifecyclePolicyText = lifecycleOf(repository);
    repository.lifecyclePolicy = undefined;
    return { ...repositoryReference(repository), lifecyclePolicyText };
  },
};

function jsonText(parameter: string, value: unknown): string {
  const given = textOf(value) ?? '';
  try {
    JSON.parse(given);
    return given;
  } catch (error) {
    if (error instanceof SyntaxError) throw invalidParameter(parameter, 'Invalid JSON syntax');
    throw error;
  }
}

function policyOf({ policy, name, account }: ImageRepository): string {
  if (policy !== undefined) return policy;
  const message = `Repository policy does not exist for the repository with name '${name}' in the registry with id '${account}'`;
  throw new AwsError('RepositoryPolicyNotFoundException', message);
}

function lifecycleOf({ lifecyclePolicy, name, account }: ImageRepository): string {
  if (lifecyclePolicy !== undefined) return lifecyclePolicy;
  const message = `Lifecycle policy does not exist for the repository with name '${name}' in the registry with id '${account}'`;
  throw new AwsError('LifecyclePolicyNotFoundException', message);
}
