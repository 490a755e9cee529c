import { DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { expect, test } from '@jest/globals';
import { send } from '../../../src/aws/send.ts';
import { CancelledError } from '../../../src/core/errors.ts';

test('a cancelled job does not wait for a retry', async () => {
  const stop = new AbortController();
  // Like the SDK between two attempts: it neither responds nor checks the signal.
  const client = { config: {}, send: () => new Promise<never>(() => undefined) };
  const sending = send(client as never, new DescribeStacksCommand({}), { signal: stop.signal });
  stop.abort(new CancelledError('SIGTERM'));
  await expect(sending).rejects.toThrow('cancelled by SIGTERM');
});

test('a response leaves no listener on the signal', async () => {
  const stop = new AbortController();
  let listeners = 0;
  const { signal } = stop;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    listeners += 1;
    add(...given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...given);
  };
  const client = { config: {}, send: () => Promise.resolve({ Stacks: [] }) };
  await send(client as never, new DescribeStacksCommand({}), { signal });
  expect(listeners).toBe(0);
});
