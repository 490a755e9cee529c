import type { Session } from '../../src/aws/session.ts';
import { InputError } from '../../src/core/errors.ts';
import { ecrRegistry, registryIn } from '../../src/images/registry/reference.ts';

/** An ECR repository in an input. */
interface NamedRepository {
  repository: string;
  /** The account in its URI; absent if the input is only a name. */
  account?: string;
}

/** @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html */
const NAME = /^(?=.{2,256}$)(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/;
const COPY = 'add it to the input also, so that the finished image is copied to it';

/**
 * Parses the name of a repository, or its URI in ECR of this region.
 *
 * @param region absent if nothing is pushed.
 * @throws InputError for another registry, because a repository of that literal name would be created.
 */
export function repositoryOf(given: string, region: string | undefined): NamedRepository {
  if (/^[a-z]+:\/\//i.test(given))
    throw new InputError('repository', given, 'expected an ECR repository without https://');
  const registry = registryIn(given);
  if (registry === undefined) return { repository: requireName(given, given) };
  const ecr = ecrRegistry(registry);
  if (!ecr) {
    throw new InputError(
      'repository',
      given,
      `expected an ECR repository such as shop/user-service. To push to ${registry}, ${COPY}`,
    );
  }
  if (region !== undefined && ecr.region !== region) {
    throw new InputError(
      'repository',
      given,
      `expected a repository in ${region} (aws-region). Set aws-region to ${ecr.region}, or ${COPY}`,
    );
  }
  return { repository: requireName(given, given.slice(registry.length + 1)), account: ecr.account };
}

function requireName(given: string, name: string): string {
  if (NAME.test(name)) return name;
  throw new InputError(
    'repository',
    given,
    'expected the name of a repository in lower case and without a tag, such as shop/user-service',
  );
}

/** Throws InputError for the URI of a repository in another account. */
export async function requireOwnRepository(given: string, session: Session): Promise<void> {
  const { account } = repositoryOf(given, session.region);
  if (account === undefined) return;
  const own = await session.accountId();
  if (account === own) return;
  throw new InputError(
    'repository',
    given,
    `expected a repository in the account ${own} of the job's credentials. Use a role in ${account}, or ${COPY}`,
  );
}
