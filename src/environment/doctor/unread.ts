import { classify } from '../../aws/errors.ts';
import { reasonOf } from '../../core/errors.ts';
import type { Finding } from '../run/result.ts';

/**
 * The finding for something that could not be read. It is a warning, because a role can deploy without the permission to read
 * it.
 *
 * @param fix how to get the permission, if access was denied.
 */
export function unread(error: unknown, fix: string): Finding {
  const denied = classify(error) === 'denied';
  return { state: 'warning', says: `not checked: ${reasonOf(error)}`, ...(denied && { fix }) };
}
