import type { World } from '../../world.ts';
import type { ChangeSet } from '../change-sets/change-set.ts';
import type { Stack } from './stack.ts';

/** All stacks and change sets of one account and region. */
export class StackDatabase {
  readonly stacks = new Map<string, Stack>();
  readonly changeSets = new Map<string, ChangeSet>();
  /** Named resources that exist, by type and name, whichever stack made them. */
  readonly named = new Map<string, string>();
  /** Nested stacks that so far only wait for their first change set, by parent and logical id. */
  readonly shells = new Map<string, string>();
  /** What each client request token stood for, by stack. */
  readonly tokens = new Map<string, string>();
  readonly driftDetections = new Map<string, DriftDetection>();
  /** Snapshots that deletion policies have had taken. */
  readonly snapshots: { stack: string; logicalId: string; physicalId: string }[] = [];
  readonly #active = new Map<string, string>();

  /** The stack of that name that has not been deleted, or the one with that ARN. */
  find(nameOrId: string): Stack | undefined {
    return this.stacks.get(nameOrId) ?? this.stacks.get(this.#active.get(nameOrId) ?? '');
  }

  add(stack: Stack): void {
    this.stacks.set(stack.id, stack);
    this.#active.set(stack.name, stack.id);
  }

  /** A deleted stack answers to its ARN only. */
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
