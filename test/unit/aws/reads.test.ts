import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { AwsError } from '../../../src/aws/errors.ts';
import { BatchReader, ReadOnce } from '../../../src/aws/reads.ts';
import { isStopSignal, stopSignal } from '../../../src/core/cancellation.ts';
import { CancelledError } from '../../../src/core/errors.ts';
import { fc } from '../../support/property.ts';

const MOST = 10;
/** Longer than the time for which reads are collected. */
const nextTurn = (): Promise<void> => sleep(30);
const denied = new AwsError(new Error('not allowed'), 'denied', 'access-denied');
const throttled = new AwsError(new Error('too many'), 'throttle', 'throttled');
const live = { signal: new AbortController().signal };

/** A service that logs its calls: `missing-…` does not exist, `denied-…` fails a whole call. */
function service({
  fails = () => undefined as Error | undefined,
  waits = (): Promise<unknown> => Promise.resolve(),
} = {}) {
  const calls: {
    keys: readonly string[];
    group: string;
    signal: AbortSignal;
    urgency: number | undefined;
  }[] = [];
  let version = 0;
  const reader = new BatchReader<object, string>({
    maxKeys: MOST,
    splitsOn: ['denied'],
    read: async (_client, keys, { signal, urgency }, group) => {
      calls.push({ keys, group, signal, urgency });
      const seen = version;
      await waits();
      signal.throwIfAborted();
      const failure = fails();
      if (failure) throw failure;
      if (keys.some((key) => key.startsWith('denied'))) throw denied;
      const there = keys.filter((key) => !key.startsWith('missing'));
      return new Map(there.map((key) => [key, `${group}/${key}@${seen}`]));
    },
  });
  return {
    calls,
    reader,
    change: () => {
      version += 1;
    },
  };
}

const anyKey = fc.oneof(
  { weight: 8, arbitrary: fc.nat(40).map((number) => `key-${number}`) },
  { weight: 1, arbitrary: fc.nat(3).map((number) => `missing-${number}`) },
  { weight: 1, arbitrary: fc.nat(3).map((number) => `denied-${number}`) },
);
const anyAsk = fc.record({ key: anyKey, group: fc.constantFrom('one', 'two') });

test('many reads are batched into the fewest calls, and each gets its own result', async () => {
  let cases = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anyAsk, { minLength: 1, maxLength: 60 }), async (asks) => {
      cases += 1;
      const { reader, calls } = service();
      const client = {};
      const ends = await Promise.allSettled(
        asks.map(({ key, group }) => reader.get(client, key, live, group)),
      );
      const expected = asks.map(({ key, group }) =>
        key.startsWith('denied')
          ? { status: 'rejected', reason: denied }
          : { status: 'fulfilled', value: key.startsWith('missing') ? undefined : `${group}/${key}@0` },
      );
      expect(ends).toEqual(expected);
      for (const { keys } of calls) {
        expect(keys.length).toBeLessThanOrEqual(MOST);
        expect(new Set(keys).size).toBe(keys.length);
      }
      const wanted = (group: string): string[] => [
        ...new Set(asks.filter((one) => one.group === group).map(({ key }) => key)),
      ];
      const fewest = ['one', 'two'].reduce((sum, group) => sum + Math.ceil(wanted(group).length / MOST), 0);
      if (asks.every(({ key }) => !key.startsWith('denied'))) expect(calls).toHaveLength(fewest);
      // A call that one key fails is followed by one call per key.
      expect(calls.length).toBeLessThanOrEqual(fewest * (MOST + 1));
    }),
    { numRuns: 200 },
  );
  console.log(`${cases} sets of asks were tried.`);
});

test('a read is never answered by an earlier call', async () => {
  const { reader, calls, change } = service();
  const client = {};
  const first = reader.get(client, 'key', live);
  await nextTurn();
  // The first call is in progress.
  expect(calls).toHaveLength(1);
  change();
  const second = reader.get(client, 'key', live);
  expect([await first, await second]).toEqual(['/key@0', '/key@1']);
});

test('the values of several keys are in the order of the keys, without missing ones', async () => {
  const { reader } = service();
  const found = await reader.getAll({}, ['b', 'missing', 'a', 'b'], live);
  expect([...found]).toEqual([
    ['b', '/b@0'],
    ['a', '/a@0'],
  ]);
});

