import type { Deployment, ServiceDeployment, ServiceDeploymentStatus } from '../model.ts';

/** What another caller can do to a service during a rollout. */
export interface ServiceActions {
  deploy(taskDefinition: string | undefined): void;
  scale(desiredCount: number): void;
  delete(): void;
}

/** A rollout in progress: its record, and the deployment whose tasks it starts. */
export interface Rollout {
  record: ServiceDeployment;
  deployment: Deployment;
  actions: ServiceActions;
  /** Aborted with the RolloutStop that ends it. */
  signal: AbortSignal;
  sleep(seconds: number): Promise<void>;
  /** Resolves at the next change of tasks or services. */
  change(): Promise<void>;
  now(): Date;
}

export function newRollout(
  record: ServiceDeployment,
  deployment: Deployment,
  actions: ServiceActions,
): Rollout {
  const { ecs } = record.service;
  const { world } = ecs;
  const signal = AbortSignal.any([record.stop.signal, world.closed]);
  return {
    record,
    deployment,
    actions,
    signal,
    sleep: (seconds) => world.clock.sleep(seconds, signal),
    change: () => ecs.changes.next(signal),
    now: () => world.clock.now(),
  };
}

export function setStatus(rollout: Rollout, status: ServiceDeploymentStatus, reason?: string): void {
  rollout.record.status = status;
  if (reason !== undefined) rollout.record.statusReason = reason;
  markUpdated(rollout);
}

/** Records a change of the rollout. */
export function markUpdated(rollout: Rollout): void {
  const { record, deployment } = rollout;
  record.updatedAt = rollout.now();
  deployment.updatedAt = rollout.now();
  record.service.ecs.changes.notify();
}

/** Why a rollout stops early. */
export type StopCause =
  | 'superseded'
  | 'deleted'
  | 'breaker'
  | 'alarm'
  | 'hook'
  | 'stop-requested'
  | 'rollback-requested';

export class RolloutStop extends Error {
  readonly why: StopCause;
  /** The alarm, or the stage of the hook. */
  readonly detail: string;

  constructor(why: StopCause, detail = '') {
    super(why);
    this.why = why;
    this.detail = detail;
  }
}
