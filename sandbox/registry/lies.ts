import type { LieRule } from '../scenario/scenario.ts';
import type { World } from '../world.ts';
import type { Manifest } from './manifests.ts';
import { type ImageRepository, like } from './repository.ts';

/** A manifest under a reference that is not visible to reads yet. */
interface Hidden {
  reads: number;
  /** What the reference refers to until then. */
  before: Manifest | undefined;
}

/** Stores a manifest, or responds as if it had and does something else, depending on the scenario. */
export function putOrLie(
  world: World,
  repository: ImageRepository,
  reference: string,
  put: () => void,
): void {
  const lie = lieAbout(world, repository, reference);
  const before = repository.find(reference);
  if (lie?.does === 'drop') return;
  put();
  if (lie?.does === 'hide') hiddenOf(world, repository).set(reference, { reads: lie.reads ?? 1, before });
  if (lie?.does === 'move') {
    const own = repository.find(reference)?.digest;
    const other = [...repository.manifests.keys()].find((digest) => digest !== own);
    if (other !== undefined) repository.tags.set(reference, other);
  }
}

/** The result of reading a manifest. */
export function readOrLie(
  world: World,
  repository: ImageRepository,
  reference: string,
): Manifest | undefined {
  const hidden = hiddenOf(world, repository).get(reference);
  if (hidden === undefined || hidden.reads === 0) return repository.find(reference);
  hidden.reads -= 1;
  return hidden.before;
}

function lieAbout(world: World, { name, arn }: ImageRepository, reference: string): LieRule | undefined {
  const told = world.store('', '', 'registry-lies', () => new Map<string, number>());
  return (world.scenario.ecr?.lies ?? []).find((rule, index) => {
    if (rule.repository !== undefined && rule.repository !== name) return false;
    if (rule.reference !== undefined && !like(reference, rule.reference)) return false;
    const key = `${index} ${arn}`;
    const count = (told.get(key) ?? 0) + 1;
    told.set(key, count);
    return count <= (rule.times ?? Infinity);
  });
}

function hiddenOf(world: World, { arn }: ImageRepository): Map<string, Hidden> {
  return world.store('', '', `hidden ${arn}`, () => new Map<string, Hidden>());
}
