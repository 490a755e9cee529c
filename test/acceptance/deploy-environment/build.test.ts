import { CreateRepositoryCommand } from '@aws-sdk/client-ecr';
import { expect, test } from '@jest/globals';
import { useSandboxes } from '../../support/action.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';
import { ecrOf } from '../../support/image.ts';
import { useLayouts } from '../../support/layouts.ts';

const start = useSandboxes();
const layoutOf = useLayouts();

test('the images of all services are one output, without an account', async () => {
  const sandbox = await start();
  const { workspace, digest } = layoutOf(['one', 'two'], SMALL_PLATFORM);
  await ecrOf(sandbox).send(new CreateRepositoryCommand({ repositoryName: 'shop/api' }));
  const run = await deployEnvironment(sandbox, { command: 'build' }, { workspace });
  expect(run.outputs).toMatchObject({ verdict: 'built', images: JSON.stringify({ api: digest }) });
  const again = await deployEnvironment(sandbox, { command: 'build' }, { workspace });
  expect(again.outputs['images']).toBe(run.outputs['images']);
  expect(again.outputs['reason']).toBe('1 image is in its repository; 1 was there already.');
});

test('one image that cannot be pushed fails the set, and no image is passed on', async () => {
  const sandbox = await start();
  const { workspace } = layoutOf(['one'], SMALL_PLATFORM);
  const run = await deployEnvironment(sandbox, { command: 'build' }, { workspace });
  expect(run.exitCode).toBe(1);
  expect(run.outputs).toMatchObject({ verdict: 'failed' });
  expect(run.outputs['images'] ?? '').toBe('');
  expect(run.outputs['reason']).toContain('api: ');
  expect(run.outputs['reason']).toContain('shop/api');
});

test('another account than the manifest says is refused before anything is pushed', async () => {
  const sandbox = await start();
  const { workspace } = layoutOf(['one'], {
    ...SMALL_PLATFORM,
    'platform.yml': (SMALL_PLATFORM['platform.yml'] ?? '').replace('111111111111', '222222222222'),
  });
  const run = await deployEnvironment(sandbox, { command: 'build' }, { workspace });
  expect(run.outputs['reason']).toContain('The credentials belong to account 111111111111');
  expect(sandbox.calls.all.map(({ operation }) => operation)).toEqual(['GetCallerIdentity']);
});
