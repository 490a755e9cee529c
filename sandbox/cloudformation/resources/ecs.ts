import { putCluster } from '../../ecs/api/clusters.ts';
import { type Ecs, ecsOf, type Service } from '../../ecs/model.ts';
import { findTaskDefinition } from '../../ecs/lookup.ts';
import {
  createService,
  deleteService,
  scale,
  waitForSteadyState,
  updateService,
} from '../../ecs/rollout/service.ts';
import {
  deregisterTaskDefinition,
  nextRevision,
  registerTaskDefinition,
} from '../../ecs/api/task-definitions.ts';
import { identityStore, linkedRoleArn } from '../../iam/roles.ts';
import { AwsError } from '../../protocols/service.ts';
import { isMissing } from '../../scenario/missing.ts';
import type { World } from '../../world.ts';
import type { Effect } from './effect.ts';
import { inputOf } from './effect.ts';
import { nameOf } from './identity.ts';
import { textOf } from '../json.ts';
import type { Stack, StackResource } from '../engine/stack.ts';
import { identityOf } from '../engine/stack.ts';

export const ECS_EFFECTS: Record<string, Effect> = {
  'AWS::ECS::Cluster': {
    make: createCluster,
    change: createCluster,
    remove: (world, stack, resource) => {
      const ecs = ecsOfStack(world, stack);
      const cluster = ecs.clusters.get(resource.physicalId);
      if ([...ecs.services.values()].some((one) => one.cluster === cluster && one.status === 'ACTIVE')) {
        throw new AwsError(
          'ClusterContainsServicesException',
          'The Cluster cannot be deleted while Services are active.',
        );
      }
      if (cluster) cluster.status = 'INACTIVE';
    },
  },
  'AWS::ECS::TaskDefinition': {
    make: (world, stack, resource) => {
      const input = { ...inputOf(stack, resource), family: nameOf(identityOf(stack, resource)) };
      asHandler(world, 'Create TaskDefinition', () =>
        registerTaskDefinition(ecsOfStack(world, stack), input, callerOf(stack)),
      );
    },
    remove: (world, stack, resource) => {
      const ecs = ecsOfStack(world, stack);
      const definition = findTaskDefinition(ecs, resource.physicalId);
      if (definition) deregisterTaskDefinition(ecs, definition);
    },
  },
  'AWS::ECS::Service': {
    make: (world, stack, resource) => {
      const input = { ...inputOf(stack, resource), serviceName: nameOf(identityOf(stack, resource)) };
      asHandler(world, 'CreateService error', () =>
        createService(ecsOfStack(world, stack), input, { principalArn: callerOf(stack) }),
      );
    },
    change: (world, stack, resource) => {
      const service = serviceOf(world, stack, resource);
      const input = inputOf(stack, resource);
      if (!service) return;
      asHandler(world, 'UpdateService error', () => {
        updateService(service.ecs, service, input);
      });
    },
    settle: async (world, stack, resource, signal) => {
      const service = serviceOf(world, stack, resource);
      if (service) await waitForSteadyState(service, signal);
    },
    remove: async (world, stack, resource) => {
      const service = serviceOf(world, stack, resource);
      if (service?.status === 'ACTIVE') deleteService(service, true);
      while (service?.status === 'DRAINING') await service.ecs.changes.next(world.closed);
    },
  },
  'AWS::ApplicationAutoScaling::ScalableTarget': {
    make: keepWithinCapacity,
    change: keepWithinCapacity,
    remove: () => undefined,
  },
};

/**
 * Calls ECS and converts its error to that of the resource handlers.
 *
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1804
 */
function asHandler(world: World, call: string, act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    const answer = `Service: AmazonECS; Status Code: ${error.status}; Error Code: ${error.code}; Request ID: ${world.newUuid()}; Proxy: null`;
    throw new AwsError('InvalidRequest', `Invalid request provided: ${call}: ${error.message} (${answer})`);
  }
}

/** The next revision of the task definition. */
export function revisionOf(world: World, stack: Stack, resource: StackResource): number {
  return nextRevision(ecsOfStack(world, stack), nameOf(identityOf(stack, resource)));
}

function ecsOfStack(world: World, { account, region }: Stack): Ecs {
  return ecsOf(world, account, region);
}

function callerOf({ account }: Stack): string {
  return `arn:aws:iam::${account}:root`;
}

function createCluster(world: World, stack: Stack, resource: StackResource): void {
  const { tags, ...given } = inputOf(stack, resource);
  if (given['capacityProviders'] !== undefined) assumeLinkedRole(world, stack);
  const cluster = putCluster(ecsOfStack(world, stack), resource.physicalId, given);
  cluster.tags = tags as unknown as typeof cluster.tags;
}

/**
 * The first cluster of an account fails, because ECS cannot immediately assume the service-linked role that it creates.
 * The second attempt succeeds. Reported for clusters with capacity providers.
 *
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/818
 * @see https://github.com/1Password/scim-examples/issues/356
 * @see https://github.com/aws-samples/baseline-environment-on-aws/issues/238 for the message
 */
function assumeLinkedRole(world: World, stack: Stack): void {
  const [service, name] = ['ecs.amazonaws.com', 'AWSServiceRoleForECS'];
  const arn = linkedRoleArn(stack, service, name);
  const store = identityStore(world);
  if (store.role(arn) || !isMissing(world, arn)) return;
  store.putLinkedRole(stack, service, name);
  const cause =
    'Unable to assume the service linked role. Please verify that the ECS service linked role exists.';
  const answer = `(Service: AmazonECS; Status Code: 400; Error Code: InvalidParameterException; Request ID: ${world.newUuid()}; Proxy: null)`;
  throw new AwsError(
    'InvalidRequest',
    `Invalid request provided: CreateCluster Invalid Request: ${cause} ${answer}`,
  );
}

function serviceOf(world: World, stack: Stack, resource: StackResource): Service | undefined {
  const [arn = ''] = resource.physicalId.split('|');
  return ecsOfStack(world, stack).services.get(arn);
}

/** Scaling starts within the limits of the scalable target. */
function keepWithinCapacity(world: World, stack: Stack, resource: StackResource): void {
  const { ResourceId, MinCapacity, MaxCapacity } = resource.properties;
  const service = ecsOfStack(world, stack).services.get(ecsOfStack(world, stack).arn(textOf(ResourceId)));
  if (!service) return;
  const count = Math.min(Math.max(service.desiredCount, Number(MinCapacity)), Number(MaxCapacity));
  if (count !== service.desiredCount) scale(service, count);
}
