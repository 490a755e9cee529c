import type { Context } from '../../../../src/core/context.ts';
import { Annotations } from '../../../../src/core/log.ts';
import { RateLimiter } from '../../../../src/core/network/rate-limiter.ts';
import { Unstopped } from '../../../../src/core/cancellation.ts';
import { Redactor } from '../../../../src/core/redaction.ts';
import { FakeClock, recordingLog } from '../../core/fakes.ts';

/** A context whose sleeps take no time. */
export function contextOf(
  signal = new AbortController().signal,
): Context & { clock: FakeClock; lines: string[] } {
  const redactor = new Redactor();
  const { log, lines } = recordingLog(redactor);
  const clock = new FakeClock();
  const limiter = new RateLimiter({ perSecond: 1000, burst: 1000, clock });
  const annotations = new Annotations();
  return { log, lines, clock, signal, redactor, limiter, annotations, unstopped: new Unstopped() };
}
