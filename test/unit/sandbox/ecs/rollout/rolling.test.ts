import { DescribeServiceRevisionsCommand } from '@aws-sdk/client-ecs';
import { describe, expect, test } from '@jest/globals';
import { EcsWorld, IMAGE } from '../ecs-world.ts';

describe('a rolling deployment', () => {
  test('replaces every task, and shows it in all views', async () => {
    const ecs = await EcsWorld.withService();
    const before = await ecs.service();
    const service = await ecs.deployNext();
    expect(service.deployments?.[0]).toMatchObject({ status: 'PRIMARY', rolloutState: 'IN_PROGRESS' });
    expect(service.deployments?.[0]?.id).not.toBe(before.deployments?.[0]?.id);
    const ended = await ecs.ended();
    expect(ended).toMatchObject({
      status: 'SUCCESSFUL',
      targetServiceRevision: { requestedTaskCount: 2, runningTaskCount: 2, pendingTaskCount: 0 },
      sourceServiceRevisions: [{ runningTaskCount: 0 }],
    });
    const after = await ecs.service();
    expect(after.deployments).toMatchObject([
      { id: service.deployments?.[0]?.id, rolloutState: 'COMPLETED', runningCount: 2, failedTasks: 0 },
    ]);
    expect(after).toMatchObject({ runningCount: 2, pendingCount: 0, desiredCount: 2 });
    const tasks = await ecs.tasks();
    expect(tasks.map((task) => task.startedBy)).toEqual([
      after.deployments?.[0]?.id,
      after.deployments?.[0]?.id,
    ]);
    expect(tasks[0]?.containers).toMatchObject([
      { name: 'app', lastStatus: 'RUNNING', imageDigest: `sha256:${'2'.repeat(64)}` },
    ]);
    const revisions = await ecs.client.send(
      new DescribeServiceRevisionsCommand({ serviceRevisionArns: [ended.targetServiceRevision!.arn!] }),
    );
    expect(revisions.serviceRevisions).toMatchObject([
      {
        taskDefinition: after.taskDefinition,
        containerImages: [{ containerName: 'app', imageDigest: `sha256:${'2'.repeat(64)}` }],
      },
    ]);
    expect(after.events?.[0]?.message).toBe('(service user-service) has reached a steady state.');
    expect(IMAGE).toContain('sha256');
  });

  test('of the running revision does nothing', async () => {
    const ecs = await EcsWorld.withService();
    const before = await ecs.service();
    const service = await ecs.update({ taskDefinition: before.taskDefinition });
    expect(service.deployments).toMatchObject([{ id: before.deployments?.[0]?.id }]);
  });
});
