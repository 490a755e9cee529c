import type { Job, Permissions, Workflow } from '../workflow.ts';

/** The permissions of a token if neither the workflow nor the job sets any: the restricted default. */
const DEFAULT: Permissions = { contents: 'read', packages: 'read' };

/** A job requests more than its caller has: GitHub refuses the whole run. */
class TooManyPermissions extends Error {
  override readonly name = 'TooManyPermissions';
}

/**
 * The permissions of a job's token. A called workflow's jobs never have more than their caller.
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
