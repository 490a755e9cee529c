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
  /** Host and path, as images are named: `111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/app`. */
  uri: string;
  scanOnPush: boolean;
  /** Whether a tag cannot be moved to another image. */
  isImmutable(tag: string): boolean;
  created: boolean;
}

/**
 * Tags of environments and caches must be movable, and so must the list of signatures of an image where a client keeps
 * it under a tag; all others stay on their image.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
const MOVABLE_TAGS = ['env-*', 'cache-*', 'sha256-*'];

/**
 * Only the first rule that matches an image applies to it, so images tagged `env-*` practically never expire.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
 */
const LIFECYCLE_POLICY = JSON.stringify({
  rules: [
    lifecycleRule(1, 'What runs somewhere stays', {
      tagStatus: 'tagged',
      tagPatternList: ['env-*'],
      countType: 'imageCountMoreThan',
      countNumber: 1000,
    }),
    lifecycleRule(2, 'Parts of no image', {
      tagStatus: 'untagged',
      countType: 'sinceImagePushed',
      countUnit: 'days',
      countNumber: 14,
    }),
    lifecycleRule(3, 'Old releases', { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 100 }),
  ],
});

/**
 * The repository of this name. With `create`, a missing one is created: immutable tags except `env-*`, `cache-*` and `sha256-*`,
 * scan on push, KMS encryption, and a lifecycle policy. An existing repository is never changed.
 *
 * @throws PlatformError that says what to do when it does not exist or may not be used.
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
    throw repositoryError(error, `The repository ${name} cannot be read`);
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
    imageTagMutabilityExclusionFilters: MOVABLE_TAGS.map((filter) => ({ filterType: 'WILDCARD', filter })),
    imageScanningConfiguration: { scanOnPush: true },
    encryptionConfiguration: { encryptionType: 'KMS' },
  };
  try {
    await send(client, new CreateRepositoryCommand(settings), context);
    context.log.info(`Created the repository ${name}.`);
  } catch (error) {
    // Another job created it first, or the answer to our own call was lost.
    if (awsNameOf(error) !== 'RepositoryAlreadyExistsException') {
      throw repositoryError(error, `The repository ${name} cannot be created`);
    }
  }
  try {
    const policy = { repositoryName: name, lifecyclePolicyText: LIFECYCLE_POLICY };
    await send(client, new PutLifecyclePolicyCommand(policy), context);
  } catch (error) {
    throw repositoryError(
      error,
      `The repository ${name} was created, but its lifecycle policy cannot be set`,
    );
  }
  const created = await findRepository(client, name, context);
  if (created) return created;
  throw new PlatformError('not-found', `The repository ${name} was created and cannot be found`);
}

/** A repository as the API describes it. */
function repositoryFrom(found: EcrRepository, created: boolean): Repository {
  const { repositoryName = '', repositoryUri = '', imageTagMutability = 'MUTABLE' } = found;
  if (repositoryUri === '') {
    throw new PlatformError('service-unavailable', 'DescribeRepositories answered without a repositoryUri');
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

/** ECR's wildcards: `*` matches any text, including none. */
function matchesFilter(tag: string, filter: string): boolean {
  const source = filter.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${source}$`).test(tag);
}

function lifecycleRule(rulePriority: number, description: string, selection: object): object {
  return { rulePriority, description, selection, action: { type: 'expire' } };
}

function repositoryError(error: unknown, what: string): PlatformError {
  const hint =
    classify(error) === 'denied' ? " Give the role the permissions that the action's page lists." : '';
  const code = error instanceof PlatformError ? error.code : 'request-rejected';
  return new PlatformError(code, `${what}: ${reasonOf(error)}.${hint}`, { cause: error });
}

/** A repository, and the client of the account that it belongs to. */
export interface ImageRepository {
  client: ECRClient;
  /** The repository's name. */
  name: string;
  /** Host and path, as images are named: `111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/app`. */
  uri: string;
}

/** The parameters that name a repository to the API; the account's id, from the URI, also for other accounts. */
export function repositoryOf({ name, uri }: ImageRepository): {
  repositoryName: string;
  registryId?: string;
} {
  const account = /^(\d{12})\.dkr[.-]ecr[.-]/.exec(uri)?.[1];
  return { repositoryName: name, ...(account !== undefined && { registryId: account }) };
}

/** The registry that the repository is in: its URI without its name. */
export function registryUri({ name, uri }: ImageRepository): string {
  return uri.endsWith(`/${name}`) ? uri.slice(0, -name.length - 1) : uri;
}

/** Repositories by name; those that do not exist are left out. */
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
 * Repositories by name. ECR rejects the whole call when one of them does not exist.
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

/** A repository, read once; undefined when there is none. */
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
