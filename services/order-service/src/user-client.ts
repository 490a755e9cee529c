import { Problem } from '@services/shared';
import type { ServiceClient } from '@services/shared';

/**
 * @throws Problem 422 if the user does not exist or cannot order
 * @throws DependencyUnavailableError
 */
export async function requireActiveUser(users: ServiceClient, userId: string): Promise<void> {
  const { status, body } = await users.request('GET', `/api/users/${userId}`);
  if (status === 404) throw new Problem(422, `user ${userId} not found`);
  if (status !== 200) throw new Error(`user-service responded with ${status} for a user`);
  // Release 1.0 of user-service has no status: all users were active.
  const { status: state = 'active' } = body as { status?: string };
  if (state !== 'active') throw new Problem(422, `user ${userId} is ${state} and cannot order`);
}
