import { classify } from '../../aws/errors.ts';
import { reasonOf } from '../../core/errors.ts';
import type { Finding } from '../run/result.ts';

/**
 * The finding for a check that could not be made. It is a warning, because a role can deploy without the permission to read.
 *
 * @param fix how to grant the permission, used if access was denied.
 */
export function unread(error: unknown, fix: string): Finding {
  const denied = classify(error) === 'denied';
  return { state: 'warning', says: `not checked: ${reasonOf(error)}`, ...(denied && { fix }) };
}
