import { authorize, repositoryOf } from '../registry/registry.ts';
import type { ImageRepository } from '../registry/repository.ts';
import type { Call, Input } from '../protocols/service.ts';
import { AwsError, paginate, textOf } from '../protocols/service.ts';
import type { World } from '../world.ts';

export type EcrOperation = (world: World, input: Input, call: Call) => Promise<object> | object;

/** The repository that a call names, when the caller may do this to it. Throws as ECR does. */
export function repositoryOfCall(world: World, input: Input, call: Call): ImageRepository {
  const name = textOf(input.repositoryName);
  if (name === undefined || name === '')
    throw invalidParameter('repositoryName', 'a repository name is required');
  const repository = repositoryOf(world, textOf(input.registryId) ?? call.account, call.region, name);
  authorize({ arn: call.principalArn, account: call.account }, repository, `ecr:${call.operation}`);
  return repository;
}

export function invalidParameter(parameter: string, why: string): AwsError {
  const message = `Invalid parameter at '${parameter}' failed to satisfy constraint: '${why}'`;
  return new AwsError('InvalidParameterException', message);
}

/** Names the repository in an answer. */
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
