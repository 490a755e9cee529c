import { expect, test } from '@jest/globals';
import { failureThreshold, isTaskFailure } from '../../../src/ecs/task-failures.ts';

/** @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html#bounded-percent-calculation */
test.each([
  [1, 3],
  [25, 13],
  [400, 200],
  [800, 200],
])("%i tasks: %i consecutive failures, as in ECS's table", (desired, threshold) => {
  expect(failureThreshold(desired)).toBe(threshold);
});

test.each([
  [{ stopCode: 'EssentialContainerExited', stoppedReason: 'Essential container in task exited' }, true],
  [{ stopCode: 'TaskFailedToStart', stoppedReason: 'CannotPullContainerError: …' }, true],
  [{ stopCode: 'ServiceSchedulerInitiated', stoppedReason: 'Task failed ELB health checks in (…)' }, true],
  [{ stopCode: 'ServiceSchedulerInitiated', stoppedReason: 'Scaling activity initiated by (…)' }, false],
  [{ stopCode: 'SpotInterruption', stoppedReason: 'Your Spot Task was interrupted.' }, false],
  [{ stopCode: 'UserInitiated', stoppedReason: 'Task stopped by user' }, false],
  [
    {
      stopCode: 'ServiceSchedulerInitiated',
      stoppedReason: 'ECS is performing maintenance on the underlying infrastructure hosting the task.',
    },
    false,
  ],
] as const)('%j counts as a failure: %s', (task, counts) => {
  expect(isTaskFailure(task)).toBe(counts);
});
