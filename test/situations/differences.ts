import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { callAws } from './aws.ts';
import type { Endpoint } from './endpoint.ts';
import type { Situation } from './situation.ts';

const table = z.strictObject({
  /** Calls that an endpoint does not have. Situations that need one of them are skipped there. */
  lacks: z.array(
    z.strictObject({
      endpoint: z.string(),
      call: z.string(),
      with: z.record(z.string(), z.unknown()).default({}),
      /** How it refuses the call: part of the error's name and message. */
      refuses: z.string(),
    }),
  ),
  /** Situations that end otherwise on an endpoint, by a fault of the endpoint. */
  differs: z.array(
    z.strictObject({
      endpoint: z.string(),
      because: z.string(),
      /** By their names, part of how each differs. */
      situations: z.record(z.string(), z.string()),
    }),
  ),
});

export type Differences = z.infer<typeof table>;

/** The one table of what other endpoints do otherwise than AWS. */
export function readDifferences(): Differences {
  return table.parse(parse(readFileSync(join(import.meta.dirname, 'differences.yml'), 'utf8')));
}

/** The situations to play on an endpoint, and why each of the others is skipped. */
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

/** The differences that the table does not explain, and its entries that no longer differ. */
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

/** The situations that differ on an endpoint, and what shows it. */
function knownDifferences({ differs }: Differences, endpoint: string): Map<string, string> {
  const entries = differs.filter((each) => each.endpoint === endpoint);
  return new Map(entries.flatMap(({ situations }) => Object.entries(situations)));
}

/** Entries of the table whose call the endpoint has by now, or refuses otherwise. */
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
