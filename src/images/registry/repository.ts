import type {
  CreateRepositoryCommandInput,
  ECRClient,
  Repository as EcrRepository,
} from '@aws-sdk/client-ecr';
import { BatchReader, ReadOnce } from '../../aws/reads.ts';
import { send } from '../../aws/send.ts';
import { awsNameOf, classify, isNotFound } from '../../aws/errors.ts';
import type { Context } from '../../core/context.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';

/** A repository of the account's registry. */
export interface Repository {
  name: string;
  /** `111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/app` */
  uri: string;
  scanOnPush: boolean;
  /** Whether a tag cannot be set on another image. */
  isImmutable(tag: string): boolean;
  created: boolean;
}

/**
 * The tags of environments and caches must be mutable, and so must the tags under which clients maintain the signatures of
 * an image. All other tags are immutable.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
const MUTABLE_TAGS = ['env-*', 'cache-*', 'sha256-*'];

/**
 * Only the first rule that matches an image applies to it, so images tagged `env-*` practically never expire.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
 */
const LIFECYCLE_POLICY = JSON.stringify({
  rules: [
    lifecycleRule(1, 'Keep images of environments', {
      tagStatus: 'tagged',
      tagPatternList: ['env-*'],
      countType: 'imageCountMoreThan',
      countNumber: 1000,
    }),
    lifecycleRule(2, 'Untagged images', {
      tagStatus: 'untagged',
      countType: 'sinceImagePushed',
      countUnit: 'days',
      countNumber: 14,
    }),
    lifecycleRule(3, 'Old releases', { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 100 }),
  ],
});

/**
 * The repository of this name. With `create`, a missing one is created with immutable tags except `env-*`, `cache-*` and
 * `sha256-*`, scan on push, KMS encryption, and a lifecycle policy. An existing repository is never changed.
 *
 * @throws PlatformError if it does not exist or access is denied.
 */
export async function openRepository(
  client: ECRClient,
  name: string,
  options: { create: boolean },
  context: Pick<Context, 'signal' | 'log'>,
): Promise<Repository> {
  const found = await findRepository(client, name, context);
  if (found) return repositoryFrom(found, false);
  if (!options.create) {
    throw new PlatformError(
      'not-found',
      `The repository ${name} does not exist. Create it first, or let build-push-image create it with create-repository: true.`,
    );
  }
  return repositoryFrom(await create(client, name, context), true);
}

async function findRepository(
  client: ECRClient,
  name: string,
  context: Pick<Context, 'signal'>,
): Promise<EcrRepository | undefined> {
  try {
    return await describeRepository(client, name, context);
  } catch (error) {
    throw repositoryError(error, `Failed to read the repository ${name}`);
  }
}

async function create(
  client: ECRClient,
  name: string,
  context: Pick<Context, 'signal' | 'log'>,
): Promise<EcrRepository> {
  const { CreateRepositoryCommand, PutLifecyclePolicyCommand } = await import('@aws-sdk/client-ecr');
  const settings: CreateRepositoryCommandInput = {
    repositoryName: name,
    imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
    imageTagMutabilityExclusionFilters: MUTABLE_TAGS.map((filter) => ({ filterType: 'WILDCARD', filter })),
    imageScanningConfiguration: { scanOnPush: true },
    encryptionConfiguration: { encryptionType: 'KMS' },
  };
  try {
    await send(client, new CreateRepositoryCommand(settings), context);
    context.log.info(`Created the repository ${name}.`);
  } catch (error) {
    // Another job created it first, or the response to the call was lost.
    if (awsNameOf(error) !== 'RepositoryAlreadyExistsException') {
      throw repositoryError(error, `Failed to create the repository ${name}`);
    }
  }
  try {
    const policy = { repositoryName: name, lifecyclePolicyText: LIFECYCLE_POLICY };
    await send(client, new PutLifecyclePolicyCommand(policy), context);
  } catch (error) {
    throw repositoryError(error, `Created the repository ${name}, but failed to set its lifecycle policy`);
  }
  const created = await findRepository(client, name, context);
  if (created) return created;
  throw new PlatformError('not-found', `The repository ${name} was created but cannot be found`);
}

