import type { World } from '../../world.ts';
import type { ChangeSet } from '../change-sets/change-set.ts';
import type { Stack } from './stack.ts';

/** All stacks and change sets of an account and region. */
export class StackDatabase {
  readonly stacks = new Map<string, Stack>();
  readonly changeSets = new Map<string, ChangeSet>();
  /** Named resources by type and name, of all stacks. */
  readonly named = new Map<string, string>();
  /** Nested stacks that wait for their first change set, by parent and logical id. */
  readonly shells = new Map<string, string>();
  /** The requests of client request tokens, by stack. */
  readonly tokens = new Map<string, string>();
  readonly driftDetections = new Map<string, DriftDetection>();
  /** Snapshots taken because of deletion policies. */
  readonly snapshots: { stack: string; logicalId: string; physicalId: string }[] = [];
  readonly #active = new Map<string, string>();

  /** The stack with this name that is not deleted, or the stack with this ARN. */
  find(nameOrId: string): Stack | undefined {
    return this.stacks.get(nameOrId) ?? this.stacks.get(this.#active.get(nameOrId) ?? '');
  }

  add(stack: Stack): void {
    this.stacks.set(stack.id, stack);
    this.#active.set(stack.name, stack.id);
  }

  /** A deleted stack is found only by its ARN. */
  release(stack: Stack): void {
    if (this.#active.get(stack.name) === stack.id) this.#active.delete(stack.name);
  }

  active(): Stack[] {
    return [...this.#active.values()].flatMap((id) => this.stacks.get(id) ?? []);
  }

  changeSetsOf(stack: Stack): ChangeSet[] {
    return [...this.changeSets.values()].filter(({ stackId }) => stackId === stack.id);
  }
}

export interface DriftDetection {
  id: string;
  stackId: string;
  startedAt: Date;
  status: 'DETECTION_IN_PROGRESS' | 'DETECTION_COMPLETE' | 'DETECTION_FAILED';
  statusReason?: string;
  driftStatus?: string;
  drifted?: number;
}

/** The stacks of an account and region. */
export function stackDatabase(world: World, account: string, region: string): StackDatabase {
  return world.store(account, region, 'cloudformation', () => new StackDatabase());
}
