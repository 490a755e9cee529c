import type { JsonObject } from './json.ts';
import { sameValue } from './json.ts';
import { diffProperties } from './property-diff.ts';
import { schemaOf } from './schema.ts';
import type { StackResource, Tag } from './stack.ts';
import type { ResourceDefinition } from './template.ts';

/** What an update does to a resource that is there. */
export type ResourceAction = 'none' | 'update' | 'replace' | 'create';

/**
 * What the next state asks of a resource. Properties that replace it only under conditions that no schema tells do
 * not replace it here.
 */
export function actionFor(
  existing: StackResource,
  next: { definition: ResourceDefinition; properties: JsonObject; stackTags: readonly Tag[] },
  revertDrift: boolean,
): ResourceAction {
  const schema = schemaOf(existing.type);
  if (!schema) return 'none';
  if (revertDrift && existing.live) {
    if ('deleted' in existing.live) return 'create';
    if (!sameValue(existing.live.properties, next.properties)) return 'update';
  }
  const differences = diffProperties(schema, existing.properties, next.properties);
  if (differences.some(({ recreation }) => recreation === 'Always')) return 'replace';
  if (differences.length > 0 || existing.status === 'UPDATE_FAILED') return 'update';
  if (!sameValue(existing.definition.metadata, next.definition.metadata)) return 'update';
  return schema.tags && !sameTags(existing.stackTags, next.stackTags) ? 'update' : 'none';
}

export function sameTags(one: readonly Tag[], other: readonly Tag[]): boolean {
  const text = (tags: readonly Tag[]): string =>
    JSON.stringify(tags.map(({ Key, Value }) => [Key, Value]).sort());
  return text(one) === text(other);
}
