import { DescribeServiceDeploymentsCommand, ListServiceDeploymentsCommand } from '@aws-sdk/client-ecs';
import { beforeEach, expect, test } from '@jest/globals';
import { ecsOf, type ServiceDeployment } from '../../../../../sandbox/ecs/model.ts';
import { DEV, refusal } from '../../clients.ts';
import { CLUSTER, EcsWorld, SERVICE } from '../ecs-world.ts';

const DAY_MS = 24 * 60 * 60_000;

let world: EcsWorld;
let records: ServiceDeployment[];

beforeEach(async () => {
  world = await EcsWorld.withService();
  const { services } = ecsOf(world.sandbox.world, DEV, 'eu-west-1');
  const [service] = services.values();
  records = service!.serviceDeployments;
  const [first] = records;
  // One per day for the last hundred days; every third did not serve.
  for (let days = 1; days <= 100; days++) {
    const record: ServiceDeployment = {
      ...first!,
      arn: `${first!.arn.slice(0, -3)}${String(days).padStart(3, '0')}`,
      status: days % 3 === 0 ? 'ROLLBACK_SUCCESSFUL' : 'SUCCESSFUL',
      createdAt: new Date(Date.now() - days * DAY_MS),
    };
    records.push(record);
    service!.ecs.serviceDeployments.set(record.arn, record);
  }
});

async function list(
  options: { maxResults?: number; nextToken?: string; status?: string[]; after?: Date } = {},
) {
  const { after, status, ...page } = options;
  const answer = await world.client.send(
    new ListServiceDeploymentsCommand({
      cluster: CLUSTER,
      service: SERVICE,
      ...page,
      ...(status && { status: status as never }),
      ...(after && { createdAt: { after } }),
    }),
  );
  return { found: answer.serviceDeployments ?? [], next: answer.nextToken };
}

test('a page has 20 items, or up to 100 if requested', async () => {
  const { found, next } = await list();
  expect(found).toHaveLength(20);
  expect((await list({ nextToken: next! })).found[0]?.serviceDeploymentArn).not.toBe(
    found[0]?.serviceDeploymentArn,
  );
  expect((await list({ maxResults: 100 })).found).toHaveLength(90);
  expect((await refusal(list({ maxResults: 101 }))).name).toBe('ValidationException');
});

test('the history goes back 90 days', async () => {
  const { found } = await list({ maxResults: 100 });
  const oldest = Math.min(...found.map(({ createdAt }) => createdAt!.getTime()));
  expect(oldest).toBeGreaterThan(Date.now() - 90 * DAY_MS);
  const serviceDeploymentArns = [records.at(-1)!.arn];
  const { failures } = await world.client.send(
    new DescribeServiceDeploymentsCommand({ serviceDeploymentArns }),
  );
  expect(failures).toMatchObject([{ reason: 'MISSING' }]);
});

test('can be filtered by status and time', async () => {
  const { found } = await list({
    maxResults: 100,
    status: ['SUCCESSFUL'],
    after: new Date(Date.now() - 9.5 * DAY_MS),
  });
  expect(found.map(({ status }) => status)).toEqual(Array.from({ length: 7 }, () => 'SUCCESSFUL'));
  expect((await refusal(list({ status: ['FAILED'] }))).name).toBe('InvalidParameterException');
});
