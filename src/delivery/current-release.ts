import type { Service } from '@aws-sdk/client-ecs';
import { type EcsContext, goalOf, primaryDeployment } from '../ecs/service.ts';
import { factsOf, mainContainer } from '../ecs/task-definition/changes.ts';
import { readTaskDefinition } from '../ecs/task-definition/revisions.ts';
import type { CurrentRelease } from './rollback-target.ts';

/** Reads what a service works towards. Its tasks may still run something else, or nothing. */
export async function readCurrentRelease(
  context: EcsContext,
  service: Service,
): Promise<CurrentRelease & { taskDefinition: string }> {
  const taskDefinition = goalOf(service) ?? service.taskDefinition ?? '';
  const image = await mainImage(context, service, taskDefinition);
  return { image, taskDefinition, state: stateOf(service) };
}

/** The image of a revision's main container. */
export async function mainImage(context: EcsContext, service: Service, revision: string): Promise<string> {
  const { definition } = await readTaskDefinition(context, revision);
  return mainContainer(definition, factsOf(service, service.serviceName ?? ''), 'image').image;
}

function stateOf(service: Service): CurrentRelease['state'] {
  const { deployments = [] } = service;
  const primary = primaryDeployment(service);
  const isOver = deployments.some(({ taskDefinition }) => taskDefinition !== primary?.taskDefinition);
  // Where there is no rolloutState, a deployment is complete when all others are gone.
  const state = primary?.rolloutState ?? (isOver ? 'IN_PROGRESS' : 'COMPLETED');
  if (state === 'COMPLETED') return 'complete';
  return state === 'IN_PROGRESS' && isOver ? 'incoming' : 'other';
}
