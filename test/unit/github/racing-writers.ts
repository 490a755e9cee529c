import type { Clock } from '../../../src/core/clock.ts';
import { GitHubError } from '../../../src/github/client.ts';
import { type Layout, type PartDraft, writeBody } from '../../../src/github/comment-parts.ts';
import type { CommentStore, StoredComment } from '../../../src/github/shared-comment.ts';

/** Simulated time: events happen in the order of their times, without real waiting. */
export class Simulation {
  #now = 1_700_000_000_000;
  #events: { at: number; run: () => void }[] = [];
  readonly random: () => number;

  /** A seed always results in the same events. */
  constructor(seed: number) {
    let state = seed >>> 0 || 1;
    this.random = () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      state >>>= 0;
      return state / 2 ** 32;
    };
  }

  readonly clock: Clock = { now: () => this.#now, sleep: (ms) => this.after(ms) };

  after(ms: number): Promise<void> {
    return new Promise((resolve) => this.#events.push({ at: this.#now + ms, run: resolve }));
  }

  /** Runs until there are no more events. */
  async play(): Promise<void> {
    for (;;) {
      await new Promise(setImmediate);
      const next = this.#events.reduce<{ at: number; run: () => void } | undefined>(
        (first, event) => (first && first.at <= event.at ? first : event),
        undefined,
      );
      if (!next) return;
      this.#events.splice(this.#events.indexOf(next), 1);
      this.#now = next.at;
      next.run();
    }
  }
}

export interface Weather {
  /** The maximum latency in each direction, in ms. */
  latencyMs: number;
  /** The probability that a call takes up to ten seconds, and that a write is applied after its writer gave up. */
  slow: number;
  /** The probability that a response is lost. */
  lost: number;
  /** The age of what a read may return, in ms. */
  lagMs: number;
}

/** The comments of a pull request, as several processes see them over a network. */
export class RacingGitHub {
  comments: StoredComment[] = [];
  removed = 0;
  readonly #simulation: Simulation;
  readonly #weather: Weather;
  readonly #past: { at: number; comments: StoredComment[] }[] = [];
  #lastId = 0;

  constructor(simulation: Simulation, weather: Weather) {
    this.#simulation = simulation;
    this.#weather = weather;
  }

  add(body: string): StoredComment {
    const id = ++this.#lastId;
    const comment = { id, body, url: `https://github.example/${id}` };
    this.#change([...this.comments, comment]);
    return comment;
  }

  store(): CommentStore {
    return {
      list: async () => {
        await this.#way();
        const seen = this.#asOf(
          this.#simulation.clock.now() - this.#simulation.random() * this.#weather.lagMs,
        );
        await this.#way();
        return seen;
      },
      create: async (body) => {
        await this.#way();
        const created = this.add(body);
        await this.#way();
        return { ...created, created: true };
      },
      replace: (id, body, limitMs = 15_000) => this.#replace(id, body, limitMs),
      remove: async (id) => {
        await this.#way();
        this.removed++;
        this.#change(this.comments.filter((comment) => comment.id !== id));
        await this.#way();
      },
    };
  }

  async #replace(id: number, body: string, limitMs: number): Promise<void> {
    const { random } = this.#simulation;
    const up = random() < this.#weather.slow ? random() * 10_000 : random() * this.#weather.latencyMs;
    const down = random() * this.#weather.latencyMs;
    if (limitMs <= 0) throw new GitHubError('not sent in time');
    const applied = this.#simulation.after(up).then(() => {
      const found = this.comments.some((comment) => comment.id === id);
      if (found) this.#change(this.comments.map((one) => (one.id === id ? { ...one, body } : one)));
      return found;
    });
    if (up + down > limitMs || random() < this.#weather.lost) {
      await this.#simulation.after(Math.min(limitMs, up + down));
      throw new GitHubError('the answer was lost');
    }
    const found = await applied;
    await this.#simulation.after(down);
    if (!found) throw new GitHubError('Not Found', { status: 404 });
  }

  #way(): Promise<void> {
    return this.#simulation.after(this.#simulation.random() * this.#weather.latencyMs);
  }

  #change(comments: StoredComment[]): void {
    this.#past.push({ at: this.#simulation.clock.now(), comments });
    this.comments = comments;
  }

  #asOf(time: number): StoredComment[] {
    return this.#past.findLast(({ at }) => at <= time)?.comments ?? [];
  }
}

/** What every action did: read, replace, done. */
export async function writeOnce(store: CommentStore, draft: PartDraft, layout: Layout): Promise<void> {
  const { readParts } = await import('../../../src/github/comment-parts.ts');
  const [kept] = await store.list();
  if (!kept) await store.create(writeBody(draft, [], layout));
  else await store.replace(kept.id, writeBody(draft, readParts(kept.body).values(), layout));
}
