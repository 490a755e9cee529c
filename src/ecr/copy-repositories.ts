import type { ECRClient, Repository as EcrRepository } from '@aws-sdk/client-ecr';
import { isNotFound } from '../aws/errors.ts';
import { send } from '../aws/send.ts';
import type { Context } from '../runtime/context.ts';
import { repositoryFrom } from './repository.ts';
import type { Repository } from './repository.ts';

const NAMES_A_CALL = 100;

/** Repositories by name; those that do not exist are left out. One call, unless one is missing. */
export async function findRepositories(
  client: ECRClient,
  names: readonly string[],
  context: Pick<Context, 'signal'>,
): Promise<Map<string, Repository>> {
  const found: EcrRepository[] = [];
  for (let from = 0; from < names.length; from += NAMES_A_CALL) {
    found.push(...(await describe(client, names.slice(from, from + NAMES_A_CALL), context)));
  }
  return new Map(found.map((one) => [one.repositoryName ?? '', repositoryFrom(one, false)]));
}

/** ECR refuses all of them when one does not exist; then each is asked for by itself. */
async function describe(
  client: ECRClient,
  names: readonly string[],
  context: Pick<Context, 'signal'>,
): Promise<EcrRepository[]> {
  const { DescribeRepositoriesCommand } = await import('@aws-sdk/client-ecr');
  try {
    const command = new DescribeRepositoriesCommand({ repositoryNames: [...names] });
    return (await send(client, command, context)).repositories ?? [];
  } catch (error) {
    if (!isNotFound(error)) throw error;
    if (names.length === 1) return [];
    return (await Promise.all(names.map((name) => describe(client, [name], context)))).flat();
  }
}
