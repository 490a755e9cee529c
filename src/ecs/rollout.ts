import { classify, isThrottle } from '../aws/errors.ts';
import { poll } from '../runtime/poll.ts';
import type { EcsContext } from './context.ts';
import type { OurDeployment } from './deployment.ts';
import type { TargetCount } from './progress.ts';
import { RolloutProgress } from './progress.ts';
import { isEnd, readRollout } from './rollout-state.ts';
import type { RolloutState } from './rollout-state.ts';

/** With how many failed looks in a row, after the SDK's own retries, the watch gives up. */
const FAILED_LOOKS = 5;
/** How often targets are counted while nothing else changes. */
const TARGETS_EVERY_MS = 20_000;

/** Who wants to know what happens on the way. */
export interface RolloutObserver {
  /** For each line of progress. */
  say(line: string): void;
  /** A task has failed, or ECS has turned back: called when it is first seen, while the tasks still exist. */
  failing(state: RolloutState): Promise<void>;
  /** A PAUSE hook waits: called once for each. What it throws ends the watch. */
  paused(hookId: string, state: RolloutState): Promise<void>;
  /** Counts the targets; undefined where there is no load balancer. */
  targets(): Promise<TargetCount | undefined>;
}

/**
 * Watches one deployment to its end. A rollback is watched to its end too: that it has begun is told at once.
 *
 * @throws TimeoutError at the deadline; the signal's reason; what `paused` throws.
 */
export async function watchRollout(
  context: EcsContext,
  deployment: OurDeployment,
  options: { timeoutMs: number; observer: RolloutObserver },
): Promise<RolloutState> {
  const watch = new Watch(context, deployment, options.observer);
  const what = `the deployment of ${deployment.service}`;
  return await poll(context, { what, timeoutMs: options.timeoutMs, isThrottle }, () => watch.look());
}

class Watch {
  readonly #context: EcsContext;
  readonly #deployment: OurDeployment;
  readonly #observer: RolloutObserver;
  readonly #progress: RolloutProgress;
  readonly #paused = new Set<string>();
  #decisionError: Error | undefined;
  #targets: TargetCount | undefined;
  #countedAt = -Infinity;
  #seen = '';
  #failures = 0;
  #turned = false;
  #failedLooks = 0;

  constructor(context: EcsContext, deployment: OurDeployment, observer: RolloutObserver) {
    this.#context = context;
    this.#deployment = deployment;
    this.#observer = observer;
    this.#progress = new RolloutProgress((line) => {
      observer.say(line);
    });
  }

  /** One look: the state when it is an end. Lost connections and AWS's own errors are borne for a while. */
  async look(): Promise<RolloutState | undefined> {
    if (this.#decisionError) throw this.#decisionError;
    try {
      const state = await readRollout(this.#context, this.#deployment);
      await this.#take(state);
      this.#failedLooks = 0;
      return isEnd(state.phase) ? state : undefined;
    } catch (error) {
      const passing = ['network', 'server'].includes(classify(error));
      if (!passing || this.#context.signal.aborted || ++this.#failedLooks >= FAILED_LOOKS) throw error;
      this.#context.log.info(
        `AWS did not answer (${this.#failedLooks} of ${FAILED_LOOKS - 1} times); watching on.`,
      );
      return undefined;
    }
  }

  async #take(state: RolloutState): Promise<void> {
    // The end is told without another call.
    if (!isEnd(state.phase)) await this.#count(state);
    this.#progress.see(state, this.#targets);
    const turned = ['rolling-back', 'rolled-back', 'rollback-failed', 'failed'].includes(state.phase);
    const more = state.failures.count > this.#failures;
    if ((more && this.#failures === 0) || (turned && !this.#turned)) await this.#observer.failing(state);
    this.#turned ||= turned;
    this.#failures = Math.max(this.#failures, state.failures.count);
    if (state.pause && !isEnd(state.phase)) this.#decide(state.pause.hookId, state);
  }

  /** Targets are counted when the tasks change, and from time to time: it is another call. */
  async #count(state: RolloutState): Promise<void> {
    const now = this.#context.clock.now();
    const seen = JSON.stringify([state.tasks, state.traffic, state.stage]);
    if (seen === this.#seen && now - this.#countedAt < TARGETS_EVERY_MS) return;
    this.#seen = seen;
    this.#countedAt = now;
    this.#targets = await this.#observer.targets();
  }

  /** The watch goes on while the decision is made. */
  #decide(hookId: string, state: RolloutState): void {
    if (this.#paused.has(hookId)) return;
    this.#paused.add(hookId);
    this.#observer.paused(hookId, state).catch((error: unknown) => {
      this.#decisionError = error instanceof Error ? error : new Error(String(error));
    });
  }
}
