import { classify } from '../../aws/errors.ts';
import { reasonOf } from '../../core/errors.ts';
import type { PreflightFinding } from '../../ecs/preflight.ts';

/**
 * The finding for a check that could not be made. The deployment continues: a missing read permission must not fail
 * it.
 *
 * @param what the check, such as `whether the image x exists`.
 * @param permission the permission that the check needs. It is advised only if AWS reports that access is denied.
 */
export function unchecked(
  what: string,
  level: 'warning' | 'note',
  error: unknown,
  permission: string,
): PreflightFinding {
  const message = `Cannot check ${what}: ${reasonOf(error)}`;
  if (classify(error) !== 'denied') return { level, message };
  return { level, message, fix: `Allow ${permission} for the job's role.` };
}
