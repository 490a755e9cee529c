import { DOMAIN_EFFECTS } from '../../dns/domain-effects.ts';
import { requireRoom } from '../../quotas/room.ts';
import { objectStore } from '../../s3/object-store.ts';
import { SCHEDULE_EFFECTS } from '../../scheduler/schedule-effects.ts';
import { AwsError } from '../../protocols/service.ts';
import { parameterStore } from '../../ssm/parameter-store.ts';
import type { World } from '../../world.ts';
import { ECS_EFFECTS } from './ecs.ts';
import { changedProperties, type Effect } from './effect.ts';
import { putRepository, removeRepository, repositoryExists } from './ecr.ts';
import { IDENTITY_EFFECTS } from '../permissions/identity-effects.ts';
import type { JsonObject } from '../json.ts';
import { textOf } from '../json.ts';
import { LOAD_BALANCING_EFFECTS } from './elb.ts';
import { LAMBDA_EFFECTS } from './lambda.ts';
import { type ExclusiveName, exclusiveName, singletonOf } from './names.ts';
import { OBSERVABILITY_EFFECTS } from './observability.ts';
import { refuseProtected } from './policies.ts';
import type { Stack, StackResource } from '../engine/stack.ts';
import { identityOf } from '../engine/stack.ts';
import { stackDatabase } from '../engine/stack-database.ts';

const EFFECTS: Record<string, Effect> = {
  ...ECS_EFFECTS,
  ...LOAD_BALANCING_EFFECTS,
  ...OBSERVABILITY_EFFECTS,
  ...LAMBDA_EFFECTS,
  ...DOMAIN_EFFECTS,
  ...SCHEDULE_EFFECTS,
  ...IDENTITY_EFFECTS,
  'AWS::SSM::Parameter': {
    exists: (world, stack, name) =>
      parameterStore(world, stack.account, stack.region).get(name) !== undefined,
    make: putParameter,
    change: putParameter,
    remove: (world, stack, resource) => {
      parameterStore(world, stack.account, stack.region).delete(resource.physicalId);
    },
    changedByService: (world, stack, resource) => {
      const found = parameterStore(world, stack.account, stack.region).get(resource.physicalId);
      return found ? changedProperties(resource, { Type: found.type, Value: found.value }) : 'deleted';
    },
  },
  'AWS::S3::Bucket': {
    exists: (world, stack, name) => objectStore(world, stack.account).bucketExists(name),
    make: (world, stack, resource) => {
      objectStore(world, stack.account).createBucket(resource.physicalId, stack.region);
    },
    remove: (world, stack, resource) => {
      objectStore(world, stack.account).deleteBucket(resource.physicalId);
    },
  },
  'AWS::ECR::Repository': {
    exists: repositoryExists,
    make: putRepository,
    change: putRepository,
    remove: removeRepository,
  },
};

function putParameter(world: World, stack: Stack, resource: StackResource): void {
  const { Value: value, Type: type } = resource.properties;
  const store = parameterStore(world, stack.account, stack.region);
  store.put({ name: resource.physicalId, type: textOf(type), value: textOf(value) });
}

/** The part of a resource that determines its name. */
type Named = Pick<StackResource, 'logicalId' | 'type' | 'properties' | 'unique'>;

/**
 * Whether a resource with the name in the properties already exists in this account, or, for buckets, in any account.
 */
export function nameIsTaken(world: World, stack: Stack, resource: Named): boolean {
  const chosen = chosenName(stack, resource);
  if (chosen === undefined) return false;
  const effect = EFFECTS[resource.type];
  if (effect?.exists) return effect.exists(world, stack, chosen.name);
  return registry(world, stack).has(chosen.key);
}

/** The name in the template, if it must be unique. */
export function chosenName(stack: Stack, resource: Named): ExclusiveName | undefined {
  return exclusiveName(identityOf(stack, resource).schema, resource.properties);
}

/** Creates the resource. Throws AlreadyExists, or the service's error. */
export function make(world: World, stack: Stack, resource: StackResource): void {
  const chosen = chosenName(stack, resource);
  if (chosen && nameIsTaken(world, stack, resource)) throw alreadyExists(resource.type, chosen.identifier);
  const singleton = singletonOf(resource.type, resource.properties);
  const ofAccount = singletons(world, stack);
  if (singleton && ofAccount.has(singleton.key)) throw new AwsError(singleton.code, singleton.message);
  requireRoom(world, stack, resource);
  EFFECTS[resource.type]?.make(world, stack, resource);
  if (chosen) registry(world, stack).set(chosen.key, stack.id);
  if (singleton) ofAccount.add(singleton.key);
}

export function change(world: World, stack: Stack, resource: StackResource): void {
  EFFECTS[resource.type]?.change?.(world, stack, resource);
}

/** Whether a resource of this type takes as long as its service needs, instead of the usual time. */
export function settles(type: string): boolean {
  return EFFECTS[type]?.settle !== undefined;
}

/** Resolves when the created or changed resource is stable. Throws if it never will be. */
export async function settle(
  world: World,
  stack: Stack,
  resource: StackResource,
  signal: AbortSignal,
): Promise<void> {
  await EFFECTS[resource.type]?.settle?.(world, stack, resource, signal);
}

/** The properties of a resource that a service has changed since its stack set them. */
export function changedByService(
  world: World,
  stack: Stack,
  resource: StackResource,
): JsonObject | 'deleted' {
  return EFFECTS[resource.type]?.changedByService?.(world, stack, resource) ?? {};
}

/** Deletes the resource. Throws the service's error, for example if a bucket is not empty. */
export async function remove(world: World, stack: Stack, resource: StackResource): Promise<void> {
  const deleted = resource.live !== undefined && 'deleted' in resource.live;
  if (!deleted) {
    refuseProtected(resource);
    await EFFECTS[resource.type]?.remove(world, stack, resource);
  }
  const chosen = chosenName(stack, resource);
  if (chosen) registry(world, stack).delete(chosen.key);
  const singleton = singletonOf(resource.type, resource.properties);
  if (singleton) singletons(world, stack).delete(singleton.key);
}

/** Resources that an account can have only once, in any region. */
function singletons(world: World, { account }: Stack): Set<string> {
  return world.store(account, '', 'singletons', () => new Set<string>());
}

function registry(world: World, stack: Stack): Map<string, string> {
  return stackDatabase(world, stack.account, stack.region).named;
}

function alreadyExists(type: string, name: string): AwsError {
  return new AwsError(
    'AlreadyExists',
    `Resource of type '${type}' with identifier '${name}' already exists.`,
  );
}
