import type { ECSClient, Service } from '@aws-sdk/client-ecs';
import { expect, test } from '@jest/globals';
import type { FollowedDeployment } from '../../../src/ecs/deployment.ts';
import { diagnose } from '../../../src/ecs/diagnosis.ts';
import type { EcsContext } from '../../../src/ecs/service.ts';
import type { TaskDefinition } from '../../../src/ecs/task-definition/task-definition.ts';
import { contextOf } from '../images/registry/context.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const deployment: FollowedDeployment = {
  cluster: 'dev-platform',
  service: 'user-service',
  id: 'ecs-svc/1',
  taskDefinition: 'user-service:2',
  previous: 'user-service:1',
  createdAt: NOW,
};

/** A service with this event, and without tasks. */
function contextWith(events: readonly string[]): EcsContext {
  const service: Service = {
    status: 'ACTIVE',
    events: events.map((message) => ({ message, createdAt: NOW })),
  };
  const answers: Record<string, object> = {
    DescribeServicesCommand: { services: [service] },
    ListTasksCommand: { taskArns: [] },
  };
  const send = (command: object): Promise<object> => Promise.resolve(answers[command.constructor.name] ?? {});
  const ecs = (): Promise<ECSClient> => Promise.resolve({ config: {}, send } as unknown as ECSClient);
  return { ...contextOf(), region: 'eu-west-1', ecs } as unknown as EcsContext;
}

test.each([
  [
    'was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.',
    'No capacity is available for the tasks',
  ],
  [
    'was unable to place a task. Reason: You’ve reached the limit on the number of vCPUs you can run concurrently.',
    'The account has reached its Fargate vCPU quota',
  ],
  ['something else happened', undefined],
])("if no task was started, the service's event is quoted: %s", async (event, cause) => {
  const context = contextWith([
    '(service user-service) has started 1 tasks',
    `(service user-service) ${event}`,
  ]);
  const found = await diagnose(context, deployment, {
    containerDefinitions: [],
  } as unknown as TaskDefinition);
  if (cause === undefined) expect(found).toBeUndefined();
  else expect(found).toMatchObject({ cause, awsMessage: event, groups: [] });
});