test('clients do not share a call', async () => {
  const { reader, calls } = service();
  await Promise.all([reader.get({}, 'a', live), reader.get({}, 'b', live)]);
  expect(calls.map(({ keys }) => keys)).toEqual([['a'], ['b']]);
});

test('a failure of the whole call is not retried', async () => {
  const { reader, calls } = service({ fails: () => throttled });
  const ends = await Promise.allSettled(['a', 'b', 'c'].map((key) => reader.get({}, key, live)));
  expect(ends.every((end) => end.status === 'rejected')).toBe(true);
  expect(calls).toHaveLength(3);
  const client = {};
  const again = await Promise.allSettled(['a', 'b', 'c'].map((key) => reader.get(client, key, live)));
  expect(again.map((end) => end.status === 'rejected' && (end.reason as unknown))).toEqual(
    Array.from({ length: 3 }, () => throttled),
  );
  expect(calls).toHaveLength(4);
});

test('a cancelled caller returns immediately, and the call continues for the others', async () => {
  let go = (): void => undefined;
  const { reader, calls } = service({ waits: () => new Promise<void>((resolve) => (go = resolve)) });
  const client = {};
  const leaving = new AbortController();
  const gone = reader.get(client, 'a', { signal: leaving.signal });
  const stays = reader.get(client, 'b', live);
  await nextTurn();
  leaving.abort(new CancelledError('SIGINT'));
  await expect(gone).rejects.toBeInstanceOf(CancelledError);
  expect(calls[0]?.signal.aborted).toBe(false);
  go();
  expect(await stays).toBe('/b@0');
});

test('the call is aborted once its last caller is cancelled', async () => {
  const { reader, calls } = service({ waits: () => new Promise(() => undefined) });
  const client = {};
  const leaving = [new AbortController(), new AbortController()];
  const asked = leaving.map(({ signal }, index) => reader.get(client, `key-${index}`, { signal }));
  await nextTurn();
  for (const controller of leaving) controller.abort(new CancelledError('SIGINT'));
  await Promise.allSettled(asked);
  expect(calls.map(({ signal }) => signal.aborted)).toEqual([true]);
  await expect(reader.get(client, 'key', { signal: leaving[0]?.signal ?? live.signal })).rejects.toThrow();
});

test('reads that stop a deployment have their own call, with the highest priority of their callers', async () => {
  const { reader, calls } = service();
  const client = {};
  await Promise.all([
    reader.get(client, 'a', { ...live, urgency: 2 }),
    reader.get(client, 'b', { ...live, urgency: 5 }),
    reader.get(client, 'c', { signal: stopSignal(1000) }),
    reader.get(client, 'd', { signal: stopSignal(2000) }),
  ]);
  expect(calls.map(({ keys }) => keys)).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ]);
  expect(calls.map(({ signal }) => isStopSignal(signal))).toEqual([false, true]);
  expect(calls[0]?.urgency).toBe(5);
});

test('a cached read is kept for its client, a failure is not', async () => {
  const once = new ReadOnce<object, string>();
  const client = {};
  let reads = 0;
  const read = (): Promise<string> => {
    reads += 1;
    return reads === 1 ? Promise.reject(throttled) : Promise.resolve(`read ${reads}`);
  };
  await expect(once.get(client, 'a', live, read)).rejects.toBe(throttled);
  const values = await Promise.all(Array.from({ length: 5 }, () => once.get(client, 'a', live, read)));
  expect(new Set(values)).toEqual(new Set(['read 2']));
  expect(await once.get({}, 'a', live, read)).toBe('read 3');
  expect(await once.get(client, 'b', live, read)).toBe('read 4');
});

test('a stale value is read again, and a cancelled reader leaves the read to the next one', async () => {
  const once = new ReadOnce<object, number>((value) => value > 1);
  const client = {};
  let reads = 0;
  const read = async (): Promise<number> => {
    reads += 1;
    await nextTurn();
    return reads;
  };
  expect(await once.get(client, 'a', live, read)).toBe(1);
  expect(await once.get(client, 'a', live, read)).toBe(2);
  expect(await once.get(client, 'a', live, read)).toBe(2);
  const cancelled = once.get(client, 'b', live, () => Promise.reject(new CancelledError('SIGINT')));
  const others = [once.get(client, 'b', live, read), once.get(client, 'b', live, read)];
  await expect(cancelled).rejects.toBeInstanceOf(CancelledError);
  expect(await Promise.all(others)).toEqual([3, 3]);
});
