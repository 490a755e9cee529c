import { CreateClusterCommand } from '@aws-sdk/client-ecs';
import { expect, test } from '@jest/globals';
import { CLUSTER, EcsWorld } from '../ecs-world.ts';

/** A service that names neither a launch type nor capacity providers. */

test('places no task on a cluster without container instances', async () => {
  const ecs = await EcsWorld.start();
  expect(await ecs.create({ launchType: undefined })).toMatchObject({ launchType: 'EC2' });
  const { events } = await ecs.until(
    () => ecs.service(),
    ({ events = [] }) => events.length > 0,
  );
  expect(events?.[0]?.message).toBe(
    '(service user-service) was unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster.',
  );
  expect(await ecs.tasks()).toEqual([]);
});

test('uses the default strategy of its cluster', async () => {
  const ecs = await EcsWorld.start();
  const strategy = [{ capacityProvider: 'FARGATE', weight: 1, base: 0 }];
  await ecs.client.send(
    new CreateClusterCommand({
      clusterName: CLUSTER,
      capacityProviders: ['FARGATE'],
      defaultCapacityProviderStrategy: strategy,
    }),
  );
  expect(await ecs.create({ launchType: undefined })).toMatchObject({ capacityProviderStrategy: strategy });
  expect(await ecs.settled()).toMatchObject({ runningCount: 2 });
});
