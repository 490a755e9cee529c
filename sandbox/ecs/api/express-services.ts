import { type Input, textOf } from '../../protocols/service.ts';
import { type EcsOperation, invalidParameter } from '../lookup.ts';
import type { Given } from '../model.ts';
import { createService } from '../rollout/service.ts';
import { registerTaskDefinition } from './task-definitions.ts';

/**
 * ECS Express Mode, as far as the actions need it: an ordinary service that is marked as managed by ECS, without its
 * load balancer and scaling.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateExpressGatewayService.html
 */
export const EXPRESS_SERVICE_OPERATIONS: Record<string, EcsOperation> = {
  CreateExpressGatewayService(ecs, input, call) {
    const { arn: taskDefinition } = registerTaskDefinition(ecs, definitionOf(input), call.principalArn);
    const request = {
      cluster: input.cluster ?? 'default',
      serviceName: input.serviceName,
      taskDefinition,
      desiredCount: 1,
      launchType: 'FARGATE',
      networkConfiguration: {
        awsvpcConfiguration: (input.networkConfiguration as Given | undefined) ?? {
          subnets: ['subnet-default'],
        },
      },
    };
    const service = createService(ecs, request, call);
    service.given = { ...service.given, resourceManagementType: 'ECS' };
    const { arn: serviceArn, name: serviceName, cluster } = service;
    return { service: { cluster: cluster.name, serviceName, serviceArn, status: { statusCode: 'ACTIVE' } } };
  },
};

/** "The task definition must have a container named Main": API_CreateExpressGatewayService, taskDefinitionArn. */
function definitionOf({ primaryContainer, serviceName, cpu, memory, executionRoleArn }: Input): Input {
  const { image, containerPort = 80 } = (primaryContainer ?? {}) as {
    image?: string;
    containerPort?: number;
  };
  if (image === undefined) throw invalidParameter('primaryContainer.image is required.');
  return {
    family: textOf(serviceName) ?? '',
    networkMode: 'awsvpc',
    requiresCompatibilities: ['FARGATE'],
    cpu: cpu ?? '256',
    memory: memory ?? '512',
    executionRoleArn,
    containerDefinitions: [{ name: 'Main', image, portMappings: [{ containerPort }] }],
  };
}
