import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '@services/shared';

/** The load balancer's default. */
const CHECK_TIMEOUT_MS = 5_000;

/**
 * The targets of one route, in round-robin order. The readiness of each (`/ready`) is checked regularly: a target
 * that is not ready, or is stopping, gets no new requests. If none is ready, all are used, as a load balancer does,
 * because a service's own error is more useful than one from the gateway.
 */
export class TargetGroup {
  readonly #targets: string[];
  readonly #log: Log;
  readonly #ready = new Set<string>();
  #turn = 0;

  constructor(targets: string[], log: Log) {
    this.#targets = targets;
    this.#log = log;
  }

  next(): string {
    const ready = this.#targets.filter((target) => this.#ready.has(target));
    const candidates = ready.length > 0 ? ready : this.#targets;
    this.#turn = (this.#turn + 1) % candidates.length;
    return candidates[this.#turn] ?? '';
  }

  async check(): Promise<void> {
    await Promise.all(
      this.#targets.map(async (target) => {
        const ready = await isReady(target);
        if (ready === this.#ready.has(target)) return;
        if (ready) this.#ready.add(target);
        else this.#ready.delete(target);
        this.#log.info({ target, ready }, 'target readiness changed');
      }),
    );
  }
}

async function isReady(target: string): Promise<boolean> {
  try {
    const response = await fetch(`${target}/ready`, { signal: AbortSignal.timeout(CHECK_TIMEOUT_MS) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

/**
 * Checks every group at each interval, independently of the others.
 *
 * @returns a function that stops the checks.
 */
export async function keepChecking(groups: TargetGroup[], intervalMs: number): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  await Promise.all(groups.map((group) => group.check()));
  const work = groups.map(async (group) => {
    while (await pause(intervalMs, stopping.signal)) await group.check();
  });
  return async () => {
    stopping.abort();
    await Promise.all(work);
  };
}

/** False once the checks must stop. */
function pause(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  return delay(milliseconds, true, { signal }).catch(() => false);
}
