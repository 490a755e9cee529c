import type { Service } from '@aws-sdk/client-ecs';
import { type EcsContext, targetTaskDefinition, primaryDeployment } from '../ecs/service.ts';
import { factsOf, mainContainer } from '../ecs/task-definition/changes.ts';
import { readTaskDefinition } from '../ecs/task-definition/revisions.ts';
import type { CurrentRelease } from './rollback-target.ts';

/**
 * Reads the release that a service is working towards. Its tasks may still run another one, or none.
 *
 * @param container the main container, if named.
 */
export async function readCurrentRelease(
  context: EcsContext,
  service: Service,
  container?: string,
): Promise<CurrentRelease & { taskDefinition: string }> {
  const taskDefinition = targetTaskDefinition(service) ?? service.taskDefinition ?? '';
  const image = await mainImage(context, { service, container }, taskDefinition);
  return { image, taskDefinition, state: stateOf(service) };
}

/** A service, and its main container if named. */
export interface ServiceContainer {
  service: Service;
  container?: string | undefined;
}

/** The image of a revision's main container. */
export async function mainImage(
  context: EcsContext,
  { service, container }: ServiceContainer,
  revision: string,
): Promise<string> {
  const { definition } = await readTaskDefinition(context, revision);
  return mainContainer(definition, factsOf(service, service.serviceName ?? '', container), 'image').image;
}

function stateOf(service: Service): CurrentRelease['state'] {
  const { deployments = [] } = service;
  const primary = primaryDeployment(service);
  const isOver = deployments.some(({ taskDefinition }) => taskDefinition !== primary?.taskDefinition);
  // Without a rolloutState, a deployment is complete when no other deployment is left.
  const state = primary?.rolloutState ?? (isOver ? 'IN_PROGRESS' : 'COMPLETED');
  if (state === 'COMPLETED') return 'complete';
  return state === 'IN_PROGRESS' && isOver ? 'incoming' : 'other';
}
