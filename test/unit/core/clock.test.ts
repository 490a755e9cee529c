import { expect, test } from '@jest/globals';
import { systemClock } from '../../../src/core/clock.ts';

test('sleep waits', async () => {
  const started = systemClock.now();
  await systemClock.sleep(30);
  expect(systemClock.now() - started).toBeGreaterThanOrEqual(25);
});

test('an abort ends the sleep with its reason', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const sleep = systemClock.sleep(60_000, controller.signal);
  controller.abort(reason);
  await expect(sleep).rejects.toBe(reason);
  await expect(systemClock.sleep(60_000, controller.signal)).rejects.toBe(reason);
});
