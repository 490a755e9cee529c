import { CreateClusterCommand } from '@aws-sdk/client-ecs';
import { expect, test } from '@jest/globals';
import { findService } from '../../../src/ecs/find-service.ts';
import type { EcsContext } from '../../../src/ecs/service.ts';
import { contextOf } from '../images/registry/context.ts';
import { CLUSTER, EcsWorld, SERVICE } from '../sandbox/ecs/ecs-world.ts';

const none = (): never => {
  throw new Error('not needed here');
};

test('names what was not found, with a suggestion', async () => {
  const world = await EcsWorld.withService();
  for (const clusterName of ['batch', 'edge'])
    await world.client.send(new CreateClusterCommand({ clusterName }));
  const { client } = world;
  const context = {
    ...contextOf(),
    region: 'eu-west-1',
    ecs: () => Promise.resolve(client),
    elb: none,
    logs: none,
  } as EcsContext;
  const find = (cluster: string, service: string): Promise<unknown> =>
    findService(context, { cluster, service }).catch((error: unknown) => (error as Error).message);

  expect(await find(CLUSTER, SERVICE)).toMatchObject({ serviceName: SERVICE });
  expect(await find('dev-platfrom', SERVICE)).toMatch(
    /^There is no cluster dev-platfrom in eu-west-1 \(AWS reported: "ClusterNotFoundException: Cluster not found\..*"\)\. Did you mean dev-platform\?$/,
  );
  expect(await find('nothing-like-it', SERVICE)).toMatch(/The clusters are dev-platform, batch, edge\.$/);
  expect(await find(CLUSTER, 'usr-service')).toBe(
    'There is no service usr-service in the cluster dev-platform (MISSING). Did you mean user-service?',
  );
  expect(await find('batch', SERVICE)).toMatch(/\(MISSING\)\. There are no other services of batch\.$/);

  for (const operation of ['ListClusters', 'ListServices'])
    world.sandbox.addFault({
      kind: 'error',
      operation,
      code: 'AccessDeniedException',
      status: 400,
      times: 9,
    });
  expect(await find('dev-platfrom', SERVICE)).toMatch(/Cluster not found\..*"\)\.$/);
  expect(await find(CLUSTER, 'usr-service')).toMatch(/\(MISSING\)\.$/);
});
