import type { Log } from '../../core/log.ts';
import { duration } from '../../core/text.ts';
import { pathOf } from '../change-set/changes.ts';
import { plainReason } from '../diagnosis/hints.ts';
import { isFailed, isRollback, STACK_TYPE } from '../stack.ts';
import type { ResourceEvent, ResourceStep } from './events.ts';

const SUMMARY_INTERVAL_MS = 20_000;
const SIGNS = { create: '+', update: '~', delete: '-', import: '+' } as const;
const TYPE_WIDTH = 40;
const STATUS_WIDTH = 18;
const SHOWN_RUNNING = 3;

/**
 * Logs an operation: one line per finished change, with nested stacks indented, and regularly what is done and what is in
 * progress.
 */
export class Progress {
  readonly #log: Log;
  readonly #expected: ReadonlySet<string>;
  readonly #done = new Set<string>();
  readonly #running = new Map<string, { step: ResourceStep; since: number }>();
  #loggedAt: number;
  #rollingBack = false;

  /** @param expected the paths of the resources that the operation changes, if they are known. */
  constructor(log: Log, expected: Iterable<string>, nowMs: number) {
    this.#log = log;
    this.#expected = new Set(expected);
    this.#loggedAt = nowMs;
  }

  /** Records that a resource's change started or ended. */
  step(step: ResourceStep, nowMs: number): void {
    const path = pathOf(step);
    if (step.endedAt === undefined) {
      this.#running.set(path, { step, since: nowMs });
    } else {
      this.#running.delete(path);
      if (this.#expected.has(path)) this.#done.add(path);
    }
    if (step.endedAt === undefined && step.type !== STACK_TYPE) return;
    this.#loggedAt = nowMs;
    this.#log.info(lineOf(step));
  }

  /** Records an event of the stack itself. Logs the start of a rollback, and the end of the operation. */
  own(event: ResourceEvent, nowMs: number): void {
    const turns = isRollback(event.status) && !this.#rollingBack;
    this.#rollingBack ||= turns;
    if (!turns && event.status.endsWith('_IN_PROGRESS')) return;
    this.#loggedAt = nowMs;
    const reason = event.reason ? `  ${plainReason(event.reason)}` : '';
    this.#log.info(
      `${timeOf(event.at)}  ${isFailed(event.status) ? '!' : '='}  ${event.logicalId} is ${event.status}${reason}`,
    );
  }

  /** Logs the progress if nothing was logged for 20 s. */
  tick(nowMs: number): void {
    if (nowMs - this.#loggedAt < SUMMARY_INTERVAL_MS) return;
    this.#loggedAt = nowMs;
    this.#log.info(`          … ${this.describe(nowMs)}`);
  }

  /** For example `3 of 12 done; in progress: NatGateway1 46s`. */
  describe(nowMs: number): string {
    const total = this.#expected.size;
    const parts = total > 0 ? [`${this.#done.size} of ${total} done`] : [];
    const running = [...this.#running]
      .filter(([, { step }]) => step.type !== STACK_TYPE)
      .sort(([, a], [, b]) => a.since - b.since);
    if (running.length > 0) {
      const named = running
        .slice(0, SHOWN_RUNNING)
        .map(([path, { since }]) => `${path} ${duration(nowMs - since)}`);
      const more = running.length > SHOWN_RUNNING ? ` and ${running.length - SHOWN_RUNNING} more` : '';
      parts.push(`in progress: ${named.join(', ')}${more}`);
    }
    if (this.#rollingBack) parts.push('rolling back');
    return parts.length > 0 ? parts.join('; ') : 'waiting for events';
  }
}

/** `12:03:09  +  1m 46s  CREATE_COMPLETE  AWS::EC2::NatGateway  NatGateway1`; times are UTC. */
function lineOf(step: ResourceStep): string {
  const sign = isFailed(step.status) ? '!' : SIGNS[step.action];
  const took = step.endedAt === undefined ? '' : duration(step.endedAt - step.startedAt);
  const reason = step.reason && hasUsefulReason(step) ? `  ${plainReason(step.reason)}` : '';
  const columns = [
    timeOf(step.endedAt ?? step.startedAt),
    sign,
    took.padStart(7),
    step.status.padEnd(STATUS_WIDTH),
    step.type.padEnd(TYPE_WIDTH),
    `${'  '.repeat(step.nesting.length)}${pathOf(step)}`,
  ];
  return `${columns.join('  ')}${reason}`;
}

function hasUsefulReason(step: ResourceStep): boolean {
  return isFailed(step.status) || step.status.endsWith('_SKIPPED');
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}
