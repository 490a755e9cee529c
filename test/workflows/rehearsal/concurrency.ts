import { Refused } from './inputs.ts';

/** Why a job did not get its turn, or lost it. */
export class Superseded extends Error {
  override readonly name = 'Superseded';
}

interface Member {
  /** Cancels it while it runs. */
  cancel: (reason: Error) => void;
  begin: () => void;
  refuse: (reason: Error) => void;
}

interface Group {
  running: Member;
  pending: Member[];
}

/** The maximum number of waiting jobs with `queue: max`. */
const LONGEST_QUEUE = 100;

/**
 * The repository's concurrency groups: "there can be at most one running job or workflow in a concurrency group at any
 * time. […] By default, any existing `pending` job or workflow in the same concurrency group will be canceled and the new
 * queued job or workflow will take its place." With `queue: max`, "up to 100 jobs or workflow runs can be `pending`",
 * "processed in first-in-first-out (FIFO) order according to the time each one started waiting on the concurrency group".
 * "The concurrency group name is case insensitive."
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#concurrency
 */
export class ConcurrencyGroups {
  readonly #groups = new Map<string, Group>();

  /**
   * Waits for its turn. Resolves to a function that ends it.
   *
   * @throws Superseded when another took its place in the queue, Refused for what may not be combined, or the signal's
   * reason.
   */
  async enter(
    wanted: { group: string; cancelInProgress: boolean; queue: 'single' | 'max' },
    cancel: (reason: Error) => void,
    signal: AbortSignal,
  ): Promise<() => void> {
    if (wanted.queue === 'max' && wanted.cancelInProgress) {
      // "The combination of `queue: max` and `cancel-in-progress: true` is not allowed and will result in a workflow
      // validation error."
      throw new Refused('cancel-in-progress is not allowed with queue: max');
    }
    const name = wanted.group.toLowerCase();
    signal.throwIfAborted();
    await new Promise<void>((begin, refuse) => {
      const member = { cancel, begin, refuse };
      const group = this.#groups.get(name);
      if (!group) {
        this.#groups.set(name, { running: member, pending: [] });
        begin();
        return;
      }
      signal.addEventListener('abort', () => {
        group.pending = group.pending.filter((each) => each !== member);
        refuse(signal.reason as Error);
      });
      const reason = new Superseded(`another one waits for ${wanted.group}`);
      if (wanted.queue === 'single') for (const each of group.pending.splice(0)) each.refuse(reason);
      if (wanted.cancelInProgress) group.running.cancel(new Superseded(`a newer one is in ${wanted.group}`));
      if (group.pending.length >= LONGEST_QUEUE) refuse(reason);
      else group.pending.push(member);
    });
    return () => {
      this.#leave(name);
    };
  }

  #leave(name: string): void {
    const group = this.#groups.get(name);
    const next = group?.pending.shift();
    if (!group || !next) {
      this.#groups.delete(name);
      return;
    }
    group.running = next;
    next.begin();
  }
}
