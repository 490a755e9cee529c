import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../../core/canonical.ts';
import { InputError } from '../../core/errors.ts';
import type { StackTarget } from './targets.ts';

/** What is to be done with one stack. */
export type PlannedStack =
  /** A change set that can be executed. */
  | { kind: 'change-set'; plan: string; fingerprint: string }
  /** Nothing, as CloudFormation said. */
  | { kind: 'unchanged' }
  /**
   * A stack that is not there, and whose change set cannot be made before those that it reads from are: it is all
   * additions. The fingerprint is of its template, parameters and tags.
   */
  | { kind: 'creation'; fingerprint: string };

/** What is to be done with a service that exists already. */
export type PlannedService =
  | { kind: 'unchanged' }
  /** The image with a digest is released. */
  | { kind: 'release'; from: string; to: string }
  /** An image is built and released. */
  | { kind: 'build'; from: string };

/** The plan of an environment: one entry a stack, and one a service that exists already. */
export interface EnvironmentPlan {
  environment: string;
  stacks: Readonly<Record<string, PlannedStack>>;
  /** Absent where there is none. `from` is the revision that it runs. */
  services?: Readonly<Record<string, PlannedService>>;
}

const schema = z.strictObject({
  environment: z.string(),
  stacks: z.record(
    z.string(),
    z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('change-set'), plan: z.string(), fingerprint: z.string() }),
      z.strictObject({ kind: z.literal('unchanged') }),
      z.strictObject({ kind: z.literal('creation'), fingerprint: z.string() }),
    ]),
  ),
  services: z
    .record(
      z.string(),
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('unchanged') }),
        z.strictObject({ kind: z.literal('release'), from: z.string(), to: z.string() }),
        z.strictObject({ kind: z.literal('build'), from: z.string() }),
      ]),
    )
    .optional(),
});

/** The names of the stacks and services that a plan changes. */
export function changedParts({ stacks, services }: EnvironmentPlan): string[] {
  return Object.entries({ ...stacks, ...services }).flatMap(([name, { kind }]) =>
    kind === 'unchanged' ? [] : [name],
  );
}

/** The mark of what a whole plan does. The names of change sets are no part of it: they are different each time. */
export function planFingerprint({ environment, stacks, services }: EnvironmentPlan): string {
  const entries = Object.entries(stacks).map(([name, stack]) => [
    name,
    stack.kind,
    'fingerprint' in stack ? stack.fingerprint : '',
  ]);
  return `v1:${hash({ environment, stacks: entries.sort(), ...(services && { services }) })}`;
}

/** The mark of a stack that is to be created. Two are the same when template, parameters, tags and options are. */
export function creationFingerprint({ inputs }: StackTarget, template: string): string {
  const { stackName, parameters, tags, capabilities, stackPolicy = '' } = inputs;
  const { mode, importExisting, rollbackAlarms, monitoringMs } = inputs;
  const options = { mode, importExisting, rollbackAlarms, monitoringMs };
  return `v1:${hash({ stackName, template, parameters, tags, capabilities, stackPolicy, ...options })}`;
}

/**
 * Reads the output `plan` of a plan step, and holds it to its fingerprint.
 *
 * @throws InputError when it is none, or another plan's.
 */
export function readPlanDocument(plan: string | undefined, fingerprint: string | undefined): EnvironmentPlan {
  if (plan === undefined) throw new InputError('plan', '', 'expected the `plan` output of the plan step');
  if (fingerprint === undefined)
    throw new InputError('fingerprint', '', 'expected the `fingerprint` output of the plan step');
  const document = parse(plan);
  const own = planFingerprint(document);
  if (own !== fingerprint) {
    throw new InputError(
      'fingerprint',
      fingerprint,
      `expected ${own}, the fingerprint of the given plan. Pass both outputs of the same plan step`,
    );
  }
  return document;
}

function parse(text: string): EnvironmentPlan {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InputError('plan', text, 'expected the `plan` output of the plan step, as it is');
  }
  const read = schema.safeParse(value);
  if (!read.success)
    throw new InputError('plan', text, 'expected the `plan` output of the plan step, as it is');
  const { services, ...plan } = read.data;
  return { ...plan, ...(services && { services }) };
}

function hash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 32);
}
