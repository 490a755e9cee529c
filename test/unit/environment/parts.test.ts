import { StackListing } from '../../../src/cloudformation/listing.ts';
import { expect, test } from '@jest/globals';
import type { EnvironmentContext } from '../../../src/environment/run/context.ts';
import { DEPLOYING, overallVerdict } from '../../../src/environment/run/result.ts';
import { runParts, type Part } from '../../../src/environment/run/parts.ts';
import { CancelledError, TimeoutError } from '../../../src/core/errors.ts';
import { LockTakenError } from '../../../src/delivery/lock.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { recordingLog } from '../core/fakes.ts';

/** Two parts in sequence; the signal is aborted while the first one succeeds. */
async function judged(cause: Error): Promise<{ verdict: string; reason: string }> {
  const stop = new AbortController();
  const { log } = recordingLog();
  const context = {
    clock: systemClock,
    log,
    signal: stop.signal,
    listing: new StackListing(),
  } as unknown as EnvironmentContext;
  const part = (name: string, after: string[]): Part => ({
    name,
    kind: 'stack',
    after,
    work: () => {
      stop.abort(cause);
      return Promise.resolve({ verdict: 'created', ok: true, reason: '' });
    },
  });
  const parts = await runParts(context, [part('network', []), part('queue', ['network'])]);
  return overallVerdict('dev', parts, DEPLOYING);
}

test.each([
  [new CancelledError('SIGTERM'), 'cancelled', 'cancelled by SIGTERM'],
  [new TimeoutError('The work on dev', 60_000), 'timed-out', 'The work on dev did not finish within 1 min'],
  [
    new LockTakenError('/shop/dev/lock', 'Locked by ada'),
    'failed',
    'Locked by ada. The lock is the parameter',
  ],
])('%s between two parts is reported as such', async (cause, verdict, said) => {
  const end = await judged(cause);
  expect(end.verdict).toBe(verdict);
  expect(end.reason).toContain(`dev: 1 of 2 completed. Not started: ${said}`);
});
