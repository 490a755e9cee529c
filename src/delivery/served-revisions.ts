import { ListServiceDeploymentsCommand, type ListServiceDeploymentsRequest } from '@aws-sdk/client-ecs';
import { send } from '../aws/send.ts';
import { describeRevisions } from '../ecs/deployment.ts';
import type { EcsContext, ServiceAddress } from '../ecs/service.ts';

/** Maximum page size of the API. */
const DEPLOYMENTS_PER_PAGE = 100;

/** A revision that a service has served with. */
export interface ServedRevision {
  /** ARN of the task definition. */
  taskDefinition: string;
  /** The images by container, with the digests that ECS resolved. */
  images: Readonly<Record<string, string>>;
}

/**
 * The revisions of a service's successful deployments, the newest first. ECS keeps deployments for 90 days, and has
 * none from before 25 October 2024.
 *
 * @throws AwsError if the role is not allowed to read them, or the endpoint does not support the call.
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html
 */
export async function servedRevisions(
  context: EcsContext,
  address: ServiceAddress,
): Promise<ServedRevision[]> {
  const targets = await deploymentTargets(context, address, { status: ['SUCCESSFUL'] });
  const found = await describeRevisions(context, [...new Set(targets)]);
  return targets.flatMap((arn) => {
    const { taskDefinition, containerImages = [] } = found.get(arn) ?? {};
    if (taskDefinition === undefined) return [];
    const images = containerImages.map(({ containerName = '', image = '', imageDigest }) => {
      const isByDigest = image.includes('@') || imageDigest === undefined;
      return [containerName, isByDigest ? image : `${image.replace(/:[^:/]+$/, '')}@${imageDigest}`] as const;
    });
    return [{ taskDefinition, images: Object.fromEntries(images) }];
  });
}

/**
 * Whether any deployment of the service, whatever its outcome, had this task definition as its target.
 *
 * @param since when the task definition was registered.
 * @throws AwsError if the role is not allowed to read them, or the endpoint does not support the call.
 */
export async function wasDeployed(
  context: EcsContext,
  address: ServiceAddress,
  taskDefinition: string,
  since?: Date,
): Promise<boolean> {
  const targets = await deploymentTargets(context, address, since && { createdAt: { after: since } });
  const found = await describeRevisions(context, [...new Set(targets)]);
  return [...found.values()].some((revision) => revision.taskDefinition === taskDefinition);
}

/** The target revisions of a service's deployments, the newest first. */
async function deploymentTargets(
  context: EcsContext,
  { cluster, service }: ServiceAddress,
  which: Pick<ListServiceDeploymentsRequest, 'status' | 'createdAt'> = {},
): Promise<string[]> {
  const client = await context.ecs();
  const found: { at: number; target: string }[] = [];
  let nextToken: string | undefined;
  do {
    const command = new ListServiceDeploymentsCommand({
      cluster,
      service,
      ...which,
      maxResults: DEPLOYMENTS_PER_PAGE,
      nextToken,
    });
    const page = await send(client, command, context);
    for (const { createdAt, targetServiceRevisionArn: target } of page.serviceDeployments ?? []) {
      if (target !== undefined) found.push({ at: createdAt?.getTime() ?? 0, target });
    }
    nextToken = page.nextToken;
  } while (nextToken !== undefined && nextToken !== '');
  // AWS does not document an order.
  return found.toSorted((a, b) => b.at - a.at).map(({ target }) => target);
}
