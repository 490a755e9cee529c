import { listOf } from '../service.ts';
import type { Tag } from './model.ts';

export function tagsOf(given: unknown): Tag[] {
  return (listOf(given) as Tag[]).map(({ key, value }) => ({ key, value }));
}

/** The tags with others put over them. */
export function withTags(tags: readonly Tag[], added: readonly Tag[]): Tag[] {
  const all = new Map([...tags, ...added].map(({ key, value }) => [key, value]));
  return [...all].map(([key, value]) => ({ key, value }));
}
