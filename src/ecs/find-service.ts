import {
  ListClustersCommand,
  ListServicesCommand,
  type ListServicesCommandOutput,
  type Service,
} from '@aws-sdk/client-ecs';
import { AwsError } from '../aws/errors.ts';
import { send } from '../aws/send.ts';
import { reasonOf } from '../core/errors.ts';
import { suggest } from '../core/text.ts';
import { describeService, type EcsContext, nameOf, type ServiceAddress, ServiceError } from './service.ts';

/** Maximum number of pages of names to read for a suggestion. */
const MAX_PAGES = 10;
/** How many names to list if none is similar to the given one. */
const SHOWN = 5;

/**
 * Reads the service that a user named. If the cluster or the service does not exist, the error suggests an existing
 * one, provided that the role can list them.
 *
 * @throws ServiceError if it does not exist or is being deleted.
 */
export async function findService(context: EcsContext, address: ServiceAddress): Promise<Service> {
  const cluster = nameOf(address.cluster);
  try {
    return await describeService(context, address);
  } catch (error) {
    if (error instanceof AwsError && error.awsName.startsWith('ClusterNotFound')) {
      const hint = await suggestion(context, cluster, 'clusters', () => clusterNames(context));
      const message = `There is no cluster ${cluster} in ${context.region} (AWS reported: "${reasonOf(error)}").${hint}`;
      throw new ServiceError('not-found', message, { cause: error });
    }
    if (error instanceof ServiceError && error.code === 'not-found') {
      const names = (): Promise<string[]> => serviceNames(context, address);
      const hint = await suggestion(context, nameOf(address.service), `services of ${cluster}`, names);
      throw new ServiceError('not-found', `${error.message}${hint}`, { cause: error });
    }
    throw error;
  }
}

/** A sentence that names existing ones; empty if they cannot be listed. */
async function suggestion(
  context: EcsContext,
  wanted: string,
  what: string,
  read: () => Promise<string[]>,
): Promise<string> {
  try {
    const others = (await read()).filter((name) => name !== wanted);
    const similar = suggest(wanted, others);
    if (similar !== undefined) return ` Did you mean ${similar}?`;
    if (others.length === 0) return ` There are no other ${what}.`;
    const more = others.length > SHOWN ? ` and ${others.length - SHOWN} more` : '';
    return ` The ${what} are ${others.slice(0, SHOWN).join(', ')}${more}.`;
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.debug(`Cannot list the ${what} for a suggestion: ${reasonOf(error)}`);
    return '';
  }
}

async function clusterNames(context: EcsContext): Promise<string[]> {
  const client = await context.ecs();
  return await namesOf(async (nextToken) => {
    const page = await send(client, new ListClustersCommand({ nextToken }), context);
    return { arns: page.clusterArns, nextToken: page.nextToken };
  });
}

async function serviceNames(context: EcsContext, { cluster }: ServiceAddress): Promise<string[]> {
  const client = await context.ecs();
  return await namesOf(async (nextToken) => {
    const command = new ListServicesCommand({ cluster, nextToken, maxResults: 100 });
    const page: ListServicesCommandOutput = await send(client, command, context);
    return { arns: page.serviceArns, nextToken: page.nextToken };
  });
}

interface Page {
  arns: string[] | undefined;
  nextToken: string | undefined;
}

async function namesOf(read: (nextToken: string | undefined) => Promise<Page>): Promise<string[]> {
  const names: string[] = [];
  let nextToken: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const { arns = [], nextToken: next } = await read(nextToken);
    names.push(...arns.map(nameOf));
    if (next === undefined || next === '') break;
    nextToken = next;
  }
  return names;
}
