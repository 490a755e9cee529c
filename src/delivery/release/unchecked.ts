import { classify } from '../../aws/errors.ts';
import { reasonOf } from '../../core/errors.ts';
import type { PreflightFinding } from '../../ecs/preflight.ts';

/**
 * A check that could not be made. The deployment goes on: it must not fail because a permission to read is missing.
 *
 * @param what such as `Whether the image x exists`.
 * @param permission what the check needs. It is advised only where AWS says that access is denied.
 */
export function unchecked(
  what: string,
  level: 'warning' | 'note',
  error: unknown,
  permission: string,
): PreflightFinding {
  const message = `${what} cannot be checked: ${reasonOf(error)}`;
  if (classify(error) !== 'denied') return { level, message };
  return { level, message, fix: `Allow ${permission} to the role of the job.` };
}
