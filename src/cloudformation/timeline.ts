import type { ResourceAction } from './durations.ts';
import { isOwnRow, type ResourceEvent } from './events.ts';
import { isFailed, isRollback } from './stack.ts';

/** One change of one resource, from its first event to its last. */
export interface ResourceStep {
  logicalId: string;
  /** Logical ids of the nested stacks above, from the root. */
  nesting: readonly string[];
  type: string;
  physicalId: string;
  action: ResourceAction;
  status: string;
  reason?: string;
  /** On AWS's clock, ms since the epoch. */
  startedAt: number;
  endedAt?: number;
  /** Part of a rollback, not of what was asked for. */
  rollback: boolean;
}

/** A resource that failed, in the order in which AWS reported it. */
export interface ResourceFailure {
  logicalId: string;
  nesting: readonly string[];
  type: string;
  physicalId: string;
  status: string;
  reason: string;
  at: number;
  rollback: boolean;
}

/** More failures than a person, or the search for the first one, ever needs. */
const MAX_FAILURES = 500;

/**
 * What happened to each resource, built event by event. It holds one step a resource, action and direction, so
 * its size is that of the stack and not of its history.
 */
export class Timeline {
  readonly #rootId: string;
  readonly #steps = new Map<string, ResourceStep>();
  readonly #hooks = new Map<string, string>();
  /** When each stack began to go back. */
  readonly #rollbackAt = new Map<string, number>();
  readonly failures: ResourceFailure[] = [];
  /** Why the stack itself turned back, in CloudFormation's words. */
  turnReason: string | undefined;

  /** @param rootId ARN of the stack that the operation is for. */
  constructor(rootId: string) {
    this.#rootId = rootId;
  }

  /** Takes one event; answers the step when the event began or ended it, and undefined when nothing changed. */
  add(event: ResourceEvent, nesting: readonly string[]): ResourceStep | undefined {
    if (isOwnRow(event) && isRollback(event.status) && !this.#rollbackAt.has(event.stackId)) {
      this.#rollbackAt.set(event.stackId, event.at);
      if (event.stackId === this.#rootId) this.turnReason = event.reason;
    }
    if (event.hookFailure !== undefined) this.#hooks.set(keyOf(event), event.hookFailure);
    if (isFailed(event.status)) this.#fail(event, nesting);
    return isOwnRow(event) ? undefined : this.#step(event, nesting);
  }

  get steps(): IterableIterator<ResourceStep> {
    return this.#steps.values();
  }

  /** Whether the operation went back. */
  get rolledBack(): boolean {
    return this.#rollbackAt.has(this.#rootId);
  }

  #step(event: ResourceEvent, nesting: readonly string[]): ResourceStep | undefined {
    const action = actionOf(event.status);
    if (!action) return undefined;
    const rollback = this.#isRollback(event);
    const key = `${keyOf(event)}|${action}|${rollback}`;
    const known = this.#steps.get(key);
    const running = event.status.endsWith('_IN_PROGRESS');
    const goesOn = known !== undefined && known.endedAt === undefined;
    if (goesOn && running) {
      known.physicalId = event.physicalId || known.physicalId;
      return undefined;
    }
    const step: ResourceStep = {
      logicalId: event.logicalId,
      nesting,
      type: event.type,
      physicalId: event.physicalId,
      action,
      status: event.status,
      ...(event.reason === undefined ? {} : { reason: event.reason }),
      startedAt: goesOn ? known.startedAt : event.at,
      ...(running ? {} : { endedAt: event.at }),
      rollback,
    };
    this.#steps.set(key, step);
    return step;
  }

  #fail(event: ResourceEvent, nesting: readonly string[]): void {
    if (this.failures.length >= MAX_FAILURES) return;
    const hook = this.#hooks.get(keyOf(event));
    this.failures.push({
      logicalId: event.logicalId,
      nesting,
      type: event.type,
      physicalId: event.physicalId,
      status: event.status,
      reason: [event.reason, hook].filter((text) => text !== undefined).join(' '),
      at: event.at,
      rollback: this.#isRollback(event),
    });
  }

  /** Nested stacks are read after their root, so what they did before the root turned back is told by the time. */
  #isRollback(event: ResourceEvent): boolean {
    if (this.#rollbackAt.has(event.stackId)) return true;
    const rootAt = this.#rollbackAt.get(this.#rootId);
    return event.stackId !== this.#rootId && rootAt !== undefined && event.at > rootAt;
  }
}

function keyOf(event: ResourceEvent): string {
  return `${event.stackId}|${event.logicalId}`;
}

function actionOf(status: string): ResourceAction | undefined {
  if (status.startsWith('CREATE_')) return 'create';
  if (status.startsWith('UPDATE_')) return 'update';
  if (status.startsWith('DELETE_')) return 'delete';
  return status.startsWith('IMPORT_') ? 'import' : undefined;
}
