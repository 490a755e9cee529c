import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { CancelledError } from '../../../../src/core/errors.ts';
import { awsError, fail } from '../aws.ts';
import { eventsFor, Fleet, type FleetEvent, type Watched } from './fleet.ts';

// Polls have jitter.
beforeEach(() => {
  jest.spyOn(Math, 'random').mockReturnValue(0.5);
});
afterEach(() => {
  jest.restoreAllMocks();
});

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** Creates this many stacks at once; the nth takes `lastsMs(n)`. */
function createAll(fleet: Fleet, count: number, lastsMs: (n: number) => number): Promise<Watched[]> {
  const creations = Array.from({ length: count }, (_, n) =>
    fleet.watch(fleet.add(`app-${n}`, 'REVIEW_IN_PROGRESS'), 'create', eventsFor('CREATE', lastsMs(n))),
  );
  return fleet.clock.run(Promise.all(creations));
}

/** Between 20 s and five minutes. */
const varied = (n: number): number => 20_000 + ((n * 7919) % 280_000);

describe('many stacks in progress', () => {
  test.each([6, 30])('%i stacks: completion is detected within 2 s on average', async (count) => {
    const fleet = new Fleet({ others: 20 });
    const watched = await createAll(fleet, count, varied);
    const lag = mean(watched.map(({ lagMs }) => lagMs));
    const seconds = Math.max(...Array.from({ length: count }, (_, n) => varied(n))) / 1000;
    process.stdout.write(
      `${count} stacks: mean lag ${(lag / 1000).toFixed(2)} s, ${(fleet.calls.length / seconds).toFixed(1)} calls per second ` +
        `(${fleet.count('DescribeStacks', 'all')} listings, ${fleet.count('DescribeStackEvents')} reads of events)\n`,
    );
    expect(lag).toBeLessThanOrEqual(2000);
    expect(fleet.calls.length / seconds).toBeLessThan(7);
    expect(watched.map(({ execution }) => execution.status)).toEqual(watched.map(() => 'CREATE_COMPLETE'));
    expect(watched.map(({ execution }) => [...execution.timeline.steps].length)).toEqual(
      watched.map(() => 1),
    );
    // The listing is the proof; up to five stacks are watched without one.
    expect(fleet.count('DescribeStacks', 'one')).toBeLessThanOrEqual(5);
  });

  test('a chain of five fast stacks next to 100 slow ones takes little longer than alone', async () => {
    const took = async (slow: number): Promise<number> => {
      const fleet = new Fleet({ others: 50 });
      const controller = new AbortController();
      const beside = Array.from({ length: slow }, (_, n) =>
        fleet
          .watch(
            fleet.add(`slow-${n}`, 'REVIEW_IN_PROGRESS'),
            'create',
            eventsFor('CREATE', 900_000),
            controller,
          )
          .catch(() => undefined),
      );
      const chain = async (): Promise<number> => {
        const began = fleet.clock.now();
        for (let n = 0; n < 5; n++) {
          const stack = fleet.add(`chain-${n}`, 'REVIEW_IN_PROGRESS');
          await fleet.watch(stack, 'create', eventsFor('CREATE', 1300), { urgency: 5 - n });
        }
        return fleet.clock.now() - began;
      };
      const ms = await fleet.clock.run(chain());
      controller.abort(new CancelledError('test'));
      await fleet.clock.run(Promise.all(beside));
      return ms;
    };
    const [alone, beside30, beside100] = [await took(0), await took(30), await took(100)];
    process.stdout.write(
      `chain of five: ${alone} ms alone, ${(beside30 / alone).toFixed(2)} × beside 30, ${(beside100 / alone).toFixed(2)} × beside 100\n`,
    );
    expect(beside30 / alone).toBeLessThanOrEqual(1.3);
    expect(beside100 / alone).toBeLessThanOrEqual(1.3);
  });
});

