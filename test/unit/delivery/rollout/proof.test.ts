import { expect, test } from '@jest/globals';
import type { Scenario } from '../../../../sandbox/index.ts';
import { release } from '../../../support/in-process.ts';
import { NEXT } from '../../../support/service.ts';
import { EcsWorld } from '../../sandbox/ecs/ecs-world.ts';

/** What the tasks prove if something changes while a rollout ends. */

type EcsScenario = NonNullable<Scenario['ecs']>;
const match = { image: NEXT };
const worldOf = (ecs: EcsScenario, more = {}) => EcsWorld.withService({ scenario: { ecs } }, more);

test('waits for tasks that start at the end of the rollout', async () => {
  const world = await worldOf({
    meanwhile: [{ does: 'scale', desiredCount: 3, stage: 'COMPLETED', match }],
    rules: [
      { does: 'run', match, times: 2 },
      { does: 'run', match, bootSeconds: 4000, pullSeconds: 2000 },
    ],
  });
  const { result, lines } = await release(world);
  expect(result).toMatchObject({ verdict: 'deployed' });
  expect(result.reason).toContain('serves with 3 tasks');
  expect(lines.join('\n')).not.toContain('warning');
});

test('tasks that do not start within the timeout are noted', async () => {
  const world = await worldOf({
    meanwhile: [{ does: 'scale', desiredCount: 3, stage: 'COMPLETED', match }],
    rules: [
      { does: 'run', match, times: 2 },
      { does: 'stay-pending', match },
    ],
  });
  const { result, lines } = await release(world, { timeoutMs: 80_000 });
  expect(result).toMatchObject({ verdict: 'deployed' });
  expect(result.reason).toContain('serves with 2 of 3 tasks');
  expect(result.notes.join()).toContain('user-service runs 2 of 3 tasks of user-service:2.');
  expect(lines.join('\n')).toContain('::warning title=user-service::user-service runs 2 of 3 tasks');
});

test('waits for a task that is replaced at the end of the rollout', async () => {
  const world = await worldOf({ meanwhile: [{ does: 'replace', stage: 'COMPLETED', match }] });
  const { result } = await release(world);
  expect(result).toMatchObject({ verdict: 'deployed' });
  expect(result.reason).toContain('serves with 2 tasks');
});

test('tasks that fail at the end of the rollout fail the release', async () => {
  const world = await worldOf({
    meanwhile: [{ does: 'replace', tasks: 2, stage: 'COMPLETED', match }],
    rules: [
      { does: 'run', match, times: 2 },
      { does: 'exit', match },
    ],
  });
  const { result } = await release(world);
  expect(result).toMatchObject({ verdict: 'failed', rollback: { to: 'user-service:1', state: 'complete' } });
  expect(result.reason).toMatch(
    /reported the deployment as complete, but then \d+ tasks of user-service:2 failed in a row/,
  );
});

test('without a started task, nothing is proven', async () => {
  const world = await worldOf({
    meanwhile: [{ does: 'replace', tasks: 2, stage: 'COMPLETED', match }],
    rules: [
      { does: 'run', match, times: 2 },
      { does: 'stay-pending', match },
    ],
  });
  const { result } = await release(world, { timeoutMs: 80_000 });
  expect(result).toMatchObject({ verdict: 'timed-out' });
});

test('another deployment at the end of the rollout is not changed', async () => {
  const world = await worldOf({ meanwhile: [{ does: 'deploy', stage: 'COMPLETED', match }] });
  const { result } = await release(world);
  expect(result).toMatchObject({ verdict: 'superseded' });
});

test('scaling to 0 does not prove an image whose tasks failed', async () => {
  const world = await worldOf({
    meanwhile: [{ does: 'scale', desiredCount: 0, stage: 'SCALE_UP', after: 2000, match }],
    rules: [
      { does: 'exit', match, times: 2 },
      { does: 'stay-pending', match },
    ],
  });
  const { result } = await release(world);
  expect(result).toMatchObject({ verdict: 'failed' });
  expect(result.reason).toContain(
    'The service was scaled to 0 after tasks of user-service:2 failed and none became healthy.',
  );
  expect(result.reason).toContain('exited with code 1');
});

test('scaling to 0 without a failed task leaves the release unproven', async () => {
  const world = await worldOf({
    meanwhile: [{ does: 'scale', desiredCount: 0, stage: 'SCALE_UP', match }],
    rules: [{ does: 'run', match, bootSeconds: 4000 }],
  });
  const { result, lines } = await release(world);
  expect(result).toMatchObject({ verdict: 'deployed' });
  expect(result.reason).toContain('not proven, because the desired count is 0');
  expect(lines.join('\n')).toContain(
    'The desired count of user-service is 0, so user-service:2 is not proven.',
  );
});

test('a tag whose digest AWS does not return is noted', async () => {
  const image = 'registry.invalid/user-service:v1';
  const world = await worldOf({ rules: [{ does: 'run', match: { image }, digest: '' }] });
  const changes = { image, images: {}, environment: {}, secrets: {}, environmentMode: 'merge' as const };
  const { result } = await release(world, { changes });
  expect(result).toMatchObject({ verdict: 'deployed', digests: {} });
  expect(result.notes.join()).toContain(`AWS does not report which digest of ${image} the tasks run`);
});
