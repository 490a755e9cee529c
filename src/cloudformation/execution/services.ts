import { pathOf } from '../change-set/changes.ts';
import { isFailed } from '../stack.ts';
import type { ResourceFailure, ResourceStep } from './events.ts';

/** An ECS service that a stack creates or updates. */
interface ChangedService {
  /** `arn:aws:ecs:<region>:<account>:service/<cluster>/<name>` */
  arn: string;
  /** When the stack began to change it, by AWS's clock, ms since the epoch. */
  since: number;
}

/** Why the tasks of a service fail. */
export interface ServiceFailure {
  /** In a few words: `The container user-service ended with exit code 1 as it started`. */
  cause: string;
  fix: string;
  /** What AWS says, word for word. */
  awsMessage?: string;
  /** Tasks that failed alike, the first failure first. */
  groups: readonly FailedTasks[];
  /** The last lines of the first failed container, redacted. */
  log?: { stream: string; lines: readonly string[] };
}

interface FailedTasks {
  cause: string;
  fix?: string;
  /** What AWS says, word for word. */
  awsMessage?: string;
  count: number;
  /** The id of the first of them. */
  task: string;
  container?: string;
  exitCode?: number;
  stopCode?: string;
  stoppedReason?: string;
  health?: string;
  pullMs?: number;
  target?: string;
}

/** A service that is followed. Its functions never throw. */
interface FollowedService {
  /** Why its tasks fail, as far as is known at that time; undefined when they do not. */
  explain(): Promise<ServiceFailure | undefined>;
  /** Why waiting for it does not help any more; undefined while it may. */
  hopeless(): string | undefined;
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
 * Follows the ECS services that an operation changes. CloudFormation waits for a service for up to three hours, and
 * reports neither that its tasks fail nor why.
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
   * Follows each service as soon as its change has started and its ARN is known, and explains a failure at once: the
   * rollback removes the tasks.
   */
  see(steps: Iterable<ResourceStep>): void {
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

  /** Why waiting for one of them does not help any more; undefined while it may. */
  hopeless(): string | undefined {
    return this.#known.map((service) => service.hopeless()).find((why) => why !== undefined);
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
