import type { Session } from '../../src/aws/session.ts';
import { InputError } from '../../src/core/errors.ts';
import { ecrRegistry, registryIn } from '../../src/images/registry/reference.ts';

/** A repository of ECR, as the inputs name it. */
interface NamedRepository {
  repository: string;
  /** The account that its URI names; absent where the name alone is given. */
  account?: string;
}

/** @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html */
const NAME = /^(?=.{2,256}$)(?:[a-z0-9]+(?:[._-][a-z0-9]+)*\/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$/;
const COPY = 'give it in also, where the finished image is copied to';

/**
 * The repository that is given by its name, or by its URI in ECR of this region.
 *
 * @param region absent where nothing is pushed.
 * @throws InputError for another registry: a repository of that literal name would be created.
 */
export function repositoryOf(given: string, region: string | undefined): NamedRepository {
  if (/^[a-z]+:\/\//i.test(given))
    throw new InputError('repository', given, 'expected a repository of ECR without https://');
  const registry = registryIn(given);
  if (registry === undefined) return { repository: requireName(given, given) };
  const place = ecrRegistry(registry);
  if (!place) {
    throw new InputError(
      'repository',
      given,
      `expected a repository of ECR, such as shop/user-service. To push to ${registry}, ${COPY}`,
    );
  }
  if (region !== undefined && place.region !== region) {
    throw new InputError(
      'repository',
      given,
      `expected a repository of ${region}, which aws-region names. Set aws-region to ${place.region}, or ${COPY}`,
    );
  }
  return { repository: requireName(given, given.slice(registry.length + 1)), account: place.account };
}

function requireName(given: string, name: string): string {
  if (NAME.test(name)) return name;
  throw new InputError(
    'repository',
    given,
    'expected the name of a repository in lower case, without a tag, such as shop/user-service',
  );
}

/** Throws InputError for the URI of another account's repository. */
export async function requireOwnRepository(given: string, session: Session): Promise<void> {
  const { account } = repositoryOf(given, session.region);
  if (account === undefined) return;
  const own = await session.accountId();
  if (account === own) return;
  throw new InputError(
    'repository',
    given,
    `expected a repository of the account of the job's credentials, ${own}. Use a role of ${account}, or ${COPY}`,
  );
}
