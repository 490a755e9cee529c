import { expect, test } from '@jest/globals';
import { Slots } from '../../../src/core/concurrency.ts';
import { fc } from '../../support/property.ts';

/** Work that ends when the test decides. */
class Work {
  readonly done: Promise<void>;
  end: () => void = () => undefined;
  fail: (error: Error) => void = () => undefined;

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
    });
  }
}

/** Runs everything that can proceed. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('runs at most as much work as there are slots, by priority, and all of it', async () => {
  const builds = fc.array(
    fc.record({ urgency: fc.nat({ max: 3 }), ends: fc.constantFrom('well', 'badly', 'cancelled') }),
    { minLength: 1, maxLength: 12 },
  );
  let cases = 0;
  await fc.assert(
    fc.asyncProperty(builds, fc.integer({ min: 1, max: 4 }), async (given, most) => {
      cases++;
      const slots = new Slots(most);
      const running: number[] = [];
      const begun: number[] = [];
      const work = given.map(({ urgency, ends }, index) => {
        const controller = new AbortController();
        const build = new Work();
        const result = slots.run({ signal: controller.signal, urgency }, async () => {
          begun.push(index);
          running.push(index);
          await build.done.finally(() => running.splice(running.indexOf(index), 1));
        });
        return { index, urgency, ends, controller, build, result: result.catch((error: unknown) => error) };
      });
      await settled();
      const waiting = work.slice(most);
      for (const { ends, controller } of waiting)
        if (ends === 'cancelled') controller.abort(new Error('stop'));
      await settled();
      while (running.length > 0) {
        expect(running.length).toBeLessThanOrEqual(most);
        const [first = 0] = running;
        const one = work[first];
        if (one?.ends === 'badly') one.build.fail(new Error('no space'));
        else one?.build.end();
        await settled();
      }
      const results = await Promise.all(work.map(({ result }) => result));
      const expected = work
        .filter(({ index, ends }) => index < most || ends !== 'cancelled')
        .map(({ index, urgency }) => ({ index, urgency: index < most ? Infinity : urgency }))
        .sort((one, other) =>
          one.urgency === other.urgency ? one.index - other.index : other.urgency - one.urgency,
        );
      expect(begun).toEqual(expected.map(({ index }) => index));
      expect(results.map((result) => (result instanceof Error ? result.message : 'well'))).toEqual(
        work.map(({ index, ends }) => {
          if (ends === 'cancelled' && index >= most) return 'stop';
          return ends === 'badly' ? 'no space' : 'well';
        }),
      );
    }),
    { numRuns: 200 },
  );
  console.log(`${cases} orders of work tried`);
});
