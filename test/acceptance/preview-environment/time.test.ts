import { DescribeStackEventsCommand } from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { useWorkspaces } from '../../support/action.ts';
import { VirtualClock } from '../../support/model/virtual-clock.ts';
import { PreviewHost } from '../../support/preview.ts';

const STACK = 'dev-platform-pr-7-user-service';
const workspaceOf = useWorkspaces();
let host: PreviewHost;
beforeAll(async () => {
  // The shared load balancer exists before any preview, so it needs no time here.
  const match = { type: 'AWS::ElasticLoadBalancingV2::LoadBalancer' };
  const resources = [{ match, on: 'create' as const, seconds: 1 }];
  host = await PreviewHost.start(workspaceOf, {
    timeScale: 1,
    timer: new VirtualClock(Date.now()),
    scenario: { resources },
  });
});
afterAll(() => host.sandbox.close());

/**
 * Simulated seconds of the stack's last operation, without the time of this machine. It ends when the service is
 * steady: its target is healthy.
 */
async function secondsOfLast(operation: 'CREATE' | 'UPDATE'): Promise<number> {
  const { StackEvents = [] } = await host
    .cloudFormation()
    .send(new DescribeStackEventsCommand({ StackName: STACK }));
  const at = (status: string): number => {
    const found = StackEvents.find(
      ({ LogicalResourceId, ResourceStatus }) => LogicalResourceId === STACK && ResourceStatus === status,
    );
    if (!found?.Timestamp) throw new Error(`${STACK} was never ${status}`);
    return found.Timestamp.getTime();
  };
  const end = operation === 'CREATE' ? 'CREATE_COMPLETE' : 'UPDATE_COMPLETE';
  return (at(end) - at(`${operation}_IN_PROGRESS`)) / 1000;
}

test('a preview is deployed within a minute, and updated in about one', async () => {
  const opened = await host.run(7, {}, { action: 'opened' });
  expect(opened.outputs['verdict']).toBe('deployed');
  // 10 s for the roles, the target group and its rule, 39 s for the task.
  const first = await secondsOfLast('CREATE');
  expect(first).toBeGreaterThan(40);
  expect(first).toBeLessThan(60);

  const digest = await host.push(7, 'another layer');
  host.pull(7).sha = 'c'.repeat(40);
  const updated = await host.run(7, { images: `user-service=${digest}` });
  expect(updated.outputs['verdict']).toBe('deployed');
  const second = await secondsOfLast('UPDATE');
  // It also waits until the old task has stopped.
  expect(second).toBeLessThan(66);
});