/** Converts a repository from the API. */
function repositoryFrom(found: EcrRepository, created: boolean): Repository {
  const { repositoryName = '', repositoryUri = '', imageTagMutability = 'MUTABLE' } = found;
  if (repositoryUri === '') {
    throw new PlatformError('service-unavailable', 'DescribeRepositories returned no repositoryUri');
  }
  const filters = found.imageTagMutabilityExclusionFilters ?? [];
  const isExcluded = (tag: string): boolean => filters.some(({ filter = '' }) => matchesFilter(tag, filter));
  return {
    name: repositoryName,
    uri: repositoryUri,
    scanOnPush: found.imageScanningConfiguration?.scanOnPush ?? false,
    isImmutable: (tag) => imageTagMutability.startsWith('IMMUTABLE') !== isExcluded(tag),
    created,
  };
}

/** In ECR's wildcards, `*` matches any text, including an empty one. */
function matchesFilter(tag: string, filter: string): boolean {
  const source = filter.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${source}$`).test(tag);
}

function lifecycleRule(rulePriority: number, description: string, selection: object): object {
  return { rulePriority, description, selection, action: { type: 'expire' } };
}

function repositoryError(error: unknown, what: string): PlatformError {
  const hint =
    classify(error) === 'denied'
      ? " Grant the role the permissions listed in the action's documentation."
      : '';
  const code = error instanceof PlatformError ? error.code : 'request-rejected';
  return new PlatformError(code, `${what}: ${reasonOf(error)}.${hint}`, { cause: error });
}

/** A repository, and the client for its account. */
export interface ImageRepository {
  client: ECRClient;
  name: string;
  /** `111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/app` */
  uri: string;
}

/** The parameters that identify a repository in API calls. The account id from the URI is needed for other accounts. */
export function repositoryOf({ name, uri }: ImageRepository): {
  repositoryName: string;
  registryId?: string;
} {
  const account = /^(\d{12})\.dkr[.-]ecr[.-]/.exec(uri)?.[1];
  return { repositoryName: name, ...(account !== undefined && { registryId: account }) };
}

/** The URI of the repository's registry. */
export function registryUri({ name, uri }: ImageRepository): string {
  return uri.endsWith(`/${name}`) ? uri.slice(0, -name.length - 1) : uri;
}

/** Repositories by name, without those that do not exist. */
export async function findRepositories(
  client: ECRClient,
  names: readonly string[],
  context: Pick<Context, 'signal'>,
): Promise<Map<string, Repository>> {
  const found = await Promise.all(names.map((name) => describeRepository(client, name, context)));
  return new Map(
    found.flatMap((one) => (one ? [[one.repositoryName ?? '', repositoryFrom(one, false)]] : [])),
  );
}

/**
 * Repositories by name. ECR rejects the whole call if one of them does not exist.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html "Array Members: Minimum
 * number of 1 item. Maximum number of 100 items."
 */
const repositories = new BatchReader<ECRClient, EcrRepository>({
  maxKeys: 100,
  splitsOn: ['not-found', 'denied', 'validation'],
  read: async (client, names, context) => {
    const { DescribeRepositoriesCommand } = await import('@aws-sdk/client-ecr');
    const command = new DescribeRepositoriesCommand({ repositoryNames: [...names] });
    const { repositories: found = [] } = await send(client, command, context);
    return new Map(found.map((one) => [one.repositoryName ?? '', one]));
  },
});

const known = new ReadOnce<ECRClient, EcrRepository | undefined>((repository) => repository !== undefined);

/** A repository, read once; undefined if it does not exist. */
async function describeRepository(
  client: ECRClient,
  name: string,
  context: Pick<Context, 'signal'>,
): Promise<EcrRepository | undefined> {
  return await known.get(client, name, context, async () => {
    try {
      return await repositories.get(client, name, context);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  });
}
