import { expect, test } from '@jest/globals';
import { ssmOf } from '../../unit/sandbox/clients.ts';
import { EcsWorld, IMAGE } from '../../unit/sandbox/ecs/ecs-world.ts';
import { imageOf, NEXT, updateService } from '../../support/service.ts';
import { GetParameterCommand } from '@aws-sdk/client-ssm';

const PARAMETER = '/platform/dev/user-service/image';

async function ledger(world: EcsWorld, name = PARAMETER): Promise<string | undefined> {
  const command = new GetParameterCommand({ Name: name });
  return ssmOf(world.sandbox)
    .send(command)
    .then(({ Parameter }) => Parameter?.Value)
    .catch(() => undefined);
}

test('the ledger has a release once it is good, and the rollback goes where it says', async () => {
  const world = await EcsWorld.withService();
  for (const image of [NEXT, imageOf('3')]) await updateService(world, { image, parameter: PARAMETER });
  expect(await ledger(world)).toBe(imageOf('3'));
  const release = JSON.parse((await ledger(world, '/platform/dev/user-service/release')) ?? '{}') as object;
  expect(release).toMatchObject({ image: imageOf('3'), commit: 'a'.repeat(40), actor: 'octocat' });

  const run = await updateService(world, { command: 'rollback', parameter: PARAMETER });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:2' });
  expect(await ledger(world)).toBe(NEXT);
});

test('without a ledger the rollback goes to the revision before, or to the one that is named', async () => {
  const world = await EcsWorld.withService();
  await updateService(world, { image: NEXT });
  await updateService(world, { image: imageOf('3') });
  const back = await updateService(world, { command: 'rollback' });
  expect(back.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:2' });
  const named = await updateService(world, { command: 'rollback', 'task-definition-arn': 'user-service:1' });
  expect(named.outputs).toMatchObject({
    verdict: 'deployed',
    'task-definition': 'user-service:1',
    'previous-task-definition': 'user-service:2',
  });
});

test('after a deployment that was never recorded the ledger has what is good', async () => {
  const world = await EcsWorld.withService();
  await updateService(world, { image: IMAGE, parameter: PARAMETER });
  expect(await ledger(world)).toBe(IMAGE);
  await updateService(world, { image: NEXT });
  const run = await updateService(world, { command: 'rollback', parameter: PARAMETER });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:1' });
});

test.each([
  ['that is rolled back', { rules: [{ does: 'exit' as const, match: { image: NEXT } }] }, {}],
  ['that is not waited for', {}, { wait: 'false' }],
])('a deployment %s is not written to the ledger', async (_, ecs, inputs) => {
  const service = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } } };
  const world = await EcsWorld.withService({ scenario: { ecs } }, service);
  await updateService(world, { image: NEXT, parameter: PARAMETER, ...inputs });
  expect(await ledger(world)).toBeUndefined();
});

test('a ledger that cannot be written makes the run red, and the revision stays', async () => {
  const world = await EcsWorld.withService();
  world.sandbox.addFault({
    kind: 'error',
    operation: 'PutParameter',
    code: 'AccessDeniedException',
    status: 400,
    times: 100,
  });
  const run = await updateService(world, { image: NEXT, parameter: PARAMETER });
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toMatch(
    /^The revision serves, and the ledger could not be written: AccessDenied.*keeps the new revision\.$/,
  );
  expect((await world.service()).taskDefinition).toMatch(/:2$/);
});
