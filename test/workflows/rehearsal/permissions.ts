import type { Job, Permissions, Workflow } from '../workflow.ts';

/** What a token may do where neither the workflow nor the job says anything: the restricted default. */
const DEFAULT: Permissions = { contents: 'read', packages: 'read' };

/** A job that asks for more than its caller has: GitHub refuses the whole run. */
class TooManyPermissions extends Error {
  override readonly name = 'TooManyPermissions';
}

/**
 * What a job's token may do. A called workflow's jobs may do less than their caller, never more.
 *
 * @param allowed what the calling job has; undefined at the top.
 */
export function permissionsOf(
  name: string,
  job: Job,
  workflow: Workflow,
  allowed: Permissions | undefined,
): Permissions {
  const asked = job.permissions ?? workflow.permissions ?? allowed ?? DEFAULT;
  if (!allowed) return asked;
  const excess = Object.entries(asked).filter(([key, access]) => !within(access, allowed[key]));
  if (excess.length === 0) return asked;
  const text = excess.map(
    ([key, access]) => `'${key}: ${access ?? ''}', but is only allowed '${key}: ${allowed[key] ?? 'none'}'`,
  );
  throw new TooManyPermissions(`the nested job ${name} is requesting ${text.join(', ')}`);
}

function within(access: string | undefined, limit: string | undefined): boolean {
  return access === 'none' || access === limit || (access === 'read' && limit === 'write');
}
