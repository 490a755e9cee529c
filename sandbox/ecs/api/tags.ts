import { listOf, textOf } from '../../protocols/service.ts';
import { type EcsOperation, findTaskDefinition, invalidParameter, lastPart } from '../lookup.ts';
import type { Ecs, Tag } from '../model.ts';

export const TAG_OPERATIONS: Record<string, EcsOperation> = {
  TagResource(ecs, input) {
    const resource = tagged(ecs, textOf(input.resourceArn) ?? '');
    resource.tags = withTags(resource.tags, tagsOf(input.tags));
    return {};
  },

  UntagResource(ecs, input) {
    const resource = tagged(ecs, textOf(input.resourceArn) ?? '');
    const keys = listOf(input.tagKeys);
    resource.tags = resource.tags.filter(({ key }) => !keys.includes(key));
    return {};
  },

  ListTagsForResource(ecs, input) {
    return { tags: tagged(ecs, textOf(input.resourceArn) ?? '').tags };
  },
};

function tagged(ecs: Ecs, arn: string): { tags: Tag[] } {
  const found = arn.includes(':task-definition/')
    ? findTaskDefinition(ecs, arn)
    : (ecs.services.get(arn) ?? ecs.tasks.get(arn) ?? ecs.clusters.get(lastPart(arn)));
  if (found?.arn === arn) return found;
  throw invalidParameter('The specified resource was not found.');
}

export function tagsOf(given: unknown): Tag[] {
  return (listOf(given) as Tag[]).map(({ key, value }) => ({ key, value }));
}

/** Tags, overridden by others. */
function withTags(tags: readonly Tag[], added: readonly Tag[]): Tag[] {
  const all = new Map([...tags, ...added].map(({ key, value }) => [key, value]));
  return [...all].map(([key, value]) => ({ key, value }));
}
