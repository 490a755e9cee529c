import { expect, test } from '@jest/globals';
import { inParallel } from '../../../src/core/concurrency.ts';

test('all items are processed, with limited concurrency', async () => {
  const done: (number | undefined)[] = [];
  let now = 0;
  let most = 0;
  await inParallel([1, undefined, 3, 4, 5], 2, async (item) => {
    most = Math.max(most, ++now);
    await new Promise(setImmediate);
    now--;
    done.push(item);
  });
  expect(done).toEqual([1, undefined, 3, 4, 5]);
  expect(most).toBe(2);
});

test('after a failure no new work starts, and it is thrown once the rest has completed', async () => {
  const begun: number[] = [];
  const over: number[] = [];
  const run = inParallel([1, 2, 3, 4], 2, async (item) => {
    begun.push(item);
    await new Promise(setImmediate);
    if (item === 1) throw new Error('one failed');
    await new Promise(setImmediate);
    over.push(item);
  });
  await expect(run).rejects.toThrow('one failed');
  expect(begun).toEqual([1, 2]);
  expect(over).toEqual([2]);
});

test('an empty list completes immediately', async () => {
  await inParallel([], 5, () => Promise.reject(new Error('never')));
});
