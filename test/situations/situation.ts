import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

/**
 * A situation is data: files, the actions and calls to run, and the expected state of AWS. It is valid on any endpoint
 * that behaves like AWS, so it does not depend on the endpoint.
 */
const expected = z.unknown().optional();

/** Runs an action. `${{ steps.<id>.outputs.<name> }}` in an input is an output of an earlier step. */
const run = z.strictObject({
  /** The action. Default: the folder of the situation's file. */
  run: z.string().optional(),
  id: z.string().optional(),
  with: z.record(z.string(), z.string()).default({}),
  verdict: z.string(),
  /** See `matches`, for the output `reason`, each output, `result`, and the entries of `changes`. */
  reason: z.string().optional(),
  outputs: z.record(z.string(), expected).default({}),
  result: expected,
  /** `add Queue`, `modify Logs`, `replace Table`, `remove Bucket`, `add Child/Queue`: all of them, in any order. */
  changes: z.array(z.string()).optional(),
  /** The error's stable code. */
  code: z.string().optional(),
});

/** Calls AWS, to change or to read something. */
const call = z.strictObject({
  /** `cloudformation DescribeStacks` */
  call: z.string().regex(/^[a-z0-9]+ [A-Z]\w+$/),
  id: z.string().optional(),
  with: z.record(z.string(), z.unknown()).default({}),
  /** What the output must contain; see `matches`. */
  answers: expected,
  /** What it must not contain. */
  without: expected,
  /** What the error's name and message must contain instead. */
  refused: z.string().optional(),
  /** The call is repeated until it matches, for at most this many seconds. */
  within: z.number().optional(),
});

/** Steps that run in parallel. */
const together = z.strictObject({ together: z.array(z.union([run, call])).min(2) });

/** A file's text, or one that starts with the same text many times. */
const file = z.union([
  z.string(),
  z
    .strictObject({ repeat: z.string(), times: z.number(), then: z.string() })
    .transform(({ repeat, times, then }) => repeat.repeat(times) + then),
]);

const situation = z.strictObject({
  /** The input `stack-name` of its runs, and the prefix of all its names, because situations share an endpoint. */
  stack: z.string(),
  /** The calls that it requires: `cloudformation DetectStackDrift`. */
  needs: z.array(z.string()).default([]),
  files: z.record(z.string(), file).default({}),
  steps: z.array(z.union([run, call, together])).min(1),
});

export type RunStep = z.infer<typeof run>;
export type CallStep = z.infer<typeof call>;
export type Step = z.infer<typeof situation>['steps'][number];
export type Situation = z.infer<typeof situation> & { name: string; action: string };

const situations = z.record(z.string(), situation);

/**
 * All situations of an action, by file and position. Throws for an invalid file, and for a stack that two situations
 * use.
 */
export function readSituations(action: string): Situation[] {
  const folder = join(import.meta.dirname, action);
  const all = readdirSync(folder)
    .toSorted()
    .flatMap((file) => readFile(join(folder, file)))
    .map(([name, each]) => ({ ...each, name, action }));
  for (const key of ['stack', 'name'] as const) {
    const values = all.map((each) => each[key]);
    const twice = values.find((value, index) => values.indexOf(value) !== index);
    if (twice !== undefined) throw new Error(`two situations have the ${key} ${twice}`);
  }
  return all;
}

function readFile(path: string): [string, z.infer<typeof situation>][] {
  const { data, error } = situations.safeParse(parse(readFileSync(path, 'utf8'), { merge: true }));
  if (error) throw new Error(`${path}: ${z.prettifyError(error)}`);
  return Object.entries(data);
}
