import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../../core/canonical.ts';
import { InputError } from '../../core/errors.ts';
import type { StackTarget } from './targets.ts';

/** The planned change of one stack. */
export type PlannedStack =
  /** A change set to execute. */
  | { kind: 'change-set'; plan: string; fingerprint: string }
  /** No changes, according to CloudFormation. */
  | { kind: 'unchanged' }
  /**
   * A stack that does not exist yet. Its change set cannot be created before the stacks that it reads from; everything
   * in it is an addition. The fingerprint covers its template, parameters and tags.
   */
  | { kind: 'creation'; fingerprint: string };

/** The planned change of an existing service. */
export type PlannedService =
  | { kind: 'unchanged' }
  /** Release the image with a digest. */
  | { kind: 'release'; from: string; to: string }
  /** Build and release an image. */
  | { kind: 'build'; from: string };

/** The plan of an environment: one entry per stack, and one per existing service. */
export interface EnvironmentPlan {
  environment: string;
  stacks: Readonly<Record<string, PlannedStack>>;
  /** Absent if there are none. `from` is the running revision. */
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

/** The fingerprint of a whole plan. It does not include change set names, which differ each time. */
export function planFingerprint({ environment, stacks, services }: EnvironmentPlan): string {
  const entries = Object.entries(stacks).map(([name, stack]) => [
    name,
    stack.kind,
    'fingerprint' in stack ? stack.fingerprint : '',
  ]);
  return `v1:${hash({ environment, stacks: entries.sort(), ...(services && { services }) })}`;
}

/** The fingerprint of a stack to be created. It covers template, parameters, tags and options. */
export function creationFingerprint({ inputs }: StackTarget, template: string): string {
  const { stackName, parameters, tags, capabilities, stackPolicy = '' } = inputs;
  const { mode, importExisting, rollbackAlarms, monitoringMs } = inputs;
  const options = { mode, importExisting, rollbackAlarms, monitoringMs };
  return `v1:${hash({ stackName, template, parameters, tags, capabilities, stackPolicy, ...options })}`;
}

/**
 * Reads the `plan` output of a plan step, and checks its fingerprint.
 *
 * @throws InputError if it is not a plan, or has another fingerprint.
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
    throw new InputError('plan', text, 'expected the unmodified `plan` output of the plan step');
  }
  const read = schema.safeParse(value);
  if (!read.success)
    throw new InputError('plan', text, 'expected the unmodified `plan` output of the plan step');
  const { services, ...plan } = read.data;
  return { ...plan, ...(services && { services }) };
}

function hash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 32);
}
