import { expect, jest, test } from '@jest/globals';
import { RateBucket } from '../../../../src/core/network/rate-limiter.ts';
import { release, releaseRequest } from '../../../support/in-process.ts';
import { imageOf, NEXT } from '../../../support/service.ts';
import { EcsWorld } from '../../sandbox/ecs/ecs-world.ts';

/** What happens to old revisions after a good release. */

const FAST = 100;

/** A service whose family has this many revisions that were never deployed. */
async function worldWith(old: number): Promise<EcsWorld> {
  const world = await EcsWorld.withService();
  for (let left = old; left > 0; left -= 50) {
    await Promise.all(
      Array.from({ length: Math.min(left, 50) }, () => world.registerWith({ image: imageOf('7') })),
    );
  }
  return world;
}

const deregistered = ({ sandbox }: EcsWorld): unknown[] =>
  sandbox.calls.of('DeregisterTaskDefinition').map(({ input }) => input['taskDefinition']);
const revision = (arn: unknown): number => Number(String(arn).split(':').at(-1));

test('each release deregisters the ten oldest revisions that no rollback needs', async () => {
  const world = await worldWith(1000);
  const { result } = await release(world, { keepRevisions: 1, timeoutMs: 60_000 }, FAST);
  expect(result).toMatchObject({
    verdict: 'deployed',
    notes: ['Deregistered 10 old revisions. The next release deregisters more.'],
  });
  expect(deregistered(world).map(revision)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(world.sandbox.calls.of('ListTaskDefinitions')).toHaveLength(1);
  const { changes } = releaseRequest(imageOf('8'));
  await release(world, { keepRevisions: 1, changes }, FAST);
  expect(deregistered(world).slice(10).map(revision)).toEqual([1, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
}, 120_000);

test('deregistrations wait for the registrations of other services', async () => {
  const world = await worldWith(5);
  const take = jest.spyOn(RateBucket.prototype, 'take');
  await release(world, { keepRevisions: 1 }, FAST);
  const last = take.mock.calls.filter(([turn]) => turn?.urgency === -1);
  take.mockRestore();
  expect(deregistered(world)).not.toEqual([]);
  expect(last.length).toBeGreaterThanOrEqual(deregistered(world).length);
});

test('a failure is a note with the number of deregistered revisions', async () => {
  const world = await worldWith(5);
  world.sandbox.addFault({
    operation: 'DeregisterTaskDefinition',
    kind: 'error',
    code: 'AccessDeniedException',
    message: 'not allowed',
    status: 400,
    nth: 3,
  });
  const { result } = await release(world, { keepRevisions: 1 }, FAST);
  expect(result).toMatchObject({ verdict: 'deployed', ok: true });
  expect(result.notes).toEqual([
    expect.stringMatching(
      /^Deregistered 2 old revisions\. Failed to deregister old revisions: .*not allowed/,
    ),
  ]);
});

test('there is no note without revisions to deregister', async () => {
  const world = await worldWith(3);
  const { result } = await release(world, { keepRevisions: 5 }, FAST);
  expect(result).toMatchObject({ verdict: 'deployed', notes: [] });
  expect(deregistered(world)).toEqual([]);
});

test('a failed release deregisters nothing', async () => {
  const rules = [{ does: 'exit' as const, match: { image: NEXT } }];
  const world = await EcsWorld.withService(
    { scenario: { ecs: { rules } } },
    { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } } },
  );
  for (const digit of ['5', '6']) await world.registerWith({ image: imageOf(digit) });
  const { result } = await release(world, { keepRevisions: 1 }, FAST);
  expect(result.verdict).toBe('rolled-back');
  expect(deregistered(world)).toEqual([]);
});
