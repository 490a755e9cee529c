import type { Deployment, Revision, Service } from './model.ts';
import type { Rollout } from './rollout-context.ts';
import { aliveTasks } from './scheduler.ts';

/** The primary deployment of a revision, which has no tasks yet. */
export function newDeployment(service: Service, revision: Revision): Deployment {
  const { ecs } = service;
  const id = `ecs-svc/${ecs.newNumber()}`;
  const now = ecs.world.clock.now();
  return {
    id,
    status: 'PRIMARY',
    revision,
    wanted: 0,
    held: 0,
    failedTasks: 0,
    rolloutState: 'IN_PROGRESS',
    rolloutStateReason: `ECS deployment ${id} in progress.`,
    createdAt: now,
    updatedAt: now,
  };
}

/** A stopped rollout leaves the tasks as they are, and starts no more. */
export function freeze({ record, deployment }: Rollout): void {
  deployment.wanted = aliveTasks(deployment, record.service).length;
}
