import type { Call } from '../service.ts';
import { textOf } from '../service.ts';
import type { World } from '../world.ts';
import type { Ecs } from './ecs.ts';
import { ecsOf } from './ecs.ts';
import type { Cluster, Service, ServiceDeployment, TaskDefinition } from './model.ts';
import { clientError, clusterNotFound, serviceDeploymentNotFound, serviceNotFound } from './refusals.ts';

export function ecsOfCall(world: World, call: Call): Ecs {
  return ecsOf(world, call.account, call.region);
}

export function lastPart(nameOrArn: string): string {
  return nameOrArn.slice(nameOrArn.lastIndexOf('/') + 1);
}

/** The cluster that a call names, `default` when it names none. Throws ClusterNotFoundException. */
export function clusterNamed(ecs: Ecs, given: unknown): Cluster {
  const cluster = ecs.clusters.get(lastPart(textOf(given) ?? 'default'));
  if (cluster?.status === 'ACTIVE') return cluster;
  throw clusterNotFound();
}

/** A service by its name or ARN, also one that is gone; undefined when there was none. */
export function findService(ecs: Ecs, cluster: Cluster, nameOrArn: string): Service | undefined {
  return ecs.services.get(ecs.arn(`service/${cluster.name}/${lastPart(nameOrArn)}`));
}

/** Throws ServiceNotFoundException. */
export function serviceNamed(ecs: Ecs, cluster: Cluster, nameOrArn: unknown): Service {
  const service = findService(ecs, cluster, textOf(nameOrArn) ?? '');
  if (service && service.status !== 'INACTIVE') return service;
  throw serviceNotFound();
}

/** `family`, `family:revision` or an ARN; a family alone is its newest active revision. */
export function findTaskDefinition(ecs: Ecs, given: unknown): TaskDefinition | undefined {
  const [family = '', revision] = lastPart(textOf(given) ?? '').split(':');
  const revisions = ecs.families.get(family) ?? [];
  return revision === undefined
    ? revisions.findLast(({ status }) => status === 'ACTIVE')
    : revisions.find((definition) => String(definition.revision) === revision);
}

/** One that tasks can be started of. Throws ClientException. */
export function usableTaskDefinition(ecs: Ecs, given: unknown): TaskDefinition {
  const definition = findTaskDefinition(ecs, given);
  if (!definition) throw clientError('TaskDefinition not found.');
  if (definition.status !== 'ACTIVE') throw clientError('TaskDefinition is inactive');
  return definition;
}

/** Throws ServiceDeploymentNotFoundException, also while AWS would not show it yet. */
export function serviceDeploymentNamed(ecs: Ecs, given: unknown): ServiceDeployment {
  const deployment = ecs.serviceDeployments.get(textOf(given) ?? '');
  if (deployment && isVisible(ecs, deployment)) return deployment;
  throw serviceDeploymentNotFound();
}

export function isVisible(ecs: Ecs, deployment: ServiceDeployment): boolean {
  return deployment.visibleAt <= ecs.world.clock.now();
}
