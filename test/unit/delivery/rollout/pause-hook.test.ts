import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ContinueServiceDeploymentCommand, type DeploymentLifecycleHookStage } from '@aws-sdk/client-ecs';
import { afterEach, expect, test } from '@jest/globals';
import type { Scenario } from '../../../../sandbox/index.ts';
import type { SmokeTest } from '../../../../src/delivery/release/request.ts';
import { release, startRelease } from '../../../support/in-process.ts';
import { NEXT } from '../../../support/service.ts';
import { EcsWorld } from '../../sandbox/ecs/ecs-world.ts';

/** Who answers a PAUSE hook: the smoke test if its requests reach the new tasks, otherwise a person. */

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A service with PAUSE hooks at these stages. */
async function pausing(
  stages: readonly DeploymentLifecycleHookStage[],
  ecs: NonNullable<Scenario['ecs']> = {},
  timeoutConfiguration = { timeoutInMinutes: 1440, action: 'ROLLBACK' as 'ROLLBACK' | 'CONTINUE' },
): Promise<EcsWorld> {
  const configuration = { strategy: 'BLUE_GREEN' as const, bakeTimeInMinutes: 20 };
  const world = await EcsWorld.withService({ scenario: { ecs } }, { deploymentConfiguration: configuration });
  const lifecycleHooks = stages.map((stage) => ({
    targetType: 'PAUSE' as const,
    lifecycleStages: [stage],
    timeoutConfiguration,
  }));
  await world.update({ deploymentConfiguration: { ...configuration, lifecycleHooks } });
  return world;
}

/** A smoke test by URL; `answer` returns the status, possibly with a delay. */
async function urlTest(answer: () => Promise<number> | number): Promise<SmokeTest & { asked: number }> {
  const test = { kind: 'url' as const, url: '', status: [200, 200] as const, timeoutMs: 2000, asked: 0 };
  const server = createServer((_, response) => {
    test.asked += 1;
    void Promise.resolve(answer()).then((status) => response.writeHead(status).end());
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  test.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return test;
}

/** Answers the waiting hook, like a person. */
async function answerAsPerson(world: EcsWorld, action: 'CONTINUE' | 'ROLLBACK'): Promise<void> {
  const { serviceDeploymentArn, lifecycleHookDetails = [] } = await world.when((one) =>
    (one.lifecycleHookDetails ?? []).some(({ status }) => status === 'AWAITING_ACTION'),
  );
  const hook = lifecycleHookDetails.find(({ status }) => status === 'AWAITING_ACTION');
  const command = { serviceDeploymentArn: serviceDeploymentArn!, hookId: hook!.hookId!, action };
  await world.client.send(new ContinueServiceDeploymentCommand(command));
}

test.each([
  'POST_TEST_TRAFFIC_SHIFT',
  'PRE_PRODUCTION_TRAFFIC_SHIFT',
  'POST_PRODUCTION_TRAFFIC_SHIFT',
] as const)('the smoke test answers the hook of %s', async (stage) => {
  const world = await pausing([stage]);
  const smokeTest = await urlTest(() => 200);
  const { result } = await release(world, { smokeTest });
  expect(result).toMatchObject({ verdict: 'deployed', smokeTest: { ok: true } });
  expect(smokeTest.asked).toBe(1);
});

test.each(['PRE_SCALE_UP', 'POST_SCALE_UP'] as const)(
  'the hook of %s waits for a manual decision, and the smoke test runs after the rollout',
  async (stage) => {
    const world = await pausing([stage]);
    let answered = false;
    const smokeTest = await urlTest(() => (answered ? 200 : 503));
    const { result: running, lines } = startRelease(world, { smokeTest });
    await world.until(
      () => Promise.resolve(lines.join('\n')),
      (text) => text.includes('for a manual decision'),
    );
    answered = true;
    await answerAsPerson(world, 'CONTINUE');
    const result = await running;
    expect(result).toMatchObject({ verdict: 'deployed', smokeTest: { ok: true, attempts: 1 } });
    const { serviceDeploymentArn = '', lifecycleHookDetails = [] } = await world.deployment();
    const log = lines.join('\n');
    expect(log).toMatch(
      new RegExp(
        `The deployment of user-service has been waiting for a manual decision at the PAUSE hook of ${stage} since \\S+Z\\. ECS rolls it back at \\S+Z\\.`,
      ),
    );
    expect(log).toContain(
      `Continue: aws ecs continue-service-deployment --region eu-west-1 --service-deployment-arn ${serviceDeploymentArn} --hook-id ${lifecycleHookDetails[0]?.hookId ?? ''} --action CONTINUE`,
    );
    expect(log).toContain(
      'Console: https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/dev-platform/services/user-service/deployments?region=eu-west-1',
    );
    expect(log).toContain('::notice title=user-service waits for a manual decision::');
  },
);

test('without a smoke test, every hook waits for a manual decision, and its timeout action is reported', async () => {
  const world = await pausing(['POST_TEST_TRAFFIC_SHIFT'], {}, { timeoutInMinutes: 60, action: 'CONTINUE' });
  const { result, lines } = await release(world);
  expect(result).toMatchObject({ verdict: 'deployed' });
  expect(lines.join('\n')).toContain(' ECS continues it at ');
});

test('a user can continue the hook while the smoke test runs', async () => {
  const world = await pausing(['POST_TEST_TRAFFIC_SHIFT']);
  const smokeTest = await urlTest(async () => {
    await answerAsPerson(world, 'CONTINUE').catch(() => undefined);
    return 200;
  });
  const { result } = await release(world, { smokeTest });
  expect(result).toMatchObject({ verdict: 'deployed', taskDefinition: 'user-service:2' });
  expect(result.notes.join()).toContain(
    'The PAUSE hook was answered before the smoke test finished (SUCCEEDED)',
  );
});

test('a smoke test that fails after a user has continued the hook rolls the release back', async () => {
  const world = await pausing(['POST_TEST_TRAFFIC_SHIFT'], {
    rules: [{ does: 'run', match: { image: NEXT } }],
  });
  let answered = false;
  const smokeTest = await urlTest(async () => {
    if (!answered) {
      answered = true;
      await answerAsPerson(world, 'CONTINUE');
    }
    return 500;
  });
  const { result } = await release(world, { smokeTest });
  expect(result).toMatchObject({ verdict: 'smoke-test-failed' });
  expect(result.reason).toContain('rolled back to user-service:1');
});

test('a rollback by a person during the smoke test is respected', async () => {
  const world = await pausing(['POST_TEST_TRAFFIC_SHIFT']);
  const smokeTest = await urlTest(async () => {
    await answerAsPerson(world, 'ROLLBACK').catch(() => undefined);
    return 200;
  });
  const { result } = await release(world, { smokeTest });
  expect(result).toMatchObject({ verdict: 'rolled-back', rollback: { to: 'user-service:1' } });
});
