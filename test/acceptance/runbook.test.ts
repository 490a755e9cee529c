import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { node24 } from '../runtime/node24.js';
import { DEV } from '../support/action.ts';
import { actingAs } from '../support/roles.ts';
import { imageOf, updateService } from '../support/service.ts';
import { EcsWorld } from '../unit/sandbox/ecs/ecs-world.ts';

/**
 * The command of the on-call runbook that does not need GitHub, as on the page, with the names of a service in the
 * sandbox.
 */

const ROOT = resolve(import.meta.dirname, '../..');
const PARAMETER = '/platform/dev/user-service/image';
const run = promisify(execFile);

function commandOfPage(): string {
  const page = readFileSync(join(ROOT, 'docs/operations/runbook.md'), 'utf8');
  const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block);
  const [command = '', ...others] = blocks.filter((block) => block.includes('dist/update-service'));
  expect(others).toEqual([]);
  return command
    .replace('INPUT_CLUSTER=prod-shop', 'INPUT_CLUSTER=dev-platform')
    .replace('INPUT_SERVICE=orders', 'INPUT_SERVICE=user-service')
    .replace('/shop/prod/orders/image', PARAMETER);
}

test('a rollback without GitHub restores the previous release', async () => {
  const world = await EcsWorld.withService();
  for (const image of [imageOf('2'), imageOf('3')]) {
    expect((await updateService(world, { image, parameter: PARAMETER })).outputs['verdict']).toBe('deployed');
  }
  const role = actingAs(world.sandbox, 'deploy', { account: DEV });
  const env = { ...world.sandbox.env(), ...role, PATH: `${dirname(node24())}:/usr/bin:/bin` };
  const { stdout } = await run('sh', ['-euc', commandOfPage()], { cwd: ROOT, env });
  expect(stdout).toContain('update-service: ');
  const [task] = await world.tasks();
  expect(task?.containers?.map(({ image }) => image)).toContain(imageOf('2'));
});
