import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { callAws } from './aws.ts';
import type { Endpoint } from './endpoint.ts';
import type { Situation } from './situation.ts';

const table = z.strictObject({
  /** Calls that an endpoint does not support. Situations that need one of them are skipped there. */
  lacks: z.array(
    z.strictObject({
      endpoint: z.string(),
      call: z.string(),
      with: z.record(z.string(), z.unknown()).default({}),
      /** The error for the call: part of its name and message. */
      refuses: z.string(),
    }),
  ),
  /** Situations with a different result on an endpoint, because of a defect of the endpoint. */
  differs: z.array(
    z.strictObject({
      endpoint: z.string(),
      because: z.string(),
      /** By name, part of how each differs. */
      situations: z.record(z.string(), z.string()),
    }),
  ),
});

export type Differences = z.infer<typeof table>;

/** The table of differences between other endpoints and AWS. */
export function readDifferences(): Differences {
  return table.parse(parse(readFileSync(join(import.meta.dirname, 'differences.yml'), 'utf8')));
}

/** The situations to play on an endpoint, and why the others are skipped. */
export function split(
  situations: readonly Situation[],
  { lacks }: Differences,
  endpoint: string,
): { played: Situation[]; skipped: Map<string, string> } {
  const missing = new Set(lacks.filter((each) => each.endpoint === endpoint).map(({ call }) => call));
  const skipped = new Map<string, string>();
  for (const { name, needs } of situations) {
    const call = needs.find((each) => missing.has(each));
    if (call !== undefined) skipped.set(name, `${endpoint} has no ${call}`);
  }
  return { played: situations.filter(({ name }) => !skipped.has(name)), skipped };
}

/** The differences that are not in the table, and entries of the table that no longer differ. */
export function unexplained(
  differences: Differences,
  endpoint: string,
  played: readonly Situation[],
  wrong: ReadonlyMap<string, string>,
): string[] {
  const known = knownDifferences(differences, endpoint);
  const surprising = [...wrong]
    .filter(([name, difference]) => !known.has(name) || !difference.includes(known.get(name) ?? ''))
    .map(([name, difference]) => `${endpoint}: ${name}: ${difference}`);
  const settled = [...known.keys()]
    .filter((name) => !wrong.has(name))
    .map((name) =>
      played.some((each) => each.name === name)
        ? `${endpoint}: ${name}: is right now, delete its entry in differences.yml`
        : `${endpoint}: ${name}: is not played, delete its entry in differences.yml`,
    );
  return [...surprising, ...settled];
}

/** The situations that differ on an endpoint, and how. */
function knownDifferences({ differs }: Differences, endpoint: string): Map<string, string> {
  const entries = differs.filter((each) => each.endpoint === endpoint);
  return new Map(entries.flatMap(({ situations }) => Object.entries(situations)));
}

/** Entries whose call the endpoint now supports, or refuses differently. */
export async function answeredNow({ lacks }: Differences, endpoint: Endpoint): Promise<string[]> {
  const mine = lacks.filter((each) => each.endpoint === endpoint.name);
  const found = await Promise.all(
    mine.map(async ({ call, with: input, refuses }) => {
      const { error = 'no error' } = await callAws(endpoint, call, input);
      return error.includes(refuses)
        ? []
        : [`${endpoint.name}: ${call}: expected "${refuses}", got ${error}`];
    }),
  );
  return found.flat();
}
