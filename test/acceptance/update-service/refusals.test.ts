import { existsSync, readFileSync } from 'node:fs';
import { CreateExpressGatewayServiceCommand } from '@aws-sdk/client-ecs';
import { expect, test } from '@jest/globals';
import type { Run } from '../../../sandbox/runner.ts';
import { DEV } from '../../support/action.ts';
import { NEXT, updateService } from '../../support/service.ts';
import { CLUSTER, EcsWorld, IMAGE, SERVICE } from '../../unit/sandbox/ecs/ecs-world.ts';
import { expectExample } from '../../support/error-example.ts';

/** A service that only another tool may deploy: the run fails, changes nothing, and links the page that helps. */
async function expectRefusal(world: EcsWorld, why: string, inputs: Record<string, string>): Promise<Run> {
  const { calls } = world.sandbox;
  const before = calls.all.length;
  const run = await updateService(world, inputs);
  expect(run.exitCode).toBe(1);
  expect(run.outputs).toMatchObject({
    verdict: 'failed',
    reason: `The service user-service ${why}. Nothing was changed.`,
  });
  expect(run.result['error']).toMatchObject({ code: 'service-unsupported' });
  expect(calls.all.slice(before).map(({ operation }) => operation)).toEqual(['DescribeServices']);
  const [, page = '', anchor = ''] =
    /Fix: .*: (docs\/migrate\/[a-z-]+\.md)(?:#([a-z-]+))?\./.exec(run.log) ?? [];
  expect(existsSync(page)).toBe(true);
  const headings = [...readFileSync(page, 'utf8').matchAll(/^## (.*)$/gm)].map(([, heading = '']) =>
    heading.toLowerCase().replaceAll(' ', '-'),
  );
  if (anchor) expect(headings).toContain(anchor);
  return run;
}

test.each([
  ['CODE_DEPLOY' as const, 'only CodeDeploy can deploy it'],
  ['EXTERNAL' as const, 'another tool deploys it with task sets'],
])('refuses a service with the controller %s', async (type, why) => {
  const world = await EcsWorld.withService({}, { deploymentController: { type } });
  const run = await expectRefusal(world, `has the deployment controller ${type}, so ${why}`, {
    image: NEXT,
    'pre-deploy': 'node migrate.js',
  });
  if (type === 'CODE_DEPLOY') expectExample('service-unsupported', run);
  await expectRefusal(world, `has the deployment controller ${type}, so ${why}`, {
    command: 'rollback',
    'task-definition-arn': 'user-service:1',
  });
});

test('a service of CodeDeploy is deployed once its controller is changed', async () => {
  const world = await EcsWorld.withService({}, { deploymentController: { type: 'CODE_DEPLOY' } });
  await world.update({
    deploymentController: { type: 'ECS' },
    deploymentConfiguration: { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 0 },
    loadBalancers: [world.balancer()],
    forceNewDeployment: true,
  });
  await world.ended();
  const run = await updateService(world, { image: NEXT });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', reason: 'user-service:2 serves with 2 tasks.' });
});

test('refuses a service of Express Mode', async () => {
  const world = await EcsWorld.start();
  await world.client.send(
    new CreateExpressGatewayServiceCommand({
      cluster: CLUSTER,
      serviceName: SERVICE,
      executionRoleArn: `arn:aws:iam::${DEV}:role/execution`,
      infrastructureRoleArn: `arn:aws:iam::${DEV}:role/express`,
      primaryContainer: { image: IMAGE },
    }),
  );
  expect((await world.service()).resourceManagementType).toBe('ECS');
  const why = 'is an Express Mode service, so ECS manages its task definition, load balancer and scaling';
  await expectRefusal(world, why, { image: NEXT });
});
