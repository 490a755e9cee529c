import type { World } from '../world.ts';
import { apiInput } from './api-input.ts';
import type { JsonObject } from './json.ts';
import type { Stack, StackResource } from './stack.ts';
import { identityOf } from './stack.ts';

/** What the resources of a type do to the sandbox's other services. Each throws AwsError as the service would. */
export interface Effect {
  exists?(world: World, stack: Stack, name: string): boolean;
  make(world: World, stack: Stack, resource: StackResource): void;
  change?(world: World, stack: Stack, resource: StackResource): void;
  /** Until what was made or changed is as it should be. */
  settle?(world: World, stack: Stack, resource: StackResource, signal: AbortSignal): Promise<void>;
  remove(world: World, stack: Stack, resource: StackResource): Promise<void> | void;
}

/** A resource's properties as its service's API takes them, with the stack's tags. */
export function inputOf(stack: Stack, resource: StackResource): JsonObject {
  const input = apiInput(identityOf(stack, resource).schema, resource.properties);
  const tags = resource.stackTags.map(({ Key, Value }) => ({ key: Key, value: Value }));
  return { ...input, tags: [...tags, ...(Array.isArray(input.tags) ? input.tags : [])] };
}
