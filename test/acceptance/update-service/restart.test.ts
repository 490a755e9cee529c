import { ListTaskDefinitionsCommand } from '@aws-sdk/client-ecs';
import { expect, test } from '@jest/globals';
import { EcsWorld, IMAGE } from '../../unit/sandbox/ecs/ecs-world.ts';
import { updateService } from '../../support/service.ts';

const LEDGER = '/platform/dev/user-service/image';
/** The initial tasks of the service. Tasks that are started later match the next rule. */
const FIRST = { does: 'run' as const, times: 2 };

async function taskIds(world: EcsWorld): Promise<string[]> {
  return (await world.tasks()).map(({ taskArn = '' }) => taskArn).sort();
}

async function revisions(world: EcsWorld): Promise<number> {
  const { taskDefinitionArns = [] } = await world.client.send(new ListTaskDefinitionsCommand({}));
  return taskDefinitionArns.length;
}

test.each([
  ['command: restart', { command: 'restart', parameter: LEDGER }],
  ['force-new-deployment: true', { image: IMAGE, 'force-new-deployment': 'true' }],
])('%s restarts all tasks of the same revision and verifies the new ones', async (_, inputs) => {
  const world = await EcsWorld.withService();
  const before = await taskIds(world);
  const run = await updateService(world, inputs);
  expect(run.outputs).toMatchObject({
    verdict: 'deployed',
    reason: 'user-service:1 was restarted and serves with 2 tasks.',
    'task-definition': 'user-service:1',
    digests: JSON.stringify({ app: IMAGE.slice(IMAGE.indexOf('sha256')) }),
  });
  const after = await taskIds(world);
  expect(after).toHaveLength(2);
  expect(after.filter((id) => before.includes(id))).toEqual([]);
  expect(await revisions(world)).toBe(1);
  expect(world.sandbox.calls.of('UpdateService')).toHaveLength(1);
  const written = world.sandbox.calls.of('PutParameter').map(({ input }) => (input as { Name: string }).Name);
  expect(written).toEqual('parameter' in inputs ? [LEDGER.replace(/image$/, 'lock')] : []);
});

test('failing new tasks end the restart, and the old tasks keep serving', async () => {
  const rules = [FIRST, { does: 'exit' as const, logs: ['TOKEN is not accepted'] }];
  const breaker = { deploymentCircuitBreaker: { enable: true, rollback: true } };
  const world = await EcsWorld.withService(
    { scenario: { ecs: { rules } } },
    { deploymentConfiguration: breaker },
  );
  const before = await taskIds(world);
  const run = await updateService(world, { command: 'restart' });
  expect(run.outputs).toMatchObject({ verdict: 'rolled-back', 'task-definition': 'user-service:1' });
  expect(run.outputs['reason']).toMatch(/app exited with code 1 right after it started/);
  expect(await taskIds(world)).toEqual(before);
});

test('a restart that does not complete is stopped, and the old tasks keep serving', async () => {
  const rules = [FIRST, { does: 'stay-pending' as const }];
  const world = await EcsWorld.withService({ scenario: { ecs: { rules } } });
  const before = await taskIds(world);
  const run = await updateService(world, { command: 'restart', timeout: '12s' });
  expect(run.outputs['verdict']).toBe('timed-out');
  expect(run.outputs['reason']).toMatch(/The service was rolled back to user-service:1\./);
  expect(await taskIds(world)).toEqual(before);
});
