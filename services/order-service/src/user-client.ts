import { Problem } from '@services/shared';
import type { ServiceClient } from '@services/shared';

/** @throws Problem 422 when the user is not there or may not order; DependencyUnavailableError. */
export async function requireActiveUser(users: ServiceClient, userId: string): Promise<void> {
  const { status, body } = await users.request('GET', `/api/users/${userId}`);
  if (status === 404) throw new Problem(422, `there is no user ${userId}`);
  if (status !== 200) throw new Error(`user-service answered ${status} for a user`);
  // Release 1.0 of user-service knows no status: everybody was active.
  const { status: state = 'active' } = body as { status?: string };
  if (state !== 'active') throw new Problem(422, `the user ${userId} is ${state} and cannot order`);
}