describe('the listing', () => {
  test('is read by page, up to the stacks in progress', async () => {
    const fleet = new Fleet({ others: 150 });
    await createAll(fleet, 8, () => 20_000);
    const pages = fleet.count('DescribeStacks', 'all');
    // 150 other stacks come first, so each listing takes two pages.
    expect(pages % 2).toBe(0);
    expect(pages).toBeGreaterThan(20);
  });

  test('is not used if it has more pages than stacks in progress', async () => {
    const fleet = new Fleet({ others: 2000 });
    const watched = await createAll(fleet, 8, () => 20_000);
    // Six of them started before the others, so that listing ends after six pages.
    expect(fleet.count('DescribeStacks', 'all')).toBe(6 + 8);
    expect(mean(watched.map(({ lagMs }) => lagMs))).toBeLessThanOrEqual(2000);
  });

  test('is tried only once if the role is denied', async () => {
    const fleet = new Fleet({
      refuse: (operation, name) => {
        if (operation === 'DescribeStacks' && name === undefined)
          fail(awsError('AccessDenied', 'not you', 403));
      },
    });
    const watched = await createAll(fleet, 30, varied);
    expect(fleet.count('DescribeStacks', 'all')).toBe(1);
    expect(fleet.lines.filter((line) => line.includes('not you'))).toHaveLength(1);
    const lag = mean(watched.map(({ lagMs }) => lagMs));
    process.stdout.write(`30 stacks without a listing: mean lag ${(lag / 1000).toFixed(2)} s\n`);
    expect(lag).toBeLessThanOrEqual(3000);
  });

  test('ends no watch if it fails, and is retried', async () => {
    for (const error of [awsError('Throttling', 'Rate exceeded'), awsError('InternalFailure', 'no', 500)]) {
      const fleet = new Fleet({
        refuse: (operation, name, nth) => {
          if (operation === 'DescribeStacks' && name === undefined && nth >= 3 && nth <= 6) fail(error);
        },
      });
      const watched = await createAll(fleet, 12, () => 60_000);
      expect(watched.map(({ execution }) => execution.status)).toEqual(watched.map(() => 'CREATE_COMPLETE'));
      expect(fleet.count('DescribeStacks', 'all')).toBeGreaterThan(10);
    }
  });
});

describe('one of many', () => {
  test('whose events are denied fails alone', async () => {
    const fleet: Fleet = new Fleet({
      refuse: (operation, name) => {
        if (operation === 'DescribeStackEvents' && name?.includes('/app-3/'))
          fail(awsError('AccessDenied', 'not you', 403));
      },
    });
    const creations = Array.from({ length: 10 }, (_, n) =>
      fleet.watch(fleet.add(`app-${n}`, 'REVIEW_IN_PROGRESS'), 'create', eventsFor('CREATE', 30_000)),
    );
    const ends = await fleet.clock.run(Promise.allSettled(creations));
    expect(ends.map(({ status }) => status)).toEqual(
      ends.map((_, n) => (n === 3 ? 'rejected' : 'fulfilled')),
    );
  });

  test('that is cancelled ends immediately, and the others continue', async () => {
    const fleet = new Fleet();
    const controller = new AbortController();
    const others = Array.from({ length: 10 }, (_, n) =>
      fleet.watch(fleet.add(`app-${n}`, 'REVIEW_IN_PROGRESS'), 'create', eventsFor('CREATE', 30_000)),
    );
    const began = fleet.clock.now();
    const left = fleet
      .watch(fleet.add('left', 'REVIEW_IN_PROGRESS'), 'create', eventsFor('CREATE', 30_000), controller)
      .catch((error: unknown) => ({ error, at: fleet.clock.now() - began }));
    const cancel = fleet.clock.sleep(5300).then(() => {
      controller.abort(new CancelledError('SIGINT'));
    });
    await fleet.clock.run(cancel);
    expect(await fleet.clock.run(left)).toEqual({ error: new CancelledError('SIGINT'), at: 5300 });
    const watched = await fleet.clock.run(Promise.all(others));
    expect(watched.map(({ execution }) => execution.status)).toEqual(watched.map(() => 'CREATE_COMPLETE'));
  });

  test('that is cancelled last leaves nothing behind', async () => {
    const fleet = new Fleet();
    const controller = new AbortController();
    const all = Array.from({ length: 10 }, (_, n) =>
      fleet
        .watch(fleet.add(`app-${n}`, 'REVIEW_IN_PROGRESS'), 'create', eventsFor('CREATE', 30_000), controller)
        .catch((error: unknown) => error),
    );
    await fleet.clock.run(fleet.clock.sleep(5300));
    controller.abort(new CancelledError('SIGINT'));
    expect(await fleet.clock.run(Promise.all(all))).toEqual(all.map(() => new CancelledError('SIGINT')));
    const { length } = fleet.calls;
    await fleet.clock.run(fleet.clock.sleep(10_000));
    expect(fleet.calls).toHaveLength(length);
    expect(fleet.clock.sleeping).toBe(0);
  });
});

