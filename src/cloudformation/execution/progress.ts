import type { Log } from '../../core/log.ts';
import { duration } from '../../core/text.ts';
import { pathOf } from '../change-set/changes.ts';
import { plainReason } from '../diagnosis/hints.ts';
import { isFailed, isRollback, STACK_TYPE } from '../stack.ts';
import type { ResourceEvent, ResourceStep } from './events.ts';

const STANDING_EVERY_MS = 20_000;
const SIGNS = { create: '+', update: '~', delete: '-', import: '+' } as const;
const TYPE_WIDTH = 40;
const STATUS_WIDTH = 18;
const SHOWN_RUNNING = 3;

/**
 * Shows an operation in a CI log: one line per finished change, nested stacks indented below their own line, and
 * from time to time what is done and what is running.
 */
export class Progress {
  readonly #log: Log;
  readonly #expected: ReadonlySet<string>;
  readonly #done = new Set<string>();
  readonly #running = new Map<string, { step: ResourceStep; since: number }>();
  #spokenAt: number;
  #rollingBack = false;

  /** @param expected the paths of the resources that the operation changes, where they are known. */
  constructor(log: Log, expected: Iterable<string>, nowMs: number) {
    this.#log = log;
    this.#expected = new Set(expected);
    this.#spokenAt = nowMs;
  }

  /** A change of a resource started or ended. */
  step(step: ResourceStep, nowMs: number): void {
    const path = pathOf(step);
    if (step.endedAt === undefined) {
      this.#running.set(path, { step, since: nowMs });
    } else {
      this.#running.delete(path);
      if (this.#expected.has(path)) this.#done.add(path);
    }
    if (step.endedAt === undefined && step.type !== STACK_TYPE) return;
    this.#spokenAt = nowMs;
    this.#log.info(lineOf(step));
  }

  /** An event of the stack itself: the start of a rollback and the end are logged. */
  own(event: ResourceEvent, nowMs: number): void {
    const turns = isRollback(event.status) && !this.#rollingBack;
    this.#rollingBack ||= turns;
    if (!turns && event.status.endsWith('_IN_PROGRESS')) return;
    this.#spokenAt = nowMs;
    const reason = event.reason ? `  ${plainReason(event.reason)}` : '';
    this.#log.info(
      `${timeOf(event.at)}  ${isFailed(event.status) ? '!' : '='}  ${event.logicalId} is ${event.status}${reason}`,
    );
  }

  /** Logs the progress when nothing was logged for a while. */
  tick(nowMs: number): void {
    if (nowMs - this.#spokenAt < STANDING_EVERY_MS) return;
    this.#spokenAt = nowMs;
    this.#log.info(`          … ${this.describe(nowMs)}`);
  }

  /** Such as `3 of 12 done; in progress: NatGateway1 46s`. */
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
  const reason = step.reason && isWorthTelling(step) ? `  ${plainReason(step.reason)}` : '';
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

function isWorthTelling(step: ResourceStep): boolean {
  return isFailed(step.status) || step.status.endsWith('_SKIPPED');
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().slice(11, 19);
}
