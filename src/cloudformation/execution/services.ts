import { pathOf } from '../change-set/changes.ts';
import { isFailed } from '../stack.ts';
import type { ResourceFailure, ResourceStep } from './events.ts';

/** An ECS service that a stack creates or updates. */
interface ChangedService {
  /** `arn:aws:ecs:<region>:<account>:service/<cluster>/<name>` */
  arn: string;
  /** When the stack started to change it, in ms since the epoch by AWS's clock. */
  since: number;
}

/** Why the tasks of a service fail. */
export interface ServiceFailure {
  /** For example `The container user-service exited with code 1 right after it started`. */
  cause: string;
  fix: string;
  /** AWS's message, verbatim. */
  awsMessage?: string;
  /** Failed tasks grouped by cause, in the order of their first failure. */
  groups: readonly FailedTasks[];
  /** The last lines of the first failed container, redacted. */
  log?: { stream: string; lines: readonly string[] };
}

interface FailedTasks {
  cause: string;
  fix?: string;
  /** AWS's message, verbatim. */
  awsMessage?: string;
  count: number;
  /** The id of the first task that failed. */
  task: string;
  container?: string;
  exitCode?: number;
  stopCode?: string;
  stoppedReason?: string;
  health?: string;
  pullMs?: number;
  target?: string;
}

/** An ECS service whose tasks are followed. Its functions never throw. */
interface FollowedService {
  /** Why its tasks fail, as far as known; undefined if they do not. */
  explain(): Promise<ServiceFailure | undefined>;
  /** Why waiting for the service is pointless; undefined while it can still become steady. */
  stuckReason(): string | undefined;
}

/** Follows the tasks of a service until the signal is aborted. Never rejects. */
export type FollowService = (service: ChangedService, signal: AbortSignal) => Promise<FollowedService>;

type Change = Pick<ResourceStep | ResourceFailure, 'logicalId' | 'nesting' | 'rollback'>;

/** Why the services of a stack failed. */
export type ServiceFailures = ReadonlyMap<string, ServiceFailure>;

/** The key of a change in ServiceFailures. */
export function serviceKey(change: Change): string {
  return `${pathOf(change)}|${change.rollback}`;
}

/**
 * Follows the ECS services that an operation changes. CloudFormation waits up to three hours for a service, without
 * reporting that its tasks fail or why.
 */
export class FollowedServices {
  readonly #follow: FollowService | undefined;
  readonly #followed = new Map<string, Promise<FollowedService>>();
  readonly #known: FollowedService[] = [];
  readonly #explained = new Map<string, Promise<ServiceFailure | undefined>>();
  readonly #end = new AbortController();

  constructor(followService: FollowService | undefined) {
    this.#follow = followService;
  }

  /**
   * Follows each service from the moment its change has started and its ARN is known. Explains a failure immediately,
   * because the rollback removes the tasks.
   */
  update(steps: Iterable<ResourceStep>): void {
    if (!this.#follow) return;
    for (const step of steps) {
      const { type, action, status, physicalId, startedAt, endedAt } = step;
      if (type !== 'AWS::ECS::Service' || !['create', 'update'].includes(action)) continue;
      const key = serviceKey(step);
      const failed = isFailed(status);
      if (!this.#followed.has(key) && physicalId.startsWith('arn:') && (failed || endedAt === undefined)) {
        const followed = this.#follow({ arn: physicalId, since: startedAt }, this.#end.signal);
        this.#followed.set(key, followed);
        void followed.then((service) => this.#known.push(service));
      }
      if (failed) void this.#explain(key);
    }
  }

  /** Why waiting for one of the services is pointless; undefined while all can still become steady. */
  stuckReason(): string | undefined {
    return this.#known.map((service) => service.stuckReason()).find((why) => why !== undefined);
  }

  async explain(): Promise<ServiceFailures> {
    const found = await Promise.all(
      [...this.#followed.keys()].map(async (key) => [key, await this.#explain(key)] as const),
    );
    return new Map(found.flatMap(([key, failure]) => (failure ? [[key, failure]] : [])));
  }

  async #explain(key: string): Promise<ServiceFailure | undefined> {
    const explained =
      this.#explained.get(key) ?? this.#followed.get(key)?.then((service) => service.explain());
    if (explained) this.#explained.set(key, explained);
    return await explained;
  }

  stop(): void {
    this.#end.abort();
  }
}
