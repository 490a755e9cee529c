import { authorize, repositoryOf } from '../registry/registry.ts';
import type { ImageRepository } from '../registry/repository.ts';
import type { Call, Input } from '../protocols/service.ts';
import { AwsError, paginate, textOf } from '../protocols/service.ts';
import type { World } from '../world.ts';

export type EcrOperation = (world: World, input: Input, call: Call) => Promise<object> | object;

/** The repository of a call. Throws ECR's error if it does not exist or the caller has no permission. */
export function repositoryOfCall(world: World, input: Input, call: Call): ImageRepository {
  const name = textOf(input.repositoryName) ?? '';
  checkRepositoryName(name);
  const account = textOf(input.registryId) ?? call.account;
  const repository = repositoryOf(world, account, call.region, name);
  authorize({ arn: call.principalArn, account: call.account }, repository, `ecr:${call.operation}`);
  return repository;
}

const NAME = String.raw`[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`;
const LENGTHS = { least: 2, most: 256 };

/**
 * Throws InvalidParameterException for an invalid name, such as a URI.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html for the lengths
 * @see https://github.com/mulgadc/spinifex/tree/main/spinifex/gateway/ecrapi for the words: "captured from
 *  CreateRepository"
 */
export function checkRepositoryName(name: string): void {
  const { least, most } = LENGTHS;
  if (name.length < least || name.length > most) {
    const bound = name.length < least ? `greater than or equal to ${least}` : `less than or equal to ${most}`;
    throw invalidParameter('repositoryName', `Member must have length ${bound}`);
  }
  if (!new RegExp(`^${NAME}$`).test(name)) {
    throw invalidParameter('repositoryName', `must satisfy regular expression '${NAME}'`);
  }
}

export function invalidParameter(parameter: string, why: string): AwsError {
  const message = `Invalid parameter at '${parameter}' failed to satisfy constraint: '${why}'`;
  return new AwsError('InvalidParameterException', message);
}

/** Identifies the repository in a response. */
export function repositoryReference(repository: ImageRepository): {
  registryId: string;
  repositoryName: string;
} {
  return { registryId: repository.account, repositoryName: repository.name };
}

/**
 * One page of a listing. "This value can be between 1 and 1000. If this parameter is not used, then ListImages returns up
 * to 100 results and a nextToken value, if applicable." DescribeImages, DescribeRepositories and
 * DescribeImageScanFindings say the same.
 *
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html
 */
export function pageOf<T>(
  items: readonly T[],
  { nextToken, maxResults }: Input,
): { items: T[]; nextToken: string | undefined } {
  return paginate(items, { token: nextToken, limit: maxResults, most: 1000, usual: 100 });
}
