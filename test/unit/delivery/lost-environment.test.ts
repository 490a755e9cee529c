import { expect, test } from '@jest/globals';
import { callGroup } from '../../../src/aws/rates.ts';
import { createSession } from '../../../src/aws/session.ts';
import { LockTakenError } from '../../../src/delivery/lock.ts';
import { serviceContext } from '../../../src/delivery/release/request.ts';
import { releaseService } from '../../../src/delivery/release/release-service.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { RateLimiter } from '../../../src/core/network/rate-limiter.ts';
import { CancelledError, TimeoutError } from '../../../src/core/errors.ts';
import { releaseRequest } from '../../support/in-process.ts';
import { contextOf } from '../images/registry/context.ts';
import { EcsWorld, IMAGE } from '../sandbox/ecs/ecs-world.ts';

test.each([
  [new TimeoutError('The work on dev', 60_000), 'timed-out'],
  [new LockTakenError('/shop/dev/lock', 'Locked by ada'), 'failed'],
])('%s during a rollout rolls it back', async (cause, verdict) => {
  const next = IMAGE.replaceAll('1', '2');
  const slow = { does: 'run' as const, match: { image: next }, pullSeconds: 100_000 };
  const { sandbox, client } = await EcsWorld.withService({ scenario: { ecs: { rules: [slow] } } });
  process.env['AWS_ENDPOINT_URL'] = sandbox.url;
  const stop = new AbortController();
  const context = { ...contextOf(), signal: stop.signal };
  const session = {
    ...createSession({ region: 'eu-west-1', context }),
    credentials: client.config.credentials,
  };
  const before = sandbox.calls.of('DescribeServiceDeployments').length;
  const working = releaseService(serviceContext(session, context, {}), releaseRequest(next));
  await sandbox.calls.arrival({ operation: 'DescribeServiceDeployments' }, before + 1);
  stop.abort(cause);
  const report = await working;
  expect(report.verdict).toBe(verdict);
  expect(report.reason).toContain('Requested a rollback to user-service:1; it continues on AWS.');
  expect(sandbox.calls.of('StopServiceDeployment')).toHaveLength(1);
});

test('calls that stop the rollout do not wait behind other calls', async () => {
  const next = IMAGE.replaceAll('1', '2');
  const slow = { does: 'run' as const, match: { image: next }, pullSeconds: 100_000 };
  const { sandbox, client } = await EcsWorld.withService({ scenario: { ecs: { rules: [slow] } } });
  process.env['AWS_ENDPOINT_URL'] = sandbox.url;
  const stop = new AbortController();
  const limiter = new RateLimiter({ perSecond: 20, burst: 60, clock: systemClock });
  const context = { ...contextOf(), clock: systemClock, limiter, signal: stop.signal };
  const credentials = client.config.credentials;
  const session = { ...createSession({ region: 'eu-west-1', context }), credentials };
  const before = sandbox.calls.of('DescribeServiceDeployments').length;
  const services = serviceContext(session, context, {});
  const working = releaseService(services, releaseRequest(next));
  await sandbox.calls.arrival({ operation: 'DescribeServiceDeployments' }, before + 1);
  // Many minutes of calls by other work, which does not end with this job.
  const others = new AbortController();
  let waiting = 20_000;
  const group = callGroup('ECS', 'StopServiceDeployment');
  const bucket = limiter.bucket(`own eu-west-1 ${group.name}`, group);
  const queue = Promise.allSettled(
    Array.from({ length: waiting }, async () => {
      await bucket.take({ signal: others.signal });
      waiting--;
    }),
  );
  stop.abort(new CancelledError('SIGTERM'));
  const { verdict } = await working;
  const stillWaiting = waiting;
  others.abort(new Error('over'));
  await queue;
  expect(verdict).toBe('cancelled');
  expect(stillWaiting).toBeGreaterThan(0);
  expect(sandbox.calls.of('StopServiceDeployment')).toHaveLength(1);
});
