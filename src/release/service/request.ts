import type { TaskDefinitionChanges, TaskDefinitionSource } from '../../ecs/task-definition.ts';
import type { LedgerNames, Release } from '../ledger.ts';

/** What is done about a deployment that fails, runs out of time, or whose job is cancelled. */
export type OnFailure = 'rollback' | 'stop' | 'keep';

/** Which service, and how to go about it. */
export interface ServiceTarget {
  /** Name or ARN. */
  cluster: string;
  service: string;
  /** False: the deployment is started and not watched. The verdict is `deployed`, and the reason says it is unproven. */
  wait: boolean;
  timeoutMs: number;
  onFailure: OnFailure;
  /** Where the release is written once it is good. */
  ledger?: LedgerNames;
  /** Who releases, for the ledger. */
  origin: Pick<Release, 'commit' | 'run' | 'actor' | 'from' | 'bypass'>;
}

/** A release of one service. */
export interface ServiceRequest extends ServiceTarget {
  /** What the new revision is made from; default, the service's own. */
  source: TaskDefinitionSource;
  changes: TaskDefinitionChanges;
  desiredCount?: number;
  /** Run to its end before the service is touched, as a task of the new revision in the service's own network. */
  preDeploy?: readonly string[];
  smokeTest?: SmokeTest;
  /** How many revisions of the family are kept; the others are deregistered, never one that runs. */
  keepRevisions?: number;
}

export type SmokeTest =
  | {
      kind: 'url';
      url: string;
      /** Lowest and highest status that passes. */
      status: readonly [number, number];
      /** A text that the body must have. */
      body?: string;
      timeoutMs: number;
    }
  | { kind: 'command'; command: readonly [string, ...string[]]; timeoutMs: number };

/** A way back to what ran before. */
export interface RollbackRequest extends ServiceTarget {
  /** `family:revision` or an ARN; default, what the ledger or the service's own history has before the present one. */
  to?: string;
}
