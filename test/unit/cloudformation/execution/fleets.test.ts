import { expect, test } from '@jest/globals';
import { fc } from '../../../support/property.ts';
import { awsError } from '../aws.ts';
import { Fleet, type FleetEvent, type FleetStack } from './fleet.ts';

const RUNS = 100;

const FAULTS = {
  throttle: () => awsError('Throttling', 'Rate exceeded'),
  server: () => awsError('InternalFailure', 'no', 500),
  network: () => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' }),
} as const;

const operationKind = fc.constantFrom('create', 'update', 'delete');

const stackOf = fc.record({
  kind: operationKind,
  /** Seconds until the last resource. */
  lasts: fc.integer({ min: 1, max: 90 }),
  resources: fc.integer({ min: 0, max: 4 }),
  nested: fc.integer({ min: 0, max: 3 }),
  fails: fc.boolean(),
  startsAfter: fc.integer({ min: 0, max: 20 }),
  urgency: fc.integer({ min: 0, max: 3 }),
});

const fleetOf = fc.record({
  stacks: fc.array(stackOf, { minLength: 1, maxLength: 25 }),
  others: fc.constantFrom(0, 50, 150, 900),
  eventDelayMs: fc.constantFrom(0, 0, 3000),
  statusDelayMs: fc.constantFrom(0, 0, 3000),
  isListDenied: fc.boolean(),
  /** One in this many calls fails. */
  failsEach: fc.constantFrom(0, 0, 7, 25),
  fault: fc.constantFrom('throttle' as const, 'server' as const, 'network' as const),
});

type StackCase = typeof stackOf extends fc.Arbitrary<infer T> ? T : never;

/** The events of a stack or nested stack with its resources. */
function ownEvents({ kind, lasts, resources, fails }: StackCase, rows: readonly FleetEvent[]): FleetEvent[] {
  const verb = kind.toUpperCase();
  const lastMs = lasts * 1000;
  const ofResources = Array.from({ length: resources }, (_, n): FleetEvent[] => [
    { atMs: 100 + n, id: `Topic${n}`, status: `${verb}_IN_PROGRESS` },
    {
      atMs: lastMs - n,
      id: `Topic${n}`,
      status: fails && n === 0 ? `${verb}_FAILED` : `${verb}_COMPLETE`,
    },
  ]).flat();
  const rollback = kind === 'create' ? 'ROLLBACK' : 'UPDATE_ROLLBACK';
  const end: FleetEvent[] =
    !fails || kind === 'delete'
      ? [{ atMs: lastMs + 1000, status: fails ? 'DELETE_FAILED' : `${verb}_COMPLETE` }]
      : [
          { atMs: lastMs + 500, status: `${rollback}_IN_PROGRESS` },
          { atMs: lastMs + 4000, status: `${rollback}_COMPLETE` },
        ];
  return [{ atMs: 0, status: `${verb}_IN_PROGRESS` }, ...ofResources, ...rows, ...end].sort(
    (one, other) => one.atMs - other.atMs,
  );
}

/** Nested stacks end a second before the last resource of their parent. */
function beginNested(fleet: Fleet, parent: FleetStack, given: StackCase): FleetEvent[] {
  const verb = given.kind.toUpperCase();
  return Array.from({ length: given.nested }, (_, n): FleetEvent[] => {
    const before = given.kind === 'create' ? 'REVIEW_IN_PROGRESS' : 'CREATE_COMPLETE';
    const nested = fleet.add(`${parent.name}-nested-${n}`, before, parent);
    const lasts = Math.max(0.2, given.lasts - 2);
    fleet.begin(nested, ownEvents({ ...given, lasts, fails: false, nested: 0 }, []));
    return [
      { atMs: 50, id: `Nested${n}`, nested, status: `${verb}_IN_PROGRESS` },
      { atMs: lasts * 1000 + 1000, id: `Nested${n}`, nested, status: `${verb}_COMPLETE` },
    ];
  }).flat();
}

test('every watch of any fleet ends with what happened on AWS', async () => {
  let stacks = 0;
  let calls = 0;
  await fc.assert(
    fc.asyncProperty(fleetOf, async (given) => {
      const failedAt = new Map<string, number>();
      const fleet: Fleet = new Fleet({
        ...given,
        refuse: (operation, name) => {
          if (given.isListDenied && operation === 'DescribeStacks' && name === undefined) {
            throw awsError('AccessDenied', 'not you', 403);
          }
          // A watch gives up after five consecutive failures, so each stack has at most one every ten seconds.
          const root = name?.split(/-nested|\/1$/)[0] ?? '';
          const isDue = fleet.clock.now() - (failedAt.get(root) ?? 0) > 10_000;
          if (given.failsEach === 0 || fleet.calls.length % given.failsEach > 0 || !isDue) return;
          failedAt.set(root, fleet.clock.now());
          throw FAULTS[given.fault]();
        },
      });
      const watches = given.stacks.map(async (one, n) => {
        await fleet.clock.sleep(one.startsAfter * 1000);
        const stack = fleet.add(`app-${n}`, one.kind === 'create' ? 'REVIEW_IN_PROGRESS' : 'CREATE_COMPLETE');
        const events = ownEvents(one, beginNested(fleet, stack, one));
        const { execution, lagMs } = await fleet.watch(stack, one.kind, events, { urgency: one.urgency });
        expect(execution.status).toBe(events.findLast(({ id }) => id === undefined)?.status);
        const steps = [...execution.timeline.steps];
        expect(steps.filter(({ endedAt }) => endedAt === undefined)).toEqual([]);
        // Its resources, its nested stacks, and their resources.
        expect(steps).toHaveLength(one.resources + one.nested + one.nested * one.resources);
        expect(lagMs).toBeGreaterThanOrEqual(Math.max(given.eventDelayMs, given.statusDelayMs));
        return lagMs;
      });
      await fleet.clock.run(Promise.all(watches));
      expect(fleet.clock.sleeping).toBe(0);
      stacks += watches.length;
      calls += fleet.calls.length;
    }),
    { numRuns: RUNS },
  );
  process.stdout.write(`${RUNS} fleets of ${stacks} stacks watched, ${calls} calls\n`);
}, 120_000);
