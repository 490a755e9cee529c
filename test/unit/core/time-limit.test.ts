import { expect, test } from '@jest/globals';
import { withTimeLimit } from '../../../src/core/concurrency.ts';
import { CancelledError, TimeoutError } from '../../../src/core/errors.ts';

const WHAT = { what: 'the release of user-service', timeoutMs: 60_000 };

/** Ends with its own error when it is aborted, as most work does. */
const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(new Error('aborted'));
    });
  });

test('returns the result of the work', async () => {
  const { signal } = new AbortController();
  await expect(withTimeLimit({ signal }, WHAT, () => Promise.resolve(7))).resolves.toBe(7);
});

test('ends work that takes too long with a TimeoutError', async () => {
  const { signal } = new AbortController();
  const running = withTimeLimit({ signal }, { ...WHAT, timeoutMs: 20 }, untilAborted);
  await expect(running).rejects.toThrow(new TimeoutError('the release of user-service', 20));
});

test('a cancellation is the reason, whatever the result of the work', async () => {
  const cancel = new AbortController();
  const running = withTimeLimit(cancel, WHAT, untilAborted);
  const reason = new CancelledError('SIGINT');
  cancel.abort(reason);
  await expect(running).rejects.toBe(reason);
});

test('an error of the work is kept', async () => {
  const { signal } = new AbortController();
  const error = new Error('of its own');
  await expect(withTimeLimit({ signal }, WHAT, () => Promise.reject(error))).rejects.toBe(error);
});
