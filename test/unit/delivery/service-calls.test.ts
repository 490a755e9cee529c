import { expect, test } from '@jest/globals';
import { createSession } from '../../../src/aws/session.ts';
import { serviceContext } from '../../../src/delivery/release/request.ts';
import { UNKNOWN_SOURCE } from '../../../src/delivery/source.ts';
import { releaseService } from '../../../src/delivery/release/release-service.ts';
import { systemClock, type Clock } from '../../../src/core/clock.ts';

import { contextOf } from '../images/registry/context.ts';
import { CLUSTER, EcsWorld, IMAGE, SERVICE } from '../sandbox/ecs/ecs-world.ts';

/** Time passes this much faster for both sides: for the sandbox, and for the release that polls it. */
const SCALE = 40;

function fastClock(): Clock {
  const start = Date.now();
  return {
    now: () => start + (Date.now() - start) * SCALE,
    sleep: (ms, signal) => systemClock.sleep(ms / SCALE, signal),
  };
}

test('a rollout of five minutes takes at most 200 calls', async () => {
  const next = IMAGE.replaceAll('1', '2');
  const rules = [
    { does: 'run' as const, match: { image: IMAGE }, pullSeconds: 0, bootSeconds: 0 },
    { does: 'run' as const, match: { image: next }, bootSeconds: 240 },
  ];
  const world = await EcsWorld.withService({ timeScale: SCALE, scenario: { ecs: { rules } } });
  const { sandbox } = world;
  process.env['AWS_ENDPOINT_URL'] = sandbox.url;
  const clock = fastClock();
  const context = { ...contextOf(), clock };
  const session = {
    ...createSession({ region: 'eu-west-1', context }),
    credentials: world.client.config.credentials,
  };
  const before = sandbox.calls.all.length;
  const startedAt = clock.now();
  const report = await releaseService(serviceContext(session, context, {}), {
    cluster: CLUSTER,
    service: SERVICE,
    wait: true,
    timeoutMs: 600_000,
    onFailure: 'rollback',
    origin: { ...UNKNOWN_SOURCE, run: '', actor: '', from: '' },
    source: { kind: 'service' },
    changes: { image: next, images: {}, environment: {}, secrets: {}, environmentMode: 'merge' },
  });
  const calls = sandbox.calls.all.slice(before);
  const seconds = (clock.now() - startedAt) / 1000;
  expect(report).toMatchObject({ verdict: 'deployed' });
  expect(seconds).toBeGreaterThan(270);
  expect(calls.length).toBeLessThanOrEqual(200);
  expect(calls.length).toBeGreaterThan(50);
});
