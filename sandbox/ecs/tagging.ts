import { listOf, textOf } from '../service.ts';
import type { Ecs } from './ecs.ts';
import { findTaskDefinition, lastPart } from './lookup.ts';
import type { Tag } from './model.ts';
import type { EcsOperation } from './operation.ts';
import { invalidParameter } from './refusals.ts';
import { tagsOf, withTags } from './tags.ts';

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
