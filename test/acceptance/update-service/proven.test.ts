import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { expect, test } from '@jest/globals';
import { updateService } from '../../support/service.ts';
import { IMAGE, EcsWorld } from '../../unit/sandbox/ecs/ecs-world.ts';
import { imageOf, NEXT } from '../../support/service.ts';
import { ssmOf } from '../../unit/sandbox/clients.ts';

const PARAMETER = '/platform/dev/user-service/image';

async function recorded(world: EcsWorld): Promise<Record<string, unknown>> {
  const Name = PARAMETER.replace(/image$/, 'release');
  const { Parameter } = await ssmOf(world.sandbox).send(new GetParameterCommand({ Name }));
  return JSON.parse(Parameter?.Value ?? '{}') as Record<string, unknown>;
}

test('a release without a running task is not proven, and a rollback does not select it', async () => {
  const world = await EcsWorld.withService();
  const release = (image: string) => updateService(world, { image, parameter: PARAMETER });
  expect((await release(IMAGE)).outputs).toMatchObject({ verdict: 'unchanged' });
  await world.update({ desiredCount: 0 });
  await world.until(world.tasks.bind(world), (tasks) => tasks.length === 0);

  const unproven = await release(NEXT);
  expect(unproven.outputs).toMatchObject({ verdict: 'deployed' });
  expect(unproven.log).toContain('::warning title=user-service::The desired count of user-service is 0, so');
  expect(await recorded(world)).toMatchObject({ image: NEXT, proven: false });

  const third = imageOf('3');
  await world.update({ desiredCount: 1 });
  expect((await release(third)).outputs).toMatchObject({ verdict: 'deployed' });
  expect(await recorded(world)).toMatchObject({ image: third, proven: true });

  const back = await updateService(world, { command: 'rollback', parameter: PARAMETER });
  expect(back.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:1' });
  expect(await recorded(world)).toMatchObject({ image: IMAGE, proven: true });
});

test('the same image proves an unproven release once its tasks run', async () => {
  const world = await EcsWorld.withService({}, { desiredCount: 0 });
  const inputs = { image: NEXT, parameter: PARAMETER };
  expect((await updateService(world, inputs)).outputs).toMatchObject({ verdict: 'deployed' });
  expect(await recorded(world)).toMatchObject({ proven: false });
  await world.update({ desiredCount: 1 });
  await world.until(
    () => world.service(),
    ({ runningCount }) => runningCount === 1,
  );
  const again = await updateService(world, inputs);
  expect(again.outputs).toMatchObject({ verdict: 'unchanged' });
  expect(await recorded(world)).toMatchObject({ image: NEXT, proven: true });
});
