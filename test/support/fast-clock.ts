import { type Clock, systemClock } from '../../src/core/clock.ts';

/** A clock that is faster than the real one by this factor. */
export function fastClock(scale: number): Clock {
  const start = Date.now();
  return {
    now: () => start + (Date.now() - start) * scale,
    sleep: (ms, signal) => systemClock.sleep(ms / scale, signal),
  };
}
