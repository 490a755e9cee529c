import type {
  CreateRepositoryCommandInput,
  ECRClient,
  Repository as EcrRepository,
} from '@aws-sdk/client-ecr';
import { send } from '../../aws/send.ts';
import { awsNameOf, classify, errorText, isNotFound } from '../../aws/errors.ts';
import type { Context } from '../../core/context.ts';

/** A repository of the account's registry. */
export interface Repository {
  name: string;
  /** Host and path, as images are named: `111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/app`. */
  uri: string;
  scanOnPush: boolean;
  /** Whether a tag, once set, stays where it is. */
  isImmutable(tag: string): boolean;
  created: boolean;
}

/** Tags that say what runs where, and caches, must move; all others are an image for ever. */
const MOVABLE_TAGS = ['env-*', 'cache-*'];

/**
 * An image matches one rule only, the first; what is tagged `env-*` so never expires.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
 */
const LIFECYCLE_POLICY = JSON.stringify({
  rules: [
    rule(1, 'What runs somewhere stays', {
      tagStatus: 'tagged',
      tagPatternList: ['env-*'],
      countType: 'imageCountMoreThan',
      countNumber: 1000,
    }),
    rule(2, 'Parts of no image', {
      tagStatus: 'untagged',
      countType: 'sinceImagePushed',
      countUnit: 'days',
      countNumber: 14,
    }),
    rule(3, 'Old releases', { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 100 }),
  ],
});

/**
 * The repository of this name. When there is none it is created, if that is asked for: immutable tags but for
 * `env-*` and `cache-*`, scan on push, encrypted by KMS, with a lifecycle policy. One that exists stays as it is.
 *
 * @throws Error that says what to do when it does not exist or may not be used.
 */
export async function openRepository(
  client: ECRClient,
  name: string,
  options: { create: boolean },
  context: Pick<Context, 'signal' | 'log'>,
): Promise<Repository> {
  const found = await describe(client, name, context);
  if (found) return repositoryFrom(found, false);
  if (!options.create) {
    throw new Error(
      `The repository ${name} does not exist. Create it first, or set create-repository: true.`,
    );
  }
  return repositoryFrom(await create(client, name, context), true);
}

async function describe(
  client: ECRClient,
  name: string,
  context: Pick<Context, 'signal'>,
): Promise<EcrRepository | undefined> {
  const { DescribeRepositoriesCommand } = await import('@aws-sdk/client-ecr');
  try {
    const command = new DescribeRepositoriesCommand({ repositoryNames: [name] });
    const { repositories = [] } = await send(client, command, context);
    return repositories[0];
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw explained(error, `The repository ${name} cannot be read`);
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
    // Another job was quicker, or the answer to our own call was lost.
    if (awsNameOf(error) !== 'RepositoryAlreadyExistsException') {
      throw explained(error, `The repository ${name} cannot be created`);
    }
  }
  try {
    const policy = { repositoryName: name, lifecyclePolicyText: LIFECYCLE_POLICY };
    await send(client, new PutLifecyclePolicyCommand(policy), context);
  } catch (error) {
    throw explained(error, `The repository ${name} was created, but its lifecycle policy cannot be set`);
  }
  const created = await describe(client, name, context);
  if (created) return created;
  throw new Error(`The repository ${name} was created and cannot be found`);
}

/** A repository as the API describes it. */
export function repositoryFrom(found: EcrRepository, created: boolean): Repository {
  const { repositoryName = '', repositoryUri = '', imageTagMutability = 'MUTABLE' } = found;
  if (repositoryUri === '') throw new Error('DescribeRepositories answered without a repositoryUri');
  const filters = found.imageTagMutabilityExclusionFilters ?? [];
  const isExcluded = (tag: string): boolean => filters.some(({ filter = '' }) => matches(tag, filter));
  return {
    name: repositoryName,
    uri: repositoryUri,
    scanOnPush: found.imageScanningConfiguration?.scanOnPush ?? false,
    isImmutable: (tag) => imageTagMutability.startsWith('IMMUTABLE') !== isExcluded(tag),
    created,
  };
}

/** ECR's wildcards: `*` is any text, also none. */
function matches(tag: string, filter: string): boolean {
  const source = filter.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${source}$`).test(tag);
}

function rule(rulePriority: number, description: string, selection: object): object {
  return { rulePriority, description, selection, action: { type: 'expire' } };
}

function explained(error: unknown, what: string): Error {
  const hint =
    classify(error) === 'denied' ? " Give the role the permissions that the action's page lists." : '';
  return new Error(`${what}: ${errorText(error)}.${hint}`, { cause: error });
}