describe('status and events at different times', () => {
  const orders = {
    'events later than the status': { eventDelayMs: 4000 },
    'the status later': { statusDelayMs: 4000 },
  };

  test.each(Object.entries(orders))('%s: completion is proven by both', async (name, options) => {
    const fleet = new Fleet(options);
    const updates = Array.from({ length: 30 }, (_, n) =>
      fleet.watch(fleet.add(`app-${n}`, 'UPDATE_COMPLETE'), 'update', eventsFor('UPDATE', 20_000 + n * 1000)),
    );
    const watched = await fleet.clock.run(Promise.all(updates));
    for (const { execution, lagMs } of watched) {
      expect(execution.status).toBe('UPDATE_COMPLETE');
      expect(execution.stack?.outputs).toEqual({ At: '2' });
      expect(lagMs).toBeGreaterThanOrEqual(4000);
    }
    // Once the status is final, the events are read in every round.
    const lag = mean(watched.map(({ lagMs }) => lagMs));
    process.stdout.write(`${name}: mean lag ${(lag / 1000).toFixed(2)} s, of which 4 s are AWS's\n`);
    expect(lag).toBeLessThanOrEqual(5200);
  });

  test('a listing from before the operation is not proof', async () => {
    const fleet = new Fleet({ statusDelayMs: 8000 });
    const updates = Array.from({ length: 8 }, (_, n) =>
      fleet.watch(fleet.add(`app-${n}`, 'UPDATE_COMPLETE'), 'update', eventsFor('UPDATE', 3000)),
    );
    const watched = await fleet.clock.run(Promise.all(updates));
    expect(watched.map(({ execution }) => execution.stack?.outputs)).toEqual(
      watched.map(() => ({ At: '2' })),
    );
  });
});

test('the deletion of unlisted stacks is proven', async () => {
  const fleet = new Fleet();
  const deletions = Array.from({ length: 10 }, (_, n) =>
    fleet.watch(fleet.add(`app-${n}`), 'delete', eventsFor('DELETE', 10_000 + n * 2000)),
  );
  const watched = await fleet.clock.run(Promise.all(deletions));
  expect(watched.map(({ execution }) => execution.status)).toEqual(watched.map(() => 'DELETE_COMPLETE'));
  expect(mean(watched.map(({ lagMs }) => lagMs))).toBeLessThanOrEqual(2000);
});

test('nested stacks are read together, and a failure in one of them is detected', async () => {
  const fleet = new Fleet();
  const roots = Array.from({ length: 4 }, (_, n) => fleet.add(`app-${n}`, 'REVIEW_IN_PROGRESS'));
  const creations = roots.map((root, n) => {
    const children = Array.from({ length: 5 }, (__, m) =>
      fleet.add(`app-${n}-child-${m}`, 'REVIEW_IN_PROGRESS', root),
    );
    const failing = n === 2;
    for (const [m, child] of children.entries()) {
      const end = failing && m === 3 ? 'CREATE_FAILED' : 'CREATE_COMPLETE';
      fleet.begin(child, [
        { atMs: 1000, status: 'CREATE_IN_PROGRESS' },
        { atMs: 2000, id: 'Queue', status: 'CREATE_IN_PROGRESS' },
        { atMs: 20_000 + m * 1000, id: 'Queue', status: end },
        { atMs: 21_000 + m * 1000, status: end },
      ]);
    }
    const rows = (status: string, atMs: (m: number) => number): FleetEvent[] =>
      children.map((nested, m) => ({ atMs: atMs(m), id: `Child${m}`, nested, status }));
    const ended = rows('CREATE_COMPLETE', (m) => 22_000 + m * 1000).map((event, m) =>
      failing && m === 3 ? { ...event, status: 'CREATE_FAILED' } : event,
    );
    return fleet.watch(root, 'create', [
      { atMs: 0, status: 'CREATE_IN_PROGRESS' },
      ...rows('CREATE_IN_PROGRESS', () => 1000),
      ...ended,
      ...(failing
        ? [
            { atMs: 27_000, status: 'ROLLBACK_IN_PROGRESS' },
            { atMs: 29_000, status: 'ROLLBACK_COMPLETE' },
          ]
        : [{ atMs: 27_000, status: 'CREATE_COMPLETE' }]),
    ]);
  });
  const watched = await fleet.clock.run(Promise.all(creations));
  expect(watched.map(({ execution }) => execution.status)).toEqual([
    'CREATE_COMPLETE',
    'CREATE_COMPLETE',
    'ROLLBACK_COMPLETE',
    'CREATE_COMPLETE',
  ]);
  for (const { execution } of watched) {
    const steps = [...execution.timeline.steps];
    expect(
      steps.filter(({ logicalId, endedAt }) => logicalId === 'Queue' && endedAt !== undefined),
    ).toHaveLength(5);
  }
  const [first] = watched[2]?.execution.timeline.failures ?? [];
  expect(first).toMatchObject({ logicalId: 'Queue', nesting: ['Child3'] });
  expect(mean(watched.map(({ lagMs }) => lagMs))).toBeLessThanOrEqual(2000);
});
