import { pooled } from '../support/pool.ts';
import type { Endpoint } from './endpoint.ts';
import { play } from './play.ts';
import type { Situation } from './situation.ts';

interface Playing {
  workspaceOf: (files: Record<string, string>) => string;
  /** How many situations are played in parallel. */
  most: number;
}

/** Plays situations on an endpoint. Returns those that differ, by name, and how. */
export async function playAll(
  situations: readonly Situation[],
  endpoint: Endpoint,
  { workspaceOf, most }: Playing,
): Promise<Map<string, string>> {
  const wrong = new Map<string, string>();
  await pooled(situations, most, async (situation) => {
    const difference = await play(situation, endpoint, workspaceOf(situation.files)).catch(
      (error: unknown) => `threw ${String(error)}`,
    );
    if (difference !== undefined) wrong.set(situation.name, difference);
  });
  return wrong;
}
